# ruff: noqa: N818 - failures are called what people say: TooLarge, ReadTimedOut
"""The errors, one class for each `except` clause someone would write.

HttpError
├── ConnectionFailed (ConnectionError)    no connection, or it broke before the answer was whole
│   ├── ConnectTimedOut (TimeoutError)    nobody took the connection within `connect_timeout`
│   ├── TlsFailed                         the server's certificate or its TLS cannot be trusted
│   └── BodyTruncated                     the body ended before its announced length
├── ReadTimedOut (TimeoutError)           no byte for `read_timeout`
├── RequestCancelled                      the attempt timed out or was cancelled, and the connection was cut
├── StatusError                           the server answered with a status that is not accepted
├── RedirectRefused                       too many redirects, or one that gives up TLS
├── AddressRefused (PermissionError)      `public_only`, and the host has an address that is not public
├── UrlRefused (ValueError)               what was given is no URL of http or https
├── TokenError                            the OAuth2 server gave no token
├── AnswerError (ValueError)              an answer that cannot be read: not JSON, bad encoding, wrong range
├── TooLarge (ValueError)                 more bytes, items or pages than allowed
├── ChecksumMismatch (ValueError)         the bytes that came are not the bytes that were meant
├── LengthUnknown                         a cut download could not be told from a whole one
├── SourceFailed (OSError)                the file to send cannot be read
├── TargetFailed (OSError)                the file cannot be written: disk full, no permission
└── WaitedTooLong (TimeoutError)          the condition did not hold within `max_wait`
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from longshore import LongshoreError

if TYPE_CHECKING:
    from longshore_http.responses import HttpResponse


class HttpError(LongshoreError):
    """The root of the errors of HTTP tasks."""


class ConnectionFailed(HttpError, ConnectionError):
    """There was no connection, or it broke.

    Attributes:
        sent: Whether the server may have got the request, so may have carried it out.
    """

    sent: bool = True


class ConnectTimedOut(ConnectionFailed, TimeoutError):
    """Nobody took the connection within `connect_timeout`."""


class TlsFailed(ConnectionFailed):
    """The server's certificate, or its TLS, cannot be trusted."""

    retryable = False


class BodyTruncated(ConnectionFailed):
    """The body ended before its announced length."""


class ReadTimedOut(HttpError, TimeoutError):
    """No byte came for `read_timeout`; the server may have carried the request out."""


class RequestCancelled(HttpError):
    """The attempt timed out or was cancelled, so its connection was cut."""

    retryable = False


class StatusError(HttpError):
    """The server answered with a status that is not accepted.

    Attributes:
        status: The status code.
        excerpt: The beginning of the answer's text, without secrets.
        request_id: What the server calls this request in its own log; empty if it did not say.
    """

    def __init__(self, message: str, status: int = 0, excerpt: str = "", request_id: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.excerpt = excerpt
        self.request_id = request_id


class RedirectRefused(HttpError):
    """Too many redirects, or one that leads from https to http."""

    retryable = False


class AddressRefused(HttpError, PermissionError):
    """The connection allows public addresses only, and the host has another one."""

    retryable = False


class UrlRefused(HttpError, ValueError):
    """Not a URL of http or https that can be requested."""

    retryable = False


class TokenError(HttpError):
    """The OAuth2 server gave no token."""


class AnswerError(HttpError, ValueError):
    """The answer came whole but cannot be read as what it should be."""

    retryable = False


class TooLarge(HttpError, ValueError):
    """More bytes, items or pages than allowed."""

    retryable = False


class ChecksumMismatch(HttpError, ValueError):
    """The bytes that came are not the bytes that were meant."""


class LengthUnknown(HttpError):
    """The server gave neither length nor checksum, so a cut download could not be told from a whole one."""

    retryable = False


class SourceFailed(HttpError, OSError):
    """The file to send cannot be read."""

    retryable = False


class TargetFailed(HttpError, OSError):
    """The file cannot be written."""

    retryable = False


class WaitedTooLong(HttpError, TimeoutError):
    """The condition did not hold within `max_wait`.

    Attributes:
        last: The last answer; None when there was none.
    """

    retryable = False

    def __init__(self, message: str, last: HttpResponse | None = None) -> None:
        super().__init__(message)
        self.last = last
