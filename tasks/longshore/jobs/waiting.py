"""A job's bare `run()`: submit, wait, result, here and without a record of it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Final

from longshore.context import Attempt, active, current, inside_attempt
from longshore.jobs.phases import conclude, submit
from longshore.jobs.watches import JobEnd, Watch

if TYPE_CHECKING:
    from longshore.jobs.tasks import Job

_LONGEST_WAIT: Final = 0.25  # seconds


def run_here(job: Job[Any], args: tuple[Any, ...], inputs: dict[str, Any]) -> Any:
    """Submit a job, wait for its end and return its result.

    Raises:
        TaskError: It failed, timed out, was cancelled, or cannot be reached.
    """
    import uuid  # takes longer to import than most of the core, and few programs have jobs

    key = str(uuid.uuid5(uuid.UUID(current.call_id), str(current.attempt)))
    waiting = _Waiting(job)
    with current.on_cancel(waiting.stop):
        handle = submit(job, key, lambda give: give(*args, **inputs))
        end = waiting.wait(handle)
    try:
        return conclude(job, handle, end)
    finally:
        if end.confirmed:  # well or not, it is done with
            _discard(job, handle)


def _discard(job: Job[Any], handle: Any) -> None:
    try:
        job.discard(handle)
    except Exception as error:  # noqa: BLE001 - it costs disk, not the result
        current.log.warning("cannot remove what is left of the job: %s", error)


class _Waiting:
    """The wait of one thread for one job; another thread may end it."""

    def __init__(self, job: Job[Any]) -> None:
        self._job = job
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._reason = "interrupted"

    def stop(self) -> None:
        """Tell the job to stop, and wait until it has."""
        self._reason = current.cancel_reason or self._reason
        self._stopping.set()
        self._ended.wait(self._job.cancel_grace + 1.0)

    def wait(self, handle: Any) -> JobEnd:
        watch = Watch(self._job, handle, active.get() if inside_attempt() else Attempt(self._job.name))
        try:
            return self._until_end(watch)
        except BaseException:  # KeyboardInterrupt: the job must not go on alone
            watch.stop(self._reason)
            self._until_end(watch)
            raise
        finally:
            self._ended.set()

    def _until_end(self, watch: Watch) -> JobEnd:
        while True:
            if self._stopping.is_set():
                watch.stop(self._reason)
            seen = watch.look()
            if isinstance(seen, JobEnd):
                return seen
            if self._stopping.is_set():
                threading.Event().wait(seen)
            else:
                self._pause(seen)

    def _pause(self, seconds: float) -> None:
        """Wait until the next look; a signal that the system gave to another thread is seen soon."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._stopping.wait(min(left, _LONGEST_WAIT)):
            pass
