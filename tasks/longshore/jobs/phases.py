"""What an attempt of a job does where the executor runs it: submit it, and later fetch what came of it."""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from longshore.context import active, current
from longshore.errors import AttemptTimedOut, TaskCancelled, WorkerCrashed
from longshore.jobs.protocol import JobUnreachableError
from longshore.jobs.watches import SHORTEST_LOOK, TIMED_OUT, JobEnd, said
from longshore.states import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore.jobs.tasks import Job
    from longshore.signatures import Signature
    from longshore.states import State


@dataclass(slots=True)
class JobCall:
    """The job of one attempt, as plain data.

    Args:
        key: What it is submitted under.
        serial: Which job of its step it is, from 1.
        may_exist: Whether a crash left it open if it was submitted: then it is looked for first.
        handle: What the other system calls it, once that is known.
        cursor: How far its log was read.
        began: When the attempt began, on the clock of `time.monotonic()`.
        end: How it ended, once it has.
        ended: Whether it is known to have ended: another attempt starts another job.
        recorded: Whether its key is on record.
        losses: How many workers died while they submitted it or fetched its result.
    """

    key: str
    serial: int = 1
    may_exist: bool = False
    handle: Any = None
    cursor: str | None = None
    began: float = 0.0
    end: JobEnd | None = None
    ended: bool = False
    recorded: bool = False
    losses: int = 0


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
        if call.end.stopped not in ("", TIMED_OUT) and not call.end.well:
            active.get().cancel(f"{call.end.stopped}{_left(call.handle, call.end)}")
        return conclude(job, call.handle, call.end)
    handle = call.handle
    with current.on_cancel(lambda: _stop_by_key(job, call.key)):
        if handle is None and call.may_exist:
            handle = _look_for(job, call.key)
        if handle is None:
            handle = submit(job, call.key, functools.partial(signature.call, arguments=arguments))
    if current.cancelled:  # while it was being submitted
        with contextlib.suppress(Exception):  # who watches it cancels it again
            job.cancel(handle)
    return Submitted(handle)


def submit(job: Job[Any], key: str, give: Callable[[Callable[..., Any]], Any]) -> Any:
    """Submit a job and return its handle, also when the answer was lost on its way.

    Args:
        job: The task.
        key: What to submit it under.
        give: Calls what it is given with the inputs.
    """
    try:
        return give(functools.partial(job.submit, key))
    except Exception as error:
        if getattr(error, "retryable", True) is False or current.cancelled:
            raise
        handle = _found(job, key)
        if handle is None:
            raise
        return handle
    except BaseException:  # Ctrl-C: the job must not go on alone
        _stop_by_key(job, key)
        raise


def _found(job: Job[Any], key: str) -> Any:
    with contextlib.suppress(Exception):  # then what went wrong before is what people want to know
        return job.find(key)
    return None


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
        JobUnreachableError: Nobody knows how it stands, or its result cannot be fetched.
        AttemptTimedOut: It was stopped at its deadline.
        TaskCancelled: It was cancelled.
    """
    if end.unreachable is not None and not end.stopped:
        raise end.unreachable
    if end.stopped and not end.well:
        left = _left(handle, end)
        if end.stopped == TIMED_OUT:
            seconds = "" if job.timeout is None else f" after {job.timeout:g} s"
            raise AttemptTimedOut(
                f"{current.name or job.name!r} was not done{seconds}, and was cancelled{left}"
            )
        raise TaskCancelled(f"{end.stopped}{left}")
    if end.failure is not None:
        end.failure.log_tail = end.failure.log_tail or end.tail
        raise end.failure
    return _fetch(job, handle, patience=0.0 if end.stopped else job.poll_patience)


def _look_for(job: Job[Any], key: str) -> Any:
    """Return the handle of a job that may have been submitted, None for none; a wrong None starts another."""
    lacks = f"it is not known whether the job of {current.label or job.name!r} was started"
    ask = functools.partial(job.find, key)
    return _patiently(job, ask, job.poll_patience, lacks, "to look for it again, resume the run")


def _fetch(job: Job[Any], handle: Any, patience: float) -> Any:
    """Return a job's result.

    A result that cannot be fetched is not lost: the job has ended well, and whoever asks next may get it.
    """
    lacks = f"the job of {current.label or job.name!r} ended well, but its result cannot be fetched"
    ask = functools.partial(job.result, handle)
    return _patiently(job, ask, patience, lacks, "to ask for it again, resume the run")


def _patiently(job: Job[Any], ask: Callable[[], Any], patience: float, lacks: str, so: str) -> Any:
    """Return the answer to a question; ask again, for so many seconds, while the other system has none.

    Args:
        lacks: What is not known or had as long as there is no answer.
        so: What people are to do in the end.
    """
    give_up, wait = time.monotonic() + patience, SHORTEST_LOOK
    stop = threading.Event()
    with current.on_cancel(stop.set):
        while True:
            try:
                return ask()
            except Exception as error:
                if getattr(error, "retryable", True) is False:  # a verdict
                    raise
                if stop.is_set() or time.monotonic() >= give_up or not _may_pass(error):
                    raise JobUnreachableError(f"{lacks}: {said(error)}; {so}") from error
                asked = getattr(error, "retry_after", None) or 0.0
            stop.wait(max(wait, asked))
            wait = min(2 * wait, job.poll_interval)


def has_yet_to_give(end: JobEnd, state: State) -> bool:
    """Whether a job ended well, and its attempt did so without its result: it is asked for again."""
    error = getattr(state, "error", None)
    return end.well and (
        isinstance(state, Cancelled)
        or isinstance(error, AttemptTimedOut | JobUnreachableError | WorkerCrashed)
    )


def _may_pass(error: Exception) -> bool:
    """Whether an error may be gone the next time: what an operating system or an integration says is."""
    return isinstance(error, OSError) or getattr(error, "retryable", None) is True


def _left(handle: Any, end: JobEnd) -> str:
    return "" if end.confirmed else f"; its end was not confirmed, it may still run: {handle!r}"
