"""`HttpWait` and `HttpPages`."""

from __future__ import annotations

import json
import pickle
import time
from typing import Any

import pytest
from http_server import Exchange, HttpServer, hang_up, respond, stall

from longshore import AttemptTimedOut, ConfigurationError, Exponential, Secret
from longshore_http import (
    AnswerError,
    BearerAuth,
    Cursor,
    HttpConnection,
    HttpPages,
    HttpWait,
    JsonEquals,
    LinkHeader,
    NextUrl,
    Offset,
    PageNumber,
    StatusError,
    StatusIs,
    TooLarge,
    WaitedTooLong,
)  # fmt: skip


def say(value: Any, **headers: str) -> Any:
    return respond(200, json.dumps(value).encode(), headers)


def test_waiting_ends_with_the_answer_that_was_waited_for(server: HttpServer) -> None:
    url = server.on("/x", hang_up, respond(503), respond(404), respond(200, b"up"))
    assert HttpWait(interval=0.02)(url).text == "up"
    assert len(server.requests) == 4


def test_waiting_for_a_server_that_is_not_there_yet() -> None:
    with HttpServer() as gone:
        url = gone.url("/x")
    with pytest.raises(WaitedTooLong, match="no connection") as caught:
        HttpWait(interval=0.02, max_wait=0.2)(url)
    assert caught.value.last is None


def test_a_condition_looks_into_json_or_is_any_callable(server: HttpServer) -> None:
    job = {"jobs": [{"state": "running"}]}
    done = {"jobs": [{"state": "done"}]}
    url = server.on("/x", respond(500), respond(200, b"<starting>"), say([]), say(job), say(done))
    until = JsonEquals("jobs[0].state", ("done", "failed"))
    assert HttpWait(until, interval=0.01)(url).json() == done
    assert pickle.loads(pickle.dumps(HttpWait(until))) == HttpWait(until)
    url = server.on("/y", say(1), say(5))
    assert HttpWait(lambda answer: answer.json() > 3, interval=0.01)(url).json() == 5
    assert HttpWait(StatusIs(404, 410), interval=0.01)(server.url("/nowhere")).status == 404


def test_waiting_too_long_tells_the_last_answer(server: HttpServer) -> None:
    url = server.on("/x", say({"state": "running"}))
    with pytest.raises(WaitedTooLong) as caught:
        HttpWait(JsonEquals("state", "done"), interval=0.05, max_wait=0.2)(url)
    assert caught.value.last is not None
    assert caught.value.last.json() == {"state": "running"}
    assert "200 OK" in str(caught.value)
    assert '"running"' in str(caught.value)
    assert pickle.loads(pickle.dumps(caught.value)).last == caught.value.last
    assert 3 <= len(server.requests) <= 7


def test_waiting_backs_off_and_honours_retry_after(server: HttpServer) -> None:
    seen: list[int] = []
    url = server.on("/x", respond(503), respond(503, b"", {"Retry-After": "0.3"}), respond(200))
    began = time.monotonic()
    HttpWait(interval=lambda asked: seen.append(asked) or 0.01)(url)
    assert time.monotonic() - began >= 0.3
    assert seen == [1, 2]
    server.on("/x", respond(503, b"", {"Retry-After": "60"}))
    with pytest.raises(WaitedTooLong):
        HttpWait(interval=0.01, max_wait=5)(url)
    assert time.monotonic() - began < 4


def test_credentials_that_are_refused_end_the_waiting(server: HttpServer) -> None:
    with pytest.raises(StatusError, match="check the credentials"):
        HttpWait(interval=0.01)(server.on("/x", respond(401)))
    assert HttpWait(StatusIs(401))(server.url("/x")).status == 401


def test_a_timeout_ends_the_waiting(server: HttpServer) -> None:
    began = time.monotonic()
    for handler in (respond(503), stall):
        with pytest.raises(AttemptTimedOut):
            HttpWait(interval=30, timeout=0.2)(server.on("/x", handler))
    assert time.monotonic() - began < 4


def test_a_wait_that_cannot_work_is_refused() -> None:
    for fields in ({"max_wait": 0}, {"interval": 0}):
        with pytest.raises(ConfigurationError, match="above 0"):
            HttpWait(**fields)


NUMBERS = list(range(25))


def numbered(exchange: Exchange) -> None:
    page = int(exchange.query["page"][0])
    exchange.send(200, {}, json.dumps(NUMBERS[(page - 1) * 10 : page * 10]).encode())


def by_offset(exchange: Exchange) -> None:
    at, size = int(exchange.query["offset"][0]), min(7, int(exchange.query["limit"][0]))
    exchange.send(200, {}, json.dumps({"data": {"rows": NUMBERS[at : at + size]}}).encode())


def by_cursor(exchange: Exchange) -> None:
    at = int(exchange.query.get("after", ["0"])[0])
    more = {"next": str(at + 10)} if at + 10 < len(NUMBERS) else {"next": None}
    exchange.send(200, {}, json.dumps({"items": NUMBERS[at : at + 10], "meta": more}).encode())


def by_link(exchange: Exchange) -> None:
    at = int(exchange.query.get("at", ["0"])[0])
    link = f'</x?at={at + 10}&q=a,b>; title="a, b"; rel="last next", </x?at=0>; rel=first'
    headers = {"Link": link} if at + 10 < len(NUMBERS) else {}
    exchange.send(200, headers, json.dumps(NUMBERS[at : at + 10]).encode())


def by_url(exchange: Exchange) -> None:
    at = int(exchange.query.get("at", ["0"])[0])
    following = f"?at={at + 10}" if at + 10 < len(NUMBERS) else None
    exchange.send(200, {}, json.dumps({"next": following, "results": NUMBERS[at : at + 10]}).encode())


@pytest.mark.parametrize(
    ("handler", "task"),
    [
        (numbered, HttpPages(PageNumber())),
        (by_offset, HttpPages(Offset(size=10), items="data.rows")),
        (by_cursor, HttpPages(Cursor(path="meta.next", parameter="after"), items="items")),
        (by_link, HttpPages()),
        (by_url, HttpPages(NextUrl(), items="results")),
    ],
)
def test_every_way_of_paging_gives_all_items_once_and_in_order(
    server: HttpServer, handler: Any, task: HttpPages
) -> None:
    url = server.on("/x", handler)
    assert task(url) == NUMBERS
    asked = len(server.requests)
    assert task.replace(max_items=10)(url) == NUMBERS[:10]
    assert len(server.requests) - asked <= 2
    assert task.replace(max_items=0)(url) == []
    assert pickle.loads(pickle.dumps(task)) == task


def test_parameters_go_along_with_each_page(server: HttpServer) -> None:
    HttpPages(PageNumber())(server.on("/x", numbered), params={"day": "2013-01-01"})
    assert [exchange.query["day"] for exchange in server.requests] == [["2013-01-01"]] * 4
    assert [exchange.query["page"] for exchange in server.requests] == [["1"], ["2"], ["3"], ["4"]]


def test_a_list_without_an_end_is_an_error_and_not_a_hang(server: HttpServer) -> None:
    url = server.on("/x", say([1], Link='</x>; rel="next"'))
    with pytest.raises(AnswerError, match="no end"):
        HttpPages()(url)
    count = iter(range(10_000))
    url = server.on("/y", lambda exchange: say([1], Link=f'</y?n={next(count)}>; rel="next"')(exchange))
    with pytest.raises(TooLarge, match="more than 5 pages"):
        HttpPages(max_pages=5)(url)


def test_a_page_without_a_list_is_an_error_that_says_where(server: HttpServer) -> None:
    url = server.on("/x", say({"data": {"n": 1}}))
    for items, said in (("", "a dict"), ("data.rows", "nothing"), ("data.n", "a int")):
        with pytest.raises(AnswerError, match=said):
            HttpPages(items=items)(url)


def test_a_page_that_fails_is_asked_for_again_by_itself(server: HttpServer) -> None:
    failures = iter([503, 0, 503, 503, 0, 0])

    def flaky(exchange: Exchange) -> None:
        status = next(failures)
        respond(status)(exchange) if status else by_link(exchange)

    task = HttpPages(page_delay=Exponential(base=0.01, cap=0.02))
    assert task(server.on("/x", flaky)) == NUMBERS
    assert len(server.requests) == 6
    with pytest.raises(StatusError):
        task(server.on("/x", respond(503)))
    assert len(server.requests) == 10


def test_credentials_do_not_follow_a_page_to_another_host(
    server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_TEST_SECRET", "canary-of-pages")
    secret = Secret("env:HTTP_TEST_SECRET")
    server.on("/x", say([1], Link=f'<{server.url("/y", host="localhost")}>; rel="next"'))
    server.on("/y", say([2]))
    connection = HttpConnection(auth=BearerAuth(token=secret))
    assert HttpPages(connection=connection, headers={"X-Key": secret})(server.url("/x")) == [1, 2]
    seen = [(e.headers.get("Authorization"), e.headers.get("X-Key")) for e in server.requests]
    assert seen == [("Bearer canary-of-pages", "canary-of-pages"), (None, None)]


def test_a_next_page_that_is_no_url_is_refused(server: HttpServer) -> None:
    for target in ("file:///etc/passwd", "gopher://h/"):
        with pytest.raises(ValueError, match="no URL"):
            HttpPages()(server.on("/x", say([1], Link=f"<{target}>; rel=next")))


def test_paging_options_that_cannot_work_are_refused() -> None:
    for fields in ({"max_pages": 0}, {"page_retries": -1}, {"max_items": -1}):
        with pytest.raises(ConfigurationError, match="or more"):
            HttpPages(LinkHeader(), **fields)


def test_an_answer_that_was_cut_when_the_time_was_over_is_none(server: HttpServer) -> None:
    def endless(exchange: Exchange) -> None:
        exchange.head(200, {"Connection": "close"})
        exchange.stall()

    with pytest.raises(WaitedTooLong):
        HttpWait(interval=0.01, max_wait=0.2)(server.on("/x", endless))


def test_a_drip_does_not_outlast_max_wait(server: HttpServer) -> None:
    def drip(exchange: Exchange) -> None:
        exchange.head(200, {"Content-Length": 1000})
        while not exchange.stopping.wait(0.02):
            exchange.raw(b"x")

    began = time.monotonic()
    with pytest.raises(WaitedTooLong, match="time that was left"):
        HttpWait(interval=0.01, max_wait=0.2)(server.on("/x", drip))
    assert time.monotonic() - began < 4
