"""Jobs that no run owns any more: found in other systems by what the store knows, and ended on request."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import repeat
from typing import TYPE_CHECKING, Any, Final, Literal

from longshore.context import Attempt
from longshore.deadlines import call_within
from longshore.errors import error_text
from longshore.histories import has_ended
from longshore.jobs.protocol import JobFinished, JobNotFoundError
from longshore.jobs.tasks import Job
from longshore.jobs.watches import JobEnd, Watch
from longshore.plugins import host
from longshore.redaction import redact
from longshore.states import Cancelled, State, Success
from longshore.stores.errors import ResultError, StoreError
from longshore.stores.records import JobChanged
from longshore.stores.serializers import decode

if TYPE_CHECKING:
    from collections.abc import Generator

    from longshore.stores.interface import RunStore
    from longshore.stores.records import JobRecord, RunRecord

Found = Literal["running", "ended", "not there", "cannot ask", "was ended", "goes on"]

PATIENCE: Final = 15.0
"""Seconds that another system may take to say how one job stands."""
_TOGETHER: Final = 8
_RENEW: Final = 2.0  # seconds
_SHOWS_WITHIN: Final = 600.0


@dataclass(frozen=True, kw_only=True)
class Stray:
    """A job that is on record as open, of a run that nobody drives.

    Attributes:
        run: The run.
        job: What the store knows of it.
        found: How it stands in its system: `running`, `ended`, `not there`; `cannot ask`; after `end_stray`
            `was ended`, or `goes on` when it does not end.
        text: What its system says, or why it cannot be asked.
        task: The job's task; None when it cannot be made here.
        handle: What its system calls it; None when that is not known.
    """

    run: RunRecord
    job: JobRecord
    found: Found
    text: str = ""
    task: Job[Any] | None = None
    handle: Any = None

    @property
    def label(self) -> str:
        """The step it is for, as people write it."""
        index = self.job.map_index
        return self.job.step if index < 0 else f"{self.job.step}[{index}]"


def find_strays(store: RunStore, *, patience: float = PATIENCE) -> list[Stray]:
    """Find the open jobs of runs that nobody drives, and ask their systems how they stand.

    Of the classes that a store names, only those are used that are imported already or that an installed
    plugin offers: nothing is imported because a store says so.

    Args:
        store: Where the runs are.
        patience: Seconds that a system may take to answer for one job.
    """
    runs: dict[str, RunRecord] = {}
    left: list[tuple[RunRecord, JobRecord]] = []
    for job in store.jobs(open_only=True):
        run = runs.get(job.run_id) or runs.setdefault(job.run_id, store.run(job.run_id))
        if has_ended(run.state):
            left.append((run, job))
    if not left:
        return []
    host().tasks()  # imports what plugins offer
    with ThreadPoolExecutor(min(_TOGETHER, len(left)), "longshore-sweep") as pool:
        runs_left, jobs_left = zip(*left, strict=True)
        return list(pool.map(_ask, runs_left, jobs_left, repeat(patience)))


def _ask(run: RunRecord, job: JobRecord, patience: float) -> Stray:
    stray = Stray(run=run, job=job, found="cannot ask")
    try:
        task = _task(job)
    except StoreError as error:
        return replace(stray, text=redact(error_text(error)))
    try:
        return call_within(lambda: _look(replace(stray, task=task)), patience)
    except Exception as error:  # noqa: BLE001 - whatever the other system's client raises
        return replace(stray, task=task, text=redact(f"{type(error).__name__}: {error_text(error)}"))


def _task(job: JobRecord) -> Job[Any]:
    """Make the job's task from the record.

    Raises:
        StoreError: It is not on record, or its class is not known here.
    """
    if not job.task:
        raise StoreError("what made it is not on record, so nobody here can ask for it")
    try:
        task: object = decode(job.task, "its task")
    except ResultError as error:
        raise StoreError(f"{error}; or name the file that defines it: --flow FILE") from error
    if isinstance(task, Job):
        return task  # pyright: ignore[reportUnknownVariableType]
    raise StoreError(f"what is on record as its task is a {type(task).__name__}")


def _look(stray: Stray) -> Stray:
    task, job = stray.task, stray.job
    assert task is not None
    handle = decode(job.handle) if job.handle else task.find(job.key)
    if handle is None:
        return replace(stray, found="not there", text="no job was submitted under its key")
    stray = replace(stray, handle=handle)
    try:
        seen = task.poll(handle)
    except JobNotFoundError as error:
        return replace(stray, found="not there", text=redact(error_text(error)))
    if isinstance(seen, JobFinished):
        failure = redact(error_text(seen.failure)) if seen.failure else "succeeded"
        return replace(stray, found="ended", text=failure)
    return replace(stray, found="running", text=redact(" ".join(filter(None, [seen.message, seen.link]))))


def end_stray(store: RunStore, stray: Stray) -> Stray:
    """Cancel a job that runs, wait for as long as its task grants, and close its record when it has ended.

    The run is claimed meanwhile, so that nobody resumes it and takes the job up.

    Raises:
        RunTakenError: Somebody drives the run now; the job is that run's own again.
    """
    task = stray.task
    assert task is not None
    with _held(store, stray.run.run_id) as token:
        watch = Watch(task, stray.handle, Attempt(stray.label, stray.run.run_id, stray.run.flow))
        watch.stop("swept up")
        while not isinstance(seen := watch.look(), JobEnd):
            time.sleep(min(seen, _RENEW))
            store.renew(stray.run.run_id, token)
        if not seen.confirmed:
            text = f"it did not end within {task.cancel_grace:g} s"
            return replace(stray, found="goes on", text=text)
        _close(store, stray, token, Success if seen.well else Cancelled)
        return replace(stray, found="was ended", text="")


def forget_stray(store: RunStore, stray: Stray) -> bool:
    """Close the record of a job that has ended, or is not there: its result is not asked for any more.

    One that is not there stays on record for ten minutes after it was to be submitted: some systems show a
    job late. Returns whether it was closed.

    Raises:
        RunTakenError: Somebody drives the run now.
    """
    if stray.found == "not there" and time.time() - stray.job.time < _SHOWS_WITHIN:
        return False
    with _held(store, stray.run.run_id) as token:
        _close(store, stray, token, Cancelled)
    return True


def _close(store: RunStore, stray: Stray, token: str, state: type[State]) -> None:
    changed = JobChanged(key=stray.job.key, time=time.time(), state=state.__name__)
    store.write(stray.run.run_id, token, [changed])


@contextmanager
def _held(store: RunStore, run_id: str) -> Generator[str]:
    """Hold a run that nobody drives."""
    token = uuid.uuid4().hex
    store.claim(run_id, token)
    try:
        yield token
    finally:
        store.release(run_id, token)
