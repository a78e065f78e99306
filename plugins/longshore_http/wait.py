"""`HttpWait`: ask until a condition holds."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, cast

from longshore import ConfigurationError, Delay, Secret, Task, current, field
from longshore_http.answers import find
from longshore_http.bodies import Fields, pairs
from longshore_http.client import Request
from longshore_http.connections import HttpConnection, checked_headers
from longshore_http.errors import (
    AnswerError,
    ConnectionFailed,
    ReadTimedOut,
    StatusError,
    WaitedTooLong,
)  # fmt: skip
from longshore_http.masking import show_text
from longshore_http.pauses import Pauses
from longshore_http.request import NO_HEADERS, MiB, fetch
from longshore_http.responses import HttpResponse
from longshore_http.statuses import named, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_ANY_STATUS: Final = range(100, 600)
_HOPELESS: Final = (401, 403, 407)


@dataclass(frozen=True)
class StatusIs:
    """Holds when the answer has one of these statuses."""

    statuses: tuple[int, ...]

    def __init__(self, *statuses: int) -> None:
        object.__setattr__(self, "statuses", statuses)

    def __call__(self, response: HttpResponse) -> bool:
        return response.status in self.statuses


@dataclass(frozen=True)
class JsonEquals:
    """Holds when a 2xx answer has a value at a place of its JSON.

    Args:
        path: Such as `status.phase` or `items[0].state`.
        value: What must stand there; a tuple for one of several.
    """

    path: str
    value: Any

    def __call__(self, response: HttpResponse) -> bool:
        if not 200 <= response.status < 300:
            return False
        try:
            found = find(response.json(), self.path)
        except AnswerError:  # a page that says "starting"
            return False
        if isinstance(self.value, tuple):
            return found in cast("tuple[Any, ...]", self.value)  # pyright: ignore[reportUnknownMemberType]
        return bool(found == self.value)


class HttpWait(Task[HttpResponse]):
    """Ask until a condition holds; the result is the answer for which it did.

    No connection, no answer and any status but 401, 403 and 407 mean "not yet", unless `until` says
    otherwise. A `Retry-After` is waited for. Holds a worker while it waits.

    Args:
        until: `StatusIs(200)`, `JsonEquals("state", "done")`, or a callable from the answer to bool.
        max_wait: Seconds in all.
        interval: Seconds between requests, an `Exponential`, or a callable from the number of requests so
            far.
        connection: How to reach the server, and who we are.
        headers: Sent over the connection's; values may be a `Secret`.
        max_size: Bytes that the body of an answer may have.

    Example:
        >>> HttpWait(until=JsonEquals("status", "done"), max_wait=60)("https://api.example.com/jobs/7").status
        200
    """

    until: Callable[[HttpResponse], bool] = field(default=StatusIs(200), kw_only=False)
    max_wait: float = 300.0
    interval: Delay = 2.0
    connection: HttpConnection = HttpConnection()
    headers: Mapping[str, str | Secret] = NO_HEADERS
    max_size: int = 16 * MiB

    def check(self) -> None:
        object.__setattr__(self, "headers", checked_headers(self.headers, self.name))
        if self.max_wait <= 0:
            raise ConfigurationError(f"{self.name}(max_wait={self.max_wait!r}): give seconds above 0")
        if not callable(self.interval) and self.interval <= 0:
            raise ConfigurationError(f"{self.name}(interval={self.interval!r}): give seconds above 0")

    def run(self, url: str | Secret, *, params: Fields | None = None) -> HttpResponse:
        """Ask until the condition holds.

        Args:
            url: Absolute, or relative to the connection's `base_url`; a `Secret` where the URL is a
                credential.
            params: Added to the URL's query.

        Raises:
            WaitedTooLong: It did not hold within `max_wait`; the last answer is its `last`.
            StatusError: The server does not take our credentials.
            HttpError: The URL cannot be asked at all.
        """
        return _Waiting(self, self.connection.resolve(url), tuple(pairs(params or {}))).answer()


class _Waiting:
    """One call's waiting."""

    def __init__(self, task: HttpWait, url: str, params: tuple[tuple[str, str], ...]) -> None:
        self._task = task
        self._request = Request(connection=task.connection, url=url, params=params, headers=task.headers)
        self._ends = time.monotonic() + task.max_wait
        self._last: HttpResponse | None = None
        self._seen = ""

    def answer(self) -> HttpResponse:
        asked = 0
        with Pauses(self._request.label) as pauses:
            while True:
                asked += 1
                told = self._ask()
                if told is None and self._last is not None:
                    return self._last
                left = self._ends - time.monotonic()
                if left <= 0 or (told or 0.0) > left:
                    raise self._too_long(asked)
                current.progress(1 - left / self._task.max_wait, self._seen)
                pauses.wait(min(left, max(told or 0.0, self._interval(asked))))

    def _ask(self) -> float | None:
        """Ask once; return None when the condition holds, else the seconds that the server asks to wait."""
        # An answer that would come a moment after the end is still worth having.
        request = replace(self._request, within=max(1.0, self._ends - time.monotonic()))
        try:
            self._last = fetch(request, _ANY_STATUS, self._task.max_size)
        except (ConnectionFailed, ReadTimedOut) as error:
            if not error.retryable:  # TLS: waiting does not help
                raise
            self._seen = str(error)
            return 0.0
        if self._task.until(self._last):
            return None
        self._seen = f"the last answer is {named(self._last.status)}, {show_text(self._last.body, 200)!r}"
        if self._last.status in _HOPELESS:
            raise StatusError(
                f"cannot {request.label}: {self._seen}; check the credentials", self._last.status
            )
        return retry_after(self._last.headers) or 0.0

    def _interval(self, asked: int) -> float:
        interval = self._task.interval
        return max(0.05, interval(asked) if callable(interval) else interval)

    def _too_long(self, asked: int) -> WaitedTooLong:
        times = "once" if asked == 1 else f"{asked} times"
        return WaitedTooLong(
            f"cannot see {self._task.until!r} at {self._request.label}: "
            f"asked {times} in {self._task.max_wait:g} s; {self._seen}; raise max_wait if it may take longer",
            self._last,
        )
