"""What an attempt of a job does where the executor runs it: submit it, and later fetch what came of it."""

from __future__ import annotations

import contextlib
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from longshore.context import current
from longshore.errors import AttemptTimedOut, TaskCancelled
from longshore.jobs.watches import TIMED_OUT, JobEnd

if TYPE_CHECKING:
    from longshore.jobs.tasks import Job
    from longshore.signatures import Signature


@dataclass(slots=True)
class JobCall:
    """The job of one attempt, as plain data.

    Args:
        key: What it is submitted under.
        may_exist: Whether a crash left it open if it was submitted: then it is looked for first.
        handle: What the other system calls it, once that is known.
        cursor: How far its log was read.
        began: When the attempt began, on the clock of `time.monotonic()`.
        end: How it ended, once it has.
    """

    key: str
    may_exist: bool = False
    handle: Any = None
    cursor: str | None = None
    began: float = 0.0
    end: JobEnd | None = None


@dataclass(slots=True)
class Submitted:
    """The job goes on in the other system."""

    handle: Any


def work_on(call: JobCall, job: Job[Any], signature: Signature, arguments: dict[str, Any]) -> Any:
    """Submit a job, or take up the one that is there; or, once it has ended, return its result.

    Raises:
        TaskError: It failed, timed out, was cancelled, or cannot be reached.
    """
    if call.end is not None:
        return conclude(job, call.handle, call.end)
    handle = call.handle
    with current.on_cancel(lambda: _stop_by_key(job, call.key)):
        if handle is None and call.may_exist:
            handle = job.find(call.key)
        if handle is None:
            handle = signature.call(functools.partial(job.submit, call.key), arguments)
    if current.cancelled:  # while it was being submitted
        job.cancel(handle)
    return Submitted(handle)


def _stop_by_key(job: Job[Any], key: str) -> None:
    """Cancel a job whose submission did not return."""
    with contextlib.suppress(Exception):
        handle = job.find(key)
        if handle is not None:
            job.cancel(handle)


def conclude(job: Job[Any], handle: Any, end: JobEnd) -> Any:
    """Return the result of an ended job.

    Raises:
        JobFailed: It failed.
        JobUnreachableError: Nobody knows how it stands.
        AttemptTimedOut: It was stopped at its deadline.
        TaskCancelled: It was cancelled.
    """
    if end.unreachable is not None and not end.stopped:
        raise end.unreachable
    if end.stopped and not end.well:
        left = "" if end.confirmed else f"; its end was not confirmed, it may still run: {handle!r}"
        if end.stopped == TIMED_OUT:
            seconds = "" if job.timeout is None else f" after {job.timeout:g} s"
            raise AttemptTimedOut(
                f"{current.name or job.name!r} was not done{seconds}, and was cancelled{left}"
            )
        raise TaskCancelled(f"{end.stopped}{left}")
    if end.failure is not None:
        end.failure.log_tail = end.failure.log_tail or end.tail
        raise end.failure
    return job.result(handle)
