"""A reverse proxy in front of a real object server, which breaks what passes as it is told to.

proxy.on(reads, truncated(100))                      # the first request that matches, the others pass
proxy.on(reads, error(503), times=3, after=1)        # the second to fourth one
proxy.edit(reads, without("x-amz-checksum-crc32c"))  # all of them
proxy.seen(reads)                                    # what came, with the status that was answered
"""

from __future__ import annotations

import http.client
import io
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from http_server import Exchange

_HOPS = {"connection", "keep-alive", "transfer-encoding", "content-length"}
_PIECE = 1 << 18
FOR_EVER = 1 << 60


@dataclass
class Answer:
    """What the server answered, or what the client is to believe that it did."""

    status: int
    headers: dict[str, str]
    body: bytes

    def get(self, name: str) -> str:
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), "")

    def drop(self, *names: str) -> None:
        unwanted = {name.lower() for name in names}
        self.headers = {key: value for key, value in self.headers.items() if key.lower() not in unwanted}

    def put(self, name: str, value: str) -> None:
        self.drop(name)
        self.headers[name] = value


Edit = Callable[[Answer], None]


@dataclass
class Passing(Exchange):
    """One request on its way.

    Attributes:
        at: When its head was here, on the monotonic clock.
        status: What was answered; 0 for nothing.
        answered: Bytes of the body that went to the client.
        arrived: The server has had it.
    """

    stream: Any = None
    proxy: Any = None
    length: int = 0
    at: float = field(default_factory=time.monotonic)
    status: int = 0
    answered: int = 0
    arrived: bool = False
    _came: int = 0
    _pieces: list[bytes] = field(default_factory=list)

    def head(self, status: int, headers: Mapping[str, Any] | None = None) -> None:
        self.status = status
        super().head(status, headers)

    def header(self, name: str) -> str:
        return str(self.headers.get(name, ""))

    def set_header(self, name: str, value: str) -> None:
        """Change what the server is asked; an empty value takes it away."""
        del self.headers[name]  # type: ignore[attr-defined]
        if value:
            self.headers[name] = value  # type: ignore[index]

    def receive(self, count: int = FOR_EVER) -> bytes:
        """Read the request's body, or its beginning."""
        if self.length and not self._pieces and self.header("Expect").lower() == "100-continue":
            self.raw(b"HTTP/1.1 100 Continue\r\n\r\n")
        wanted = min(count, self.length)
        while self._came < wanted:
            piece = self.stream.read(min(_PIECE, wanted - self._came))
            if not piece:
                raise ConnectionError("the client hung up")
            self._pieces.append(piece)
            self._came += len(piece)
        if len(self._pieces) > 1 or not self.body:
            self.body = b"".join(self._pieces)
            self._pieces = [self.body] if self.body else []
        return self.body

    def forward(self) -> Answer:
        """Have the server answer, whole, with the edits for such a request."""
        with self.asking() as (status, headers, body):
            answer = Answer(status, headers, body.read())
        for edit in self.edits():
            edit(answer)
        return answer

    def edits(self) -> list[Edit]:
        return [edit for match, edit in self.proxy.edits if match(self)]

    def asking(self) -> _Asking:
        return _Asking(self)

    def reply(self, answer: Answer) -> None:
        """Send an answer with the length it has."""
        self.reply_part(answer, len(answer.body))

    def reply_part(self, answer: Answer, count: int) -> None:
        """Announce all of an answer, and send the beginning of its body."""
        self.head(answer.status, {**answer.headers, "Content-Length": len(answer.body)})
        self.send_body(answer.body[:count])

    def send_body(self, data: bytes) -> None:
        if self.method != "HEAD":
            self.raw(data)
            self.answered += len(data)


class _Asking:
    """A request to the server, whose body is read piece by piece."""

    def __init__(self, passing: Passing) -> None:
        self.passing = passing
        self.link = http.client.HTTPConnection("127.0.0.1", passing.proxy.upstream, timeout=60)

    def __enter__(self) -> tuple[int, dict[str, str], http.client.HTTPResponse]:
        passing = self.passing
        body = passing.receive()
        headers = {
            key: value for key, value in passing.headers.items() if key.lower() not in (*_HOPS, "expect")
        }
        if body or passing.method in ("PUT", "POST"):
            headers["Content-Length"] = str(len(body))
        self.link.putrequest(passing.method, passing.target, skip_host=True, skip_accept_encoding=True)
        for key, value in headers.items():
            self.link.putheader(key, value)
        self.link.endheaders(body or None)
        answer = self.link.getresponse()
        passing.arrived = True
        kept = {key: answer.getheader(key) or "" for key in answer.headers if key.lower() not in _HOPS}
        if passing.method == "HEAD":
            kept["Content-Length"] = answer.getheader("Content-Length", "0")
        return answer.status, kept, answer

    def __exit__(self, *_: object) -> None:
        self.link.close()


Fault = Callable[[Passing], None]
Match = Callable[[Passing], bool]


def everything(_: Passing) -> bool:
    return True


def passed(passing: Passing) -> None:
    """Pass the request on, and the answer back with the edits for it."""
    if passing.edits() or passing.method == "HEAD":
        answer = passing.forward()
        length = answer.get("Content-Length") if passing.method == "HEAD" else len(answer.body)
        passing.head(answer.status, {**answer.headers, "Content-Length": length})
        passing.send_body(answer.body)
        return
    with passing.asking() as (status, headers, body):
        if body.length is None:  # chunked
            passing.reply(Answer(status, headers, body.read()))
            return
        empty = status in (204, 304)
        passing.head(status, headers if empty else {**headers, "Content-Length": body.length})
        while piece := body.read(_PIECE):
            passing.send_body(piece)


@dataclass
class _Rule:
    match: Match
    fault: Fault
    times: int
    after: int


class _Link(socketserver.BaseRequestHandler):
    server: _Listener

    def handle(self) -> None:
        proxy = self.server.proxy
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.request.makefile("rb") as stream:
            try:
                while passing := self._next(stream, proxy):
                    proxy.take(passing)(passing)
                    if not passing.keep:
                        return
            except (OSError, ValueError, http.client.HTTPException):
                return  # one of them hung up, as many tests make it do

    def _next(self, stream: io.BufferedReader, proxy: FaultProxy) -> Passing | None:
        line = stream.readline().decode("latin-1").split()
        if len(line) < 3:
            return None
        headers = http.client.parse_headers(stream)
        return Passing(
            line[0], line[1], headers, b"", self.request, proxy.stopping, proxy.port,
            stream=stream, proxy=proxy, length=int(headers.get("Content-Length", 0)),
        )  # fmt: skip


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    proxy: FaultProxy

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Failures of clients are what the tests are about."""


class FaultProxy:
    """The proxy; it passes everything on until it is told otherwise.

    Attributes:
        upstream: The server's port.
        requests: All that came, in order.
    """

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self.requests: list[Passing] = []
        self.edits: list[tuple[Match, Edit]] = []
        self.stopping = threading.Event()
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()
        self._listener = _Listener(("127.0.0.1", 0), _Link)
        self._listener.proxy = self
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.005,), daemon=True)

    @property
    def port(self) -> int:
        return int(self._listener.server_address[1])

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def on(self, match: Match, fault: Fault, *, times: int = 1, after: int = 0) -> None:
        """Break some requests of a kind: so many, after others that pass."""
        with self._lock:
            self._rules.append(_Rule(match, fault, times, after))

    def edit(self, match: Match, change: Edit) -> None:
        """Change the answers to all requests of a kind that pass."""
        with self._lock:
            self.edits.append((match, change))

    def seen(self, match: Match = everything) -> list[Passing]:
        with self._lock:
            return [passing for passing in self.requests if match(passing)]

    def forget(self) -> None:
        """Leave what came so far out of `seen`."""
        with self._lock:
            self.requests = []

    def heal(self) -> None:
        """Break nothing more."""
        with self._lock:
            self.edits, self._rules = [], []

    def take(self, passing: Passing) -> Fault:
        """Record a request, and return what becomes of it."""
        with self._lock:
            self.requests.append(passing)
            passing.number = len(self.requests)
            return next(self._due(passing), passed)

    def _due(self, passing: Passing) -> Iterator[Fault]:
        for rule in self._rules:
            if rule.times <= 0 or not rule.match(passing):
                continue
            if rule.after > 0:
                rule.after -= 1
                continue
            rule.times -= 1
            yield rule.fault

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join(5)
