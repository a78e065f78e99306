"""One exchange with a server, by `urllib`: no redirect followed, nothing repeated, ended in time.

Imported late: the modules beneath take longer to import than all of this package. The SDK's own transport
follows redirects with the token, has one timeout for everything, and writes URLs into its errors.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import os
import socket
import ssl
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.error import URLError
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler

from longshore import ConfigurationError, current, redact
from longshore_slack.errors import SlackError, SlackTlsError, SlackUnreachableError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from urllib.request import Request

    from longshore_slack.connections import SlackConnection

_LARGEST: Final = 16 << 20
"""Bytes of an answer; a page of 1,000 users has some 2 MB."""
_CHUNK: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Cutter:
    """Ends what one call sends and receives, from another thread.

    Closing a socket does not wake a thread that reads from it; shutting a duplicate of it down does.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self.why = ""

    def watch(self, sock: socket.socket) -> None:
        with self._lock:
            self._sockets.append(sock.dup())
            if self.why:
                self._shut()

    def cut(self, why: str) -> None:
        with self._lock:
            self.why = self.why or why
            self._shut()

    def close(self) -> None:
        with self._lock:
            while self._sockets:
                self._sockets.pop().close()

    def _shut(self) -> None:
        for sock in self._sockets:
            with contextlib.suppress(OSError):  # the other side was faster
                sock.shutdown(socket.SHUT_RDWR)


@contextmanager
def _cuttable(seconds: float | None) -> Generator[_Cutter]:
    cutter = _Cutter()
    late = functools.partial(cutter.cut, f"it was not over after {seconds:g} s" if seconds else "")
    timer = threading.Timer(seconds, late) if seconds else None
    try:
        if timer is not None:
            timer.daemon = True
            timer.start()
        with current.on_cancel(functools.partial(cutter.cut, "the attempt was told to stop")):
            yield cutter
    finally:
        if timer is not None:
            timer.cancel()
        cutter.close()


def _prepare(connection: Any, cutter: _Cutter, read_timeout: float) -> Any:
    """Have a connection watched, and its timeout changed once it is there."""
    create, connect = connection._create_connection, connection.connect

    def created(*arguments: Any, **options: Any) -> socket.socket:
        sock: socket.socket = create(*arguments, **options)
        cutter.watch(sock)
        return sock

    def connected() -> None:
        connect()
        connection.sock.settimeout(read_timeout)

    connection._create_connection, connection.connect = created, connected
    return connection


class _Plain(HTTPHandler):
    def __init__(self, cutter: _Cutter, read_timeout: float) -> None:
        super().__init__()
        self._cutter, self._read_timeout = cutter, read_timeout

    def http_open(self, req: Request) -> http.client.HTTPResponse:
        return self.do_open(self._make, req)

    def _make(self, host: str, **options: Any) -> Any:
        return _prepare(http.client.HTTPConnection(host, **options), self._cutter, self._read_timeout)


class _Tls(HTTPSHandler):
    def __init__(self, cutter: _Cutter, read_timeout: float, context: ssl.SSLContext) -> None:
        super().__init__()
        self._cutter, self._read_timeout, self._trust = cutter, read_timeout, context

    def https_open(self, req: Request) -> http.client.HTTPResponse:
        return self.do_open(self._make, req)

    def _make(self, host: str, **options: Any) -> Any:
        connection = http.client.HTTPSConnection(host, **options, context=self._trust)
        return _prepare(connection, self._cutter, self._read_timeout)


def exchange(
    connection: SlackConnection, request: Request, what: str, *, within: float | None = None
) -> Answer:
    """Send one request and return its answer, whatever its status.

    Args:
        connection: How to reach the server.
        request: What to send.
        what: What could not be done, for messages: `post to '#data'`.
        within: Seconds in all; by default as the connection says; 0 for no limit.

    Raises:
        SlackUnreachableError: There was no connection, or no whole answer.
    """
    seconds = connection.call_timeout if within is None else within
    with _cuttable(seconds or None) as cutter:
        sent = False
        try:
            response = _opener(connection, cutter).open(request, timeout=connection.connect_timeout)
            assert response is not None
            sent = True
            with response:
                return Answer(response.status, dict(response.headers.items()), _read(response))
        except SlackError:
            raise
        except (OSError, http.client.HTTPException, ValueError) as error:
            # An error in sending comes as URLError; others come when the whole request is out.
            sent = sent or not isinstance(error, URLError)
            failure = _failure(what, error, cutter.why, sent)
    raise failure  # here, so that no error hangs on to it that shows a URL


def _opener(connection: SlackConnection, cutter: _Cutter) -> OpenerDirector:
    opener = OpenerDirector()
    proxy = connection.proxy_url
    opener.add_handler(ProxyHandler({"http": proxy, "https": proxy} if proxy else None))
    opener.add_handler(_Plain(cutter, connection.read_timeout))
    opener.add_handler(_Tls(cutter, connection.read_timeout, _trust(connection.ca_file, os.getpid())))
    return opener


@functools.lru_cache(maxsize=16)
def _trust(ca_file: str, _process: int) -> ssl.SSLContext:
    """Return who is trusted; reading the authorities takes some 20 ms."""
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"cannot use SlackConnection(ca_file={ca_file!r}): {type(error).__name__}: {error}; "
            "give a file of certificates in PEM form"
        ) from None


def _read(response: Any) -> bytes:
    body = bytearray()
    while chunk := response.read(_CHUNK):
        body += chunk
        if len(body) > _LARGEST:
            raise ValueError(f"the answer has more than {_LARGEST} bytes")
    if response.length:  # bytes that were announced and did not come
        raise http.client.IncompleteRead(b"", response.length)
    return bytes(body)


def _failure(what: str, error: Exception, cut: str, sent: bool) -> SlackUnreachableError:
    reason = error.reason if isinstance(error, URLError) else error
    kind: type[SlackUnreachableError] = SlackUnreachableError
    if not cut and not sent and _is_about_trust(reason):
        kind = SlackTlsError
    seen = cut or _seen(reason, sent)
    failure = kind(f"cannot {what}: {seen}")
    failure.uncertain = sent
    return failure


def _is_about_trust(reason: object) -> bool:
    """Whether TLS failed for a reason that another attempt will meet again."""
    return isinstance(reason, ssl.SSLError) and not isinstance(
        reason, ssl.SSLEOFError | ssl.SSLZeroReturnError | TimeoutError
    )


def _seen(reason: object, sent: bool) -> str:
    """Return what happened, in words that hold no URL."""
    if isinstance(reason, ssl.SSLCertVerificationError):
        return (
            f"the server's certificate cannot be trusted: {reason.verify_message}; "
            "name the authority that signed it: SlackConnection(ca_file='ca.pem')"
        )
    if _is_about_trust(reason):
        said = getattr(reason, "reason", None) or "it failed"
        return f"TLS could not be agreed on: {said}; check base_url, and what proxy stands between"
    if isinstance(reason, socket.gaierror):
        return "the host's name was not found; check base_url, and the network's DNS"
    if isinstance(reason, TimeoutError):
        return "no answer came in time" if sent else "nobody took the connection in time"
    if isinstance(reason, http.client.IncompleteRead):
        return "the connection ended before the whole answer had come"
    if isinstance(reason, http.client.RemoteDisconnected):
        return "the server closed the connection without an answer"
    if isinstance(reason, ConnectionError):
        return f"the connection was {'refused' if isinstance(reason, ConnectionRefusedError) else 'reset'}"
    if isinstance(reason, OSError):
        return f"no connection: {redact(reason.strerror or type(reason).__name__)}"
    return "the answer is not one of HTTP"
