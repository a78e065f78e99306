"""One job being watched: how it stands, what it logs, when to look again, and how it is told to stop."""

from __future__ import annotations

import contextlib
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from longshore.context import Attempt, acting_as
from longshore.errors import LongshoreError, error_text
from longshore.jobs.protocol import (
    JobFailed,
    JobFinished,
    JobNotFoundError,
    JobRunning,
    JobUnreachableError,
    LogLine,
)
from longshore.logs import task_log
from longshore.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore.jobs.tasks import Job

SHORTEST_LOOK: Final = 0.05
"""Seconds between the first looks at a job."""
_SHARE: Final = 0.1
"""A look is due again after this share of the time that the job has taken, within the bounds."""
_APPEARS_WITHIN: Final = 30.0
"""Seconds for which a job that was just submitted may not be found yet."""
_LAST_LOGS: Final = 5
"""Attempts to read the end of a log."""
_LONGEST_READ: Final = 30.0
"""Seconds for which one look reads a log: a job that floods it must not keep others from being looked at."""
TIMED_OUT: Final = "timed out"


@dataclass(slots=True)
class JobEnd:
    """How the watching of a job ended.

    Args:
        failure: What the job failed with; None when it ended well, or when nobody knows.
        unreachable: Why nobody knows how it stands.
        stopped: Why it was told to stop: `timed out`, or what cancelled it; empty when it was not.
        confirmed: Whether the other system said that it has ended.
        link: Where people can look at it.
        tail: The last lines of its log.
    """

    failure: JobFailed | None = None
    unreachable: JobUnreachableError | None = None
    stopped: str = ""
    confirmed: bool = True
    link: str = ""
    tail: tuple[str, ...] = ()

    @property
    def well(self) -> bool:
        """Whether the job ended well, also when it was too late to stop it."""
        return self.confirmed and self.failure is None and self.unreachable is None


class Watch:
    """Watches one job. One thread at a time looks; any may tell it to stop.

    Args:
        job: The task.
        handle: What the other system calls the job.
        context: The attempt that the job is: its log lines and progress are this attempt's.
        deadline: When it times out, on the clock of `time.monotonic()`; None for never.
        cursor: How far its log was read before.
        read: Told of the cursor when more of the log was read.
    """

    def __init__(
        self,
        job: Job[Any],
        handle: Any,
        context: Attempt,
        *,
        deadline: float | None = None,
        cursor: str | None = None,
        read: Callable[[str], None] | None = None,
    ) -> None:
        self.job = job
        self.handle = handle
        self.context = context
        self.deadline = deadline
        self._cursor = cursor
        self._read = read
        self._since = time.monotonic()
        self._silent_since: float | None = None
        self._stopped = ""
        self._stop_before: float | None = None
        self._cancelled = False
        self._shown = JobRunning()

    def stop(self, reason: str) -> None:
        """Tell the job to stop; the next looks do it. Only the first reason counts."""
        if not self._stopped:
            self._stop_before = time.monotonic() + self.job.cancel_grace
            self._stopped = reason

    def look(self) -> JobEnd | float:
        """Look at the job: return how it ended, or the seconds until the next look is due."""
        now = time.monotonic()
        if self.deadline is not None and now >= self.deadline:
            self.stop(TIMED_OUT)
        with acting_as(self.context):
            if self._stopped and not self._cancelled:
                self._cancel()
            try:
                status = self.job.poll(self.handle)
            except JobNotFoundError as error:
                return self._not_found(error)
            except Exception as error:  # noqa: BLE001 - the network, the other system, a token that expired
                return self._no_answer(error)
            self._answered()
            if isinstance(status, JobFinished):
                self._drain()
                return self._end(status.failure)
            self._show(status)
            self._follow()
        return self._next()

    def _cancel(self) -> None:
        try:
            self.job.cancel(self.handle)
            self._cancelled = True
        except Exception as error:  # noqa: BLE001 - tried again at the next look, within the grace period
            task_log.warning("cannot cancel %s yet: %s", self.context.label, said(error))

    def _next(self) -> JobEnd | float:
        now = time.monotonic()
        if self._stop_before is not None:
            if now >= self._stop_before:
                return self._end(None, confirmed=False)
            return min(2 * SHORTEST_LOOK, self._stop_before - now)
        wait = min(self.job.poll_interval, max(SHORTEST_LOOK, _SHARE * (now - self._since)))
        return self._until_deadline(wait)

    def _until_deadline(self, wait: float) -> float:
        if self.deadline is None:
            return wait
        return max(0.0, min(wait, self.deadline - time.monotonic()))

    def _end(self, failure: JobFailed | None, *, confirmed: bool = True) -> JobEnd:
        return JobEnd(
            failure,
            stopped=self._stopped,
            confirmed=confirmed,
            link=self.context.link,
            tail=self.context.log_tail,
        )

    def _not_found(self, error: JobNotFoundError) -> JobEnd | float:
        """A job that was just submitted may not show yet; one that is told to stop has ended."""
        if self._cancelled:
            return self._end(JobFailed(error_text(error), reason="cancelled"))
        if time.monotonic() - self._since < min(_APPEARS_WITHIN, self.job.poll_patience):
            return self._next()
        return self._end(JobFailed(redact(error_text(error)), reason="not found", retryable=False))

    def _no_answer(self, error: Exception) -> JobEnd | float:
        now = time.monotonic()
        if self._silent_since is None:
            self._silent_since = now
            task_log.warning("cannot see how %s stands: %s; trying again", self.context.label, said(error))
        silent = now - self._silent_since
        if self._stop_before is not None and now >= self._stop_before:
            return self._end(None, confirmed=False)
        if silent >= self.job.poll_patience or getattr(error, "retryable", True) is False:
            unreachable = JobUnreachableError(
                f"cannot see how {self.context.label!r} stands: {said(error)}; its job may still run: "
                f"{self.handle!r}"
            )
            unreachable.__cause__ = error
            return JobEnd(unreachable=unreachable, stopped=self._stopped, confirmed=False)
        asked = getattr(error, "retry_after", None)
        wait = self._next()
        if isinstance(wait, float) and isinstance(asked, int | float) and self._stop_before is None:
            return self._until_deadline(max(wait, float(asked)))
        return wait

    def _answered(self) -> None:
        if self._silent_since is not None:
            silent = time.monotonic() - self._silent_since
            self._silent_since = None
            task_log.info("%s answers again after %.1f s", self.context.label, silent)

    def _show(self, status: JobRunning) -> None:
        self.context.link = status.link or self.context.link
        counted = status.fraction is not None or status.done is not None
        if status != self._shown and counted:
            self.context.progress(
                status.fraction, status.message, done=status.done, total=status.total, unit=status.unit
            )
        self._shown = status

    def _drain(self) -> None:
        """Read the end of the log; what cannot be read is said, and holds nothing up."""
        for attempt in range(1, _LAST_LOGS + 1):
            try:
                self._log()
            except Exception as error:  # noqa: BLE001 - the result matters more
                if attempt == _LAST_LOGS:
                    task_log.warning("the end of the log of %s cannot be read: %s", self.context.label,
                                     said(error))  # fmt: skip
                else:
                    time.sleep(SHORTEST_LOOK * 2**attempt)
            else:
                return

    def _follow(self) -> None:
        with contextlib.suppress(Exception):  # the next look, or the end, reads on from the same place
            self._log()

    def _log(self) -> None:
        before, end = self._cursor, time.monotonic() + _LONGEST_READ
        try:
            for line in self.job.logs(self.handle, self._cursor):
                write_line(self.job.level, line)
                self._cursor = line.cursor
                if time.monotonic() > end:
                    task_log.warning("%s logs more than can be read; some of its log is left out",
                                     self.context.label)  # fmt: skip
                    return
        finally:
            if self._cursor is not None and self._cursor != before and self._read is not None:
                self._read(self._cursor)


def write_line(level: int | None, line: LogLine) -> None:
    """Log a line of a job, with the time and the level that the other system gives it."""
    if level is None:
        return
    level = level if line.level is None else logging.getLevelNamesMapping()[line.level]
    if not task_log.isEnabledFor(level):
        return
    record = task_log.makeRecord(task_log.name, level, __file__, 0, "%s", (line.text,), None)
    if line.time is not None:
        record.created = line.time.timestamp()
        record.msecs = (record.created % 1) * 1000
    task_log.handle(record)


def said(error: BaseException) -> str:
    """Return what an error says, without secrets; our own errors say it without their class."""
    text, name = redact(error_text(error)), type(error).__name__
    if isinstance(error, LongshoreError):
        return text or name
    return f"{name}: {text}" if text else name


def level_number(level: str | int | None) -> int | None:
    """Return a logging level's number; None for no log.

    Raises:
        KeyError: There is no level of that name.
    """
    return logging.getLevelNamesMapping()[level.upper()] if isinstance(level, str) else level
