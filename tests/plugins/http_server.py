"""A real HTTP/1.1 server on 127.0.0.1 that misbehaves as it is told to.

server.on("/orders", respond(503), respond(200, b"done"))   # the first request, and all others
server.on("/data", Served(b"...", etag='"v1"'))             # a file, with ranges and validators
server.requests                                             # all that came
"""

from __future__ import annotations

import http.client
import io
import re
import socket
import socketserver
import ssl
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


@dataclass
class Exchange:
    """One request, and the means to answer it well or badly."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    connection: socket.socket
    stopping: threading.Event
    port: int
    keep: bool = True
    number: int = 0

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    def raw(self, data: bytes) -> None:
        self.connection.sendall(data)

    def head(self, status: int, headers: Mapping[str, Any] | None = None) -> None:
        phrase = http.client.responses.get(status, "Unknown")
        lines = [f"HTTP/1.1 {status} {phrase}", *(f"{k}: {v}" for k, v in (headers or {}).items()), "", ""]
        self.raw("\r\n".join(lines).encode("latin-1"))

    def send(self, status: int, headers: Mapping[str, Any] | None = None, body: bytes = b"") -> None:
        self.head(status, {"Content-Length": len(body), **(headers or {})})
        if self.method != "HEAD":
            self.raw(body)

    def close(self) -> None:
        self.keep = False

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.close(self.connection.detach())  # before socketserver says goodbye with a FIN
        self.close()

    def stall(self, seconds: float = 20.0) -> None:
        """Say nothing more until the server stops."""
        self.stopping.wait(seconds)
        self.close()


Handler = Callable[[Exchange], None]


def respond(status: int, body: bytes = b"", headers: Mapping[str, Any] | None = None) -> Handler:
    return lambda exchange: exchange.send(status, headers, body)


def reset(exchange: Exchange) -> None:
    exchange.reset()


def hang_up(exchange: Exchange) -> None:
    """Close before any header."""
    exchange.close()


def stall(exchange: Exchange) -> None:
    exchange.stall()


def truncated(
    body: bytes, missing: int, *, how: str = "length", headers: Mapping[str, Any] | None = None
) -> Handler:
    """End a body early: announced by length, by chunks, or by nothing but the end of the connection."""

    def handle(exchange: Exchange) -> None:
        sent = body[: len(body) - missing]
        if how == "length":
            exchange.head(200, {"Content-Length": len(body), **(headers or {})})
            exchange.raw(sent)
        elif how == "chunked":
            exchange.head(200, {"Transfer-Encoding": "chunked", **(headers or {})})
            exchange.raw(b"%x\r\n%s\r\n" % (len(sent), sent))
        elif how == "reset":
            exchange.head(200, {"Content-Length": len(body), **(headers or {})})
            exchange.raw(sent)
            time.sleep(0.1)  # a reset throws away what the other side has not read
            exchange.reset()
        else:
            exchange.head(200, {"Connection": "close", **(headers or {})})
            exchange.raw(sent)
        exchange.close()

    return handle


def stalled(body: bytes, after: int, headers: Mapping[str, Any] | None = None) -> Handler:
    """Announce a body, send the beginning, and then nothing."""

    def handle(exchange: Exchange) -> None:
        exchange.head(200, {"Content-Length": len(body), **(headers or {})})
        exchange.raw(body[:after])
        exchange.stall()

    return handle


def chunked(body: bytes, size: int = 1000, headers: Mapping[str, Any] | None = None) -> Handler:
    def handle(exchange: Exchange) -> None:
        exchange.head(200, {"Transfer-Encoding": "chunked", **(headers or {})})
        for at in range(0, len(body), size):
            piece = body[at : at + size]
            exchange.raw(b"%x\r\n%s\r\n" % (len(piece), piece))
        exchange.raw(b"0\r\n\r\n")

    return handle


@dataclass
class Served:
    """A file with a validator, whose ranges may be honoured, ignored or wrong.

    Args:
        cut_after: Bytes after which each answer's connection ends; None to send all.
        ranges: "honoured", "ignored", "shifted" (another offset than asked), "unlabelled" (200 with a part's
            bytes).
        ignore_if_range: Answer a range of another version as if it were the same.
    """

    body: bytes
    etag: str = '"v1"'
    last_modified: str = ""
    cut_after: int | None = None
    ranges: str = "honoured"
    ignore_if_range: bool = False
    headers: dict[str, str] = field(default_factory=dict)

    def __call__(self, exchange: Exchange) -> None:
        validators = {"ETag": self.etag, "Last-Modified": self.last_modified, **self.headers}
        headers = {name: value for name, value in validators.items() if value}
        start = self._start(exchange)
        if start is None:
            self._body(exchange, 200, headers, self.body)
        elif start >= len(self.body):
            exchange.send(416, {"Content-Range": f"bytes */{len(self.body)}"})
        else:
            shift = 1 if self.ranges == "shifted" else 0
            headers["Content-Range"] = f"bytes {start + shift}-{len(self.body) - 1}/{len(self.body)}"
            self._body(exchange, 206, headers, self.body[start + shift :])

    def _start(self, exchange: Exchange) -> int | None:
        asked = re.fullmatch(r"bytes=(\d+)-", exchange.headers.get("Range", ""))
        if asked is None or self.ranges == "ignored":
            return None
        condition = exchange.headers.get("If-Range")
        if condition not in (None, self.etag, self.last_modified) and not self.ignore_if_range:
            return None
        return int(asked[1])

    def _body(self, exchange: Exchange, status: int, headers: dict[str, str], body: bytes) -> None:
        exchange.head(status, {"Content-Length": len(body), "Accept-Ranges": "bytes", **headers})
        if exchange.method == "HEAD":
            return
        if self.cut_after is None or self.cut_after >= len(body):
            exchange.raw(body)
            return
        exchange.raw(body[: self.cut_after])
        exchange.close()


class _Connection(socketserver.BaseRequestHandler):
    server: _Listener

    def handle(self) -> None:
        owner = self.server.owner
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a body waits 40 ms otherwise
        stream = self.request.makefile("rb")
        try:
            while exchange := self._next(stream):
                owner.answer(exchange)
                if not exchange.keep:
                    return
        except (OSError, ValueError, http.client.HTTPException):
            return  # the client went away, as many tests make it do
        finally:
            stream.close()

    def _next(self, stream: io.BufferedReader) -> Exchange | None:
        line = stream.readline().decode("latin-1").split()
        if len(line) < 3:
            return None
        headers = http.client.parse_headers(stream)
        body = stream.read(int(headers.get("Content-Length", 0)))
        return Exchange(
            line[0], line[1], headers, body, self.request, self.server.owner.stopping, self.server.owner.port
        )  # fmt: skip


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    owner: HttpServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Failures of clients are what the tests are about."""


class HttpServer:
    """The server; `url("/x")` is where it listens, `requests` what it was asked."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Exchange] = []
        self.stopping = threading.Event()
        self._handlers: dict[str, list[Handler]] = {}
        self._lock = threading.Lock()
        self._listener = _Listener(("127.0.0.1", 0), _Connection)
        self._listener.owner = self
        self._scheme = "https" if tls else "http"
        if tls:
            self._listener.socket = tls.wrap_socket(self._listener.socket, server_side=True)
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.005,), daemon=True)

    @property
    def port(self) -> int:
        return self._listener.server_address[1]

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{self._scheme}://{host}:{self.port}{path}"

    def on(self, path: str, *handlers: Handler) -> str:
        """Set how a path answers: one handler for each request, the last for all that follow."""
        self._handlers[path] = list(handlers)
        return self.url(path)

    def asked(self, path: str) -> list[Exchange]:
        return [exchange for exchange in self.requests if exchange.path == path]

    def answer(self, exchange: Exchange) -> None:
        with self._lock:
            self.requests.append(exchange)
            exchange.number = len(self.requests)
            known = self._handlers.get(exchange.path, [])
            handler = known.pop(0) if len(known) > 1 else known[0] if known else respond(404, b"no such path")
        handler(exchange)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join(5)
