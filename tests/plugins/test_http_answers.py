"""Answers that are large, packed, slow or strange; and the process around: threads, forks, cancellation."""

from __future__ import annotations

import gc
import gzip
import multiprocessing
import os
import threading
import time
import tracemalloc
from typing import Any

import pytest
from http_server import Exchange, HttpServer, chunked, respond, stall, stalled, truncated

from longshore import AttemptTimedOut, Exponential, Flow, ThreadExecutor
from longshore_http import (
    AnswerError,
    BodyTruncated,
    ConnectionFailed,
    ConnectTimedOut,
    HttpConnection,
    HttpJson,
    HttpRequest,
    HttpText,
    ReadTimedOut,
    TooLarge,
    sessions,
)  # fmt: skip

QUICK: dict[str, Any] = {"retries": 0, "retry_delay": Exponential(base=0.01, cap=0.02)}


def test_a_body_over_max_size_is_refused_by_its_length_and_while_it_comes(server: HttpServer) -> None:
    task = HttpText(max_size=1000, **QUICK)
    assert task(server.on("/x", respond(200, b"x" * 1000))) == "x" * 1000
    for handler in (respond(200, b"x" * 1001), chunked(b"x" * 1001)):
        with pytest.raises(TooLarge, match="max_size is 1000"):
            task(server.on("/x", handler))


def test_a_bomb_is_refused_without_filling_the_memory(server: HttpServer) -> None:
    bomb = gzip.compress(b"0" * 100_000_000)
    url = server.on("/x", respond(200, bomb, {"Content-Encoding": "gzip"}))
    tracemalloc.start()
    with pytest.raises(TooLarge):
        HttpText(max_size=1_000_000, **QUICK)(url)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000


@pytest.mark.parametrize("size", [0, 1, 262_143, 262_144, 262_145, 524_288, 1_000_000])
def test_gzip_is_undone_at_every_size(server: HttpServer, size: int) -> None:
    body = os.urandom(size // 2) + b"0" * (size - size // 2)
    url = server.on("/x", chunked(gzip.compress(body), 777, {"Content-Encoding": "gzip"}))
    assert HttpRequest(**QUICK)(url).body == body
    members = gzip.compress(body[:10]) + gzip.compress(body[10:]) + b"\0\0"
    url = server.on("/x", respond(200, members, {"Content-Encoding": "gzip"}))
    assert HttpRequest(**QUICK)(url).body == body


def test_gzip_that_was_cut_is_noticed_without_a_length(server: HttpServer) -> None:
    packed = gzip.compress(os.urandom(10_000))
    url = server.on("/x", truncated(packed, 9, how="nothing", headers={"Content-Encoding": "gzip"}))
    with pytest.raises(BodyTruncated, match="end mark"):
        HttpRequest(**QUICK)(url)


def test_a_head_answer_has_the_length_of_a_body_that_does_not_come(server: HttpServer) -> None:
    url = server.on("/x", respond(200, b"x" * 100_000_000))
    response = HttpRequest("HEAD", **QUICK)(url)
    assert (response.body, response.headers["Content-Length"]) == (b"", "100000000")


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("é".encode(), "text/plain", "é"),
        ("é".encode("latin-1"), "text/plain; charset=ISO-8859-1", "é"),
        ("é".encode("latin-1"), "text/plain; Charset='latin1'; x=y", "é"),
        (b"\xef\xbb\xbfa", "text/csv", "a"),
        (b"\xff", "text/plain; charset=klingon", "�"),
    ],
)
def test_text_is_decoded_as_the_server_says(
    server: HttpServer, body: bytes, content_type: str, text: str
) -> None:
    assert HttpText(**QUICK)(server.on("/x", respond(200, body, {"Content-Type": content_type}))) == text


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a":', b"[" * 100_000, b"\xff\xfe\xff"])
def test_what_is_not_json_is_an_error_that_quotes_it(server: HttpServer, body: bytes) -> None:
    with pytest.raises(AnswerError, match="as JSON") as caught:
        HttpJson(**QUICK)(server.on("/x", respond(200, body)))
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "garbage",
    [b"", b"220 smtp\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 100_000],
)
def test_what_is_not_http_is_an_error(server: HttpServer, garbage: bytes) -> None:
    def handle(exchange: Exchange) -> None:
        exchange.raw(garbage)
        exchange.close()

    with pytest.raises(ConnectionFailed):
        HttpText(**QUICK)(server.on("/x", handle))


@pytest.mark.parametrize("handler", [stall, stalled(b"x" * 1000, 10)])
def test_silence_ends_after_read_timeout(server: HttpServer, handler: Any) -> None:
    began = time.monotonic()
    with pytest.raises(ReadTimedOut, match="no byte came within read_timeout"):
        HttpText(connection=HttpConnection(read_timeout=0.2), **QUICK)(server.on("/x", handler))
    assert time.monotonic() - began < 5


def test_a_connection_that_nobody_takes_ends_after_connect_timeout() -> None:
    import socket

    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        try:
            with pytest.raises(ConnectTimedOut, match="connect_timeout"):
                url = f"http://127.0.0.1:{full.getsockname()[1]}/"
                HttpText(connection=HttpConnection(connect_timeout=0.2), **QUICK)(url)
        finally:
            for filler in fillers:
                filler.close()


@pytest.mark.parametrize("handler", [stall, stalled(b"x" * 1000, 10)])
def test_a_timeout_cuts_the_connection_and_leaves_no_thread_that_reads(
    server: HttpServer, handler: Any
) -> None:
    ended = threading.Event()

    class Watched(HttpText):
        def run(self, url: str) -> str:  # type: ignore[override]
            try:
                return super().run(url)
            finally:
                ended.set()

    with pytest.raises(AttemptTimedOut):
        Watched(timeout=0.2, **QUICK)(server.on("/x", handler))
    assert ended.wait(2)


def test_a_drip_ends_with_the_attempt(server: HttpServer) -> None:
    def drip(exchange: Exchange) -> None:
        exchange.head(200, {"Content-Length": 1000})
        while not exchange.stopping.wait(0.02):
            exchange.raw(b"x")

    with pytest.raises(AttemptTimedOut):
        HttpText(timeout=0.4, **QUICK)(server.on("/x", drip))


def test_the_connections_of_a_process_are_kept_and_shared(server: HttpServer) -> None:
    peers: list[Any] = []

    def handle(exchange: Exchange) -> None:
        peers.append(exchange.connection.getpeername())
        exchange.send(200)

    url = server.on("/x", handle)
    connection = HttpConnection(read_timeout=31)
    for _ in range(3):
        HttpText(connection=connection, **QUICK)(url)
        threading.Thread(target=HttpText(connection=connection, timeout=5, retries=0), args=(url,)).run()
    assert len(set(peers)) == 1


def test_a_kept_connection_that_the_server_closed_is_not_used_again(server: HttpServer) -> None:
    def once(exchange: Exchange) -> None:
        exchange.send(200)
        exchange.close()

    url = server.on("/x", once)
    for _ in range(3):
        HttpRequest("POST", **QUICK)(url)
        time.sleep(0.05)
    assert len(server.requests) == 3


def test_many_threads_share_a_session_and_get_their_own_answers(server: HttpServer) -> None:
    def echo(exchange: Exchange) -> None:
        exchange.send(200, {}, exchange.query["n"][0].encode())

    url = server.on("/x", echo)
    with Flow("many") as flow:
        HttpText(**QUICK).map([f"{url}?n={n}" for n in range(60)])
    run = flow.run(executor=ThreadExecutor(12))
    [results] = run.results.values()
    assert results == [str(n) for n in range(60)]


def _in_child(url: str, queue: Any) -> None:
    queue.put(HttpText(**QUICK)(url))


@pytest.mark.gate("C11")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_process_makes_connections_of_its_own(server: HttpServer, method: str) -> None:
    ports: list[int] = []

    def handle(exchange: Exchange) -> None:
        ports.append(exchange.connection.getpeername()[1])
        exchange.send(200, {}, b"ok")

    url = server.on("/x", handle)
    assert HttpText(**QUICK)(url) == "ok"
    context: Any = multiprocessing.get_context(method)
    queue = context.Queue()
    child = context.Process(target=_in_child, args=(url, queue))
    child.start()
    assert queue.get(timeout=30) == "ok"
    child.join()
    assert HttpText(**QUICK)(url) == "ok"
    assert ports[1] not in (ports[0], ports[2])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_headers_that_contradict_each_other_are_an_error(server: HttpServer) -> None:
    def handle(exchange: Exchange) -> None:
        exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello!")
        exchange.close()

    with pytest.raises(AnswerError, match="contradict"):
        HttpText(**QUICK)(server.on("/x", handle))
    gc.collect()  # urllib3 leaves this socket to the collector, which says so


def test_old_sessions_are_dropped_when_there_are_many(server: HttpServer) -> None:
    url = server.on("/x", respond(200))
    for n in range(70):
        HttpText(connection=HttpConnection(read_timeout=100 + n), **QUICK)(url)
    assert len(sessions._sessions) <= 64
