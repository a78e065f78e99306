"""What a status means: accepted, worth another attempt, and when."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Final, TypeAlias

from longshore import ConfigurationError, parse_retry_after, redact
from longshore_http.errors import StatusError
from longshore_http.masking import show_text

Statuses: TypeAlias = Collection[int]

SUCCESSFUL: Final = range(200, 300)
LONGEST_RETRY_AFTER: Final = 3600.0
"""Seconds that a server may make a task wait; one that asks for more has failed."""
_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_REQUEST_IDS: Final = (
    "X-Request-Id",
    "X-Amz-Request-Id",
    "X-Amzn-RequestId",
    "X-Correlation-Id",
    "CF-Ray",
    "Request-Id",
)


def is_worth_retrying(status: int) -> bool:
    """Whether the same request may be answered differently later."""
    return status in _PASSING


def check_statuses(owner: str, accept: Statuses) -> None:
    """Look at a field of accepted statuses.

    Raises:
        ConfigurationError: It is no collection of statuses.
    """
    if isinstance(accept, int | str) or any(not 100 <= status <= 599 for status in accept):
        raise ConfigurationError(
            f"{owner}(accept={accept!r}): give statuses, as (200, 404) or range(200, 300)"
        )


def status_error(
    label: str, status: int, headers: Mapping[str, str], body: bytes, *, safe: bool, hint: str = ""
) -> StatusError:
    """Return the error for a status that is not accepted.

    Args:
        label: What was asked for.
        status: The status.
        headers: The answer's headers.
        body: The beginning of its body.
        safe: Whether the request may be sent again.
        hint: What to do, after what was seen.
    """
    request_id = next((redact(headers[name]) for name in _REQUEST_IDS if name in headers), "")
    excerpt = show_text(body)
    message = f"cannot {label}: the server answered {named(status)}"
    message += f", request id {request_id!r}" if request_id else ""
    message += f": {excerpt!r}" if excerpt else ""
    error = StatusError(message, status, excerpt, request_id)
    error.retry_after = retry_after(headers)
    error.retryable = is_worth_retrying(status)
    advice = hint
    if error.retryable and (error.retry_after or 0) > LONGEST_RETRY_AFTER:
        error.retryable = False
        advice = f"it asks to wait {error.retry_after:.0f} s, which is over {LONGEST_RETRY_AFTER:.0f}"
    elif error.retryable and not safe:
        error.retryable = False
        advice = "it is not sent again, as it may have been carried out; idempotency_key=True makes that safe"
    error.args = (f"{message}; {advice}" if advice else message,)
    return error


def named(status: int) -> str:
    """Return a status with its name: `503 Service Unavailable`."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds an answer asks to wait; None if it does not say so in a way that can be read.

    A date is compared with the answer's own Date, so that a clock that is wrong here or there does not
    matter.
    """
    return parse_retry_after(headers.get("Retry-After"), now=moment(headers.get("Date", "")))


def moment(text: str) -> float | None:
    """Return the time that a header's date means, in seconds since 1970; None if it cannot be read."""
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
