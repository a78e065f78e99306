"""What `requests` raises, in our words. A cause is kept only if its text has no URL: URLs carry secrets."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final, TypeVar

from longshore import LongshoreError
from longshore_http.errors import (
    AnswerError,
    BodyTruncated,
    ConnectionFailed,
    ConnectTimedOut,
    HttpError,
    ReadTimedOut,
    RequestCancelled,
    TlsFailed,
    UrlRefused,
)  # fmt: skip
from longshore_http.masking import show_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore_http.cutting import Cutter

T = TypeVar("T")


class _Net:
    """Classes of modules that take longer to import than all of this package, and that only a call needs."""

    def __init__(self) -> None:
        import http.client
        import socket
        import ssl

        self.gaierror = socket.gaierror
        self.SSLError = ssl.SSLError
        self.RemoteDisconnected = http.client.RemoteDisconnected
        self.roots = (ssl.SSLError, OSError, http.client.HTTPException)
        self.ended = (ssl.SSLEOFError, ssl.SSLZeroReturnError)


_net = functools.cache(_Net)
_INVALID: Final = frozenset(
    {"InvalidURL", "MissingSchema", "InvalidSchema", "InvalidHeader", "LocationParseError", "UnicodeError"}
)
_UNSURE: Final = (
    "the server may have carried it out, so it is not sent again; idempotency_key=True makes that safe"
)


def translated(label: str, cutter: Cutter, work: Callable[[], T], *, safe: bool) -> T:
    """Do what the libraries do, and turn what they raise into our errors.

    Args:
        label: What messages call the request.
        cutter: Tells whether we ended the request ourselves.
        work: The libraries' part.
        safe: Whether the request may be sent again although it may have been carried out.
    """
    try:
        return work()
    except HttpError as error:
        raise guarded(error, cutter, safe=safe) from error.__cause__
    except LongshoreError:
        raise
    except Exception as error:  # noqa: BLE001 - the libraries raise a dozen unrelated kinds
        chain = _chain(error)
        failure = _failure(label, chain, cutter, safe=safe)
    root = next((e for e in reversed(chain) if isinstance(e, OSError) and not _is_wrapper(e)), None)
    raise failure from (root.with_traceback(None) if root else None)


def _chain(error: BaseException) -> list[BaseException]:
    """Return an error and all that it wraps, outermost first."""
    found: list[BaseException] = []
    pending: list[object] = [error]
    while pending:
        item = pending.pop(0)
        if isinstance(item, BaseException) and not any(item is known for known in found):
            found.append(item)
            pending += [getattr(item, "reason", None), *item.args, item.__cause__, item.__context__]
    return found


def _is_wrapper(error: BaseException) -> bool:
    return type(error).__module__.startswith(("requests", "urllib3"))


def _failure(label: str, chain: list[BaseException], cutter: Cutter, *, safe: bool) -> HttpError:
    if cutter.was_cut:
        return guarded(_cut(label, cutter), cutter, safe=safe)
    for error in chain:
        if isinstance(error, HttpError):  # raised by our own part of the transport
            return guarded(error, cutter, safe=safe)
    names = {kind.__name__ for error in chain for kind in type(error).__mro__}
    failure = _while_connecting(label, chain, names, cutter) or _while_answering(label, chain, names, cutter)
    return guarded(failure, cutter, safe=safe)


def guarded(failure: HttpError, cutter: Cutter, *, safe: bool) -> HttpError:
    """Return a failure that is not retried if the request may have been carried out and must not be twice."""
    if isinstance(failure, ConnectionFailed):
        failure.sent = cutter.sent
    if cutter.sent and not safe and failure.retryable:
        failure.args = (f"{failure}; {_UNSURE}",)
        failure.retryable = False
    return failure


def check_whole(label: str, cutter: Cutter) -> None:
    """Notice that what looks like the end of a body without a length is where we cut it ourselves.

    Raises:
        HttpError: It was cut.
    """
    if cutter.was_cut:
        raise _cut(label, cutter)


def _cut(label: str, cutter: Cutter) -> HttpError:
    if cutter.expired:
        return ReadTimedOut(f"cannot {label}: the answer was not there in the time that was left for it")
    return RequestCancelled(f"cannot {label}: the attempt was told to stop, and the connection was cut")


def _while_connecting(
    label: str, chain: list[BaseException], names: set[str], cutter: Cutter
) -> HttpError | None:
    if names & _INVALID:
        if cutter.sent:
            return AnswerError(f"cannot {label}: the answer's headers contradict each other")
        return UrlRefused(f"cannot {label}: the URL or a header of it is not valid")
    if "SSLError" in names and _is_about_trust(chain, cutter):
        return _tls(label, chain)
    if any(isinstance(e, _net().gaierror) for e in chain):
        return ConnectionFailed(
            f"cannot {label}: the host's name was not found; check it, and the network's DNS"
        )
    if "ProxyError" in names:
        return ConnectionFailed(f"cannot {label}: the proxy did not connect: {_said(chain)}")
    if "ConnectTimeoutError" in names and "NewConnectionError" not in names:
        return ConnectTimedOut(f"cannot {label}: nobody took the connection within connect_timeout")
    if "NewConnectionError" in names:
        return ConnectionFailed(f"cannot {label}: no connection: {_said(chain)}")
    return None


def _is_about_trust(chain: list[BaseException], cutter: Cutter) -> bool:
    """Whether TLS failed for a reason that another attempt will meet again."""
    if any(isinstance(e, _net().ended) for e in chain):
        return False
    return not cutter.sent or any("ALERT" in str(getattr(e, "reason", "")) for e in chain)


def _tls(label: str, chain: list[BaseException]) -> HttpError:
    reason = next((e for e in chain if isinstance(e, _net().SSLError)), chain[-1])
    said = getattr(reason, "verify_message", "") or getattr(reason, "reason", "") or str(reason)
    return TlsFailed(
        f"cannot {label}: TLS cannot be trusted: {said}; "
        "name the authority that signed it: HttpConnection(verify='ca.pem')"
    )


def _while_answering(label: str, chain: list[BaseException], names: set[str], cutter: Cutter) -> HttpError:
    timed_out = any(isinstance(e, TimeoutError) for e in chain)
    if timed_out and not cutter.sent:
        return ConnectTimedOut(f"cannot {label}: TLS was not agreed on within connect_timeout")
    if "ReadTimeoutError" in names:
        return ReadTimedOut(f"cannot {label}: no byte came within read_timeout")
    if timed_out:
        return ReadTimedOut(f"cannot {label}: the server stopped taking the request, within connect_timeout")
    if "IncompleteRead" in names or "InvalidChunkLength" in names:
        return BodyTruncated(f"cannot {label}: the connection ended before the whole body had come")
    if any(isinstance(e, _net().RemoteDisconnected) for e in chain):
        return ConnectionFailed(f"cannot {label}: the server closed the connection without an answer")
    if any(isinstance(e, ConnectionResetError | BrokenPipeError) for e in chain):
        return ConnectionFailed(f"cannot {label}: the connection was reset")
    return ConnectionFailed(f"cannot {label}: the connection broke: {_said(chain)}")


def _said(chain: list[BaseException]) -> str:
    """Return what the innermost error says that is not the libraries' own."""
    for error in reversed(chain):
        if isinstance(error, _net().roots) and not _is_wrapper(error):
            return f"{type(error).__name__}: {show_text(str(error).encode(), 200)}".removesuffix(": ")
    return type(chain[-1]).__name__
