"""What goes wrong between us and a mail server, in our words."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from longshore import redact
from longshore_email.errors import ConnectionFailed, EmailError, MailRefused, MailUncertain, TlsFailed

if TYPE_CHECKING:
    from collections.abc import Generator

    from longshore_email.cutting import Line

_ANSWER: Final = 300
"""Characters of a server's words that are shown."""


def expect(reply: tuple[int, bytes], label: str, stage: str, code: int = 250) -> None:
    """Check what the server answered.

    Raises:
        MailRefused: It is another code.
    """
    if reply[0] != code:
        raise MailRefused(f"cannot {label}: {said(reply, stage)}", reply[0] if reply[0] > 0 else 500)


def said(reply: tuple[int, bytes], stage: str) -> str:
    """Return what the server said, for a message."""
    return f"the server answered {reply[0]} to {stage}: {words(reply[1])}"


def words(answer: bytes) -> str:
    """Return a server's words on one line; secrets are masked before it is cut."""
    text = redact(" ".join(answer.decode("utf-8", "replace").split()))
    return text if len(text) <= _ANSWER else f"{text[:_ANSWER]}..."


@contextmanager
def as_tls_failure(label: str, line: Line) -> Generator[None]:
    """Tell what goes wrong while a connection is opened and encrypted."""
    try:
        yield
    except ssl.SSLError as error:
        if line.cut_for or isinstance(error, TimeoutError):
            raise
        why = getattr(error, "verify_message", "") or error.reason or str(error)
        hint = (
            "; if it speaks TLS only after STARTTLS, write tls='starttls'" if "WRONG_VERSION" in why else ""
        )
        raise TlsFailed(f"cannot {label}: its TLS cannot be trusted: {why}{hint}") from error
    except smtplib.SMTPResponseException as error:
        raise _refusal(label, error) from error


@contextmanager
def translated(label: str, line: Line) -> Generator[None]:
    """Tell what goes wrong in our words, and whether the mail may have arrived all the same."""
    try:
        yield
    except EmailError:
        raise
    except smtplib.SMTPResponseException as error:
        raise (
            _unknown(label, "its answer cannot be read") if line.handed_over else _refusal(label, error)
        ) from error
    except (OSError, smtplib.SMTPException) as error:
        cause = error.__context__ if isinstance(error.__context__, OSError) else error
        why = line.cut_for or redact(str(cause)) or type(cause).__name__
        raise (_unknown if line.handed_over else _failed)(label, why) from error


def _refusal(label: str, error: smtplib.SMTPResponseException) -> EmailError:
    code, answer = error.smtp_code, error.smtp_error
    data = answer if isinstance(answer, bytes) else answer.encode()
    if code < 200:
        return ConnectionFailed(f"cannot {label}: what answers is no mail server: {words(data)}")
    return MailRefused(f"cannot {label}: {said((code, data), 'us')}", code)


def _failed(label: str, why: str) -> EmailError:
    return ConnectionFailed(f"cannot {label}: {why}; nobody has got it")


def _unknown(label: str, why: str) -> EmailError:
    return MailUncertain(f"cannot {label} for certain: it was handed over, and no answer came: {why}")
