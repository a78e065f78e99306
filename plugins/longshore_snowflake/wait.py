"""`SnowflakeWait`: ask until a query returns a row."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence  # noqa: TC003 - who describes a task evaluates these
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from longshore import ConfigurationError, Job, JobFinished, JobNotFoundError, JobRunning, field
from longshore_snowflake import queries
from longshore_snowflake.connections import SnowflakeConnection
from longshore_snowflake.errors import SnowflakeTimeoutError
from longshore_snowflake.sessions import Session, session
from longshore_snowflake.statements import Statement

Waiting = dict[str, str | float]
_GROWTH: Final = 1.5


@dataclass(slots=True)
class _Looks:
    """How a wait stands in this process: what it asks now, and when it asks again."""

    query_id: str = ""
    due: float = 0.0
    pause: float = 1.0
    count: int = 0


_waits: Final[dict[str, _Looks]] = {}
_lock = threading.Lock()


class SnowflakeWait(Job[dict[str, Any]]):
    """Ask until a query returns a row; the result is its first row.

    Each look is a query of its own, submitted asynchronously and watched with all other jobs: a wait holds no
    worker and no thread. After a crash it goes on to wait, within the same `max_wait`.

    Args:
        sql: The query, with a `?` for each value.
        values: One for each `?`.
        max_wait: Seconds in all.
        interval: Longest seconds between the end of a query without a row and the next one; the first pauses
            are shorter.
        connection: Which account, and who we are there.

    Example:
        >>> SnowflakeWait("SELECT day FROM loads WHERE day = ?", values=["2013-01-02"], max_wait=3600)()
    """

    sql: str = field(kw_only=False)
    values: Sequence[Any] = ()
    max_wait: float = 3600.0
    interval: float = 60.0
    connection: SnowflakeConnection = SnowflakeConnection()

    def check(self) -> None:
        self._statement()
        for name in ("max_wait", "interval"):
            if not getattr(self, name) > 0:
                raise ConfigurationError(f"{self.name}({name}={getattr(self, name)!r}): give seconds above 0")

    def submit(self, key: str, /) -> Waiting:
        """Begin to wait.

        Raises:
            SnowflakeLoginError: The login is refused.
        """
        self._session().connection  # noqa: B018 - a refused login is told at once
        return {"key": key, "end": time.time() + self.max_wait}

    def find(self, key: str) -> Waiting | None:
        return None

    def poll(self, handle: Waiting) -> JobRunning | JobFinished:
        """Ask, or look whether there is an answer."""
        looks = self._looks(handle)
        if not looks.query_id:
            return self._next(handle, looks)
        try:
            status = queries.status(self._session(), looks.query_id, self._statement())
        except JobNotFoundError:  # of one look Snowflake may know nothing; there are others
            return self._pause(looks)
        if status.running:
            return JobRunning(message=f"asks for the {looks.count}. time")
        if status.failure is not None:
            return JobFinished(status.failure)
        with closing(queries.outcome(self._session(), looks.query_id, self._statement())) as outcome:
            return JobFinished() if outcome.row_count else self._pause(looks)

    def _pause(self, looks: _Looks) -> JobRunning:
        looks.query_id, looks.due = "", time.monotonic() + looks.pause
        looks.pause = min(looks.pause * _GROWTH, self.interval)
        return JobRunning(message=f"no row yet, asked {looks.count} times")

    def _next(self, handle: Waiting, looks: _Looks) -> JobRunning | JobFinished:
        if looks.count and time.time() >= float(handle["end"]):
            return JobFinished(
                SnowflakeTimeoutError(
                    f"cannot wait any longer for a row of {self._statement().shown!r}: there was none within "
                    f"{self.max_wait:g} s; give more by max_wait"
                )
            )
        if time.monotonic() >= looks.due:
            looks.count += 1
            key = f"{handle['key']}/{looks.count}/{time.time_ns()}"
            looks.query_id = queries.submit(self._session(), self._statement(), key)
        return JobRunning(message=f"no row yet, asked {looks.count} times")

    def result(self, handle: Waiting) -> dict[str, Any]:
        """Return the first row.

        Raises:
            SnowflakeError: It cannot be fetched.
        """
        looks, own = self._looks(handle), self._session()
        if looks.query_id:
            outcome = queries.outcome(own, looks.query_id, self._statement())
        else:  # another process has waited
            outcome = queries.run(own, self._statement())
        with closing(outcome):
            row = next(outcome.rows(), ())
            return dict(zip(outcome.columns, row, strict=False))

    def cancel(self, handle: Waiting) -> None:
        looks = self._looks(handle)
        looks.due = float("inf")
        if looks.query_id:
            queries.cancel(self._session(), looks.query_id)

    def _looks(self, handle: Waiting) -> _Looks:
        with _lock:
            return _waits.setdefault(str(handle["key"]), _Looks(pause=min(1.0, self.interval)))

    def discard(self, handle: Waiting) -> None:
        with _lock:
            _waits.pop(str(handle["key"]), None)

    def _session(self) -> Session:
        return session(self.connection)

    def _statement(self) -> Statement:
        return Statement(self.sql, values=self.values)
