"""What a run writes into its store as it goes: before a step starts, when it ends, what it logs.

The engine's thread writes transitions; pollers, workers and the heartbeat add lines of logs. What is written
together is one transaction.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final, TypeVar

from longshore.logs import task_log
from longshore.states import Cached, Retrying, State, Success
from longshore.stores.errors import ResultError, StoreError
from longshore.stores.records import (
    AlertRaised,
    AlertRecord,
    Change,
    JobChanged,
    JobIntended,
    JobRecord,
    Logged,
    LogRecord,
    RunChanged,
    StepChanged,
    StoredResult,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from longshore.jobs.phases import JobCall
    from longshore.runner import Call
    from longshore.stores.interface import RunStore

T = TypeVar("T")

_BEAT: Final = 1.0
"""Seconds between two looks at what is to be logged and whether the run is to be cancelled."""
_BEATS_A_RENEWAL: Final = 2
_LONGEST_ERROR: Final = 2_000  # characters


class Journal:
    """Writes one run into a store.

    Args:
        store: The store.
        run_id: The run, which is claimed.
        token: The owner's token.
        trouble: Told, from any thread, why the run has to stop: it was cancelled, or cannot be recorded.
    """

    def __init__(
        self, store: RunStore, run_id: str, token: str, trouble: Callable[[str, StoreError | None], None]
    ) -> None:
        self.store = store
        self.run_id = run_id
        self.error: StoreError | None = None
        self._token = token
        self._trouble = trouble
        self._changes: deque[Change] = deque()  # several threads add to them
        self._lines: deque[LogRecord] = deque()
        self._names: dict[str, str] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._tail = _Tail(self)
        self._beat = threading.Thread(target=self._keep_lease, name="longshore-lease", daemon=True)

    def open(self) -> None:
        """Begin to record what is logged, and to renew the lease."""
        task_log.addHandler(self._tail)
        self._beat.start()

    def close(self) -> None:
        """Write what is left."""
        task_log.removeHandler(self._tail)
        self._closed.set()
        self.flush()

    def flow_changed(self, state: State, alerts: Sequence[AlertRecord] = ()) -> None:
        """Write the run's own state, and what is to be told of it."""
        self._note(
            RunChanged(
                state=type(state).__name__, message=state.message, time=state.time.timestamp(),
                finished=state.finished,
            ),
            *(AlertRaised(alert=alert) for alert in alerts),
        )  # fmt: skip
        self.flush()

    def starting(self, name: str, call: Call) -> None:
        """Write that an attempt is about to start, and its job's key; on return that is on record."""
        if call.name != name:
            self._names[call.name] = name
        index, now = _index(call.map_index), time.time()
        if call.job is not None and not call.job.recorded:
            call.job.recorded = True
            self._note(JobIntended(job=self._job_record(name, call, call.job, now)))
        self._note(
            StepChanged(
                step=name, map_index=index, attempt=call.attempt, state="Running", message="", time=now
            )
        )
        self.flush()

    def _job_record(self, name: str, call: Call, job: JobCall, now: float) -> JobRecord:
        return JobRecord(
            run_id=self.run_id, step=name, map_index=_index(call.map_index), attempt=call.attempt,
            serial=job.serial, key=job.key, task=_encoded_task(call.task), time=now,
        )  # fmt: skip

    def submitted(self, job: JobCall, handle: Any) -> None:
        """Write what the other system calls a job; on return that is on record."""
        self._note(JobChanged(key=job.key, time=time.time(), handle=_encoded(handle), state="submitted"))
        self.flush()

    def read(self, job: JobCall, cursor: str) -> None:
        """Write how far a job's log was read; from any thread."""
        self._note(JobChanged(key=job.key, time=time.time(), cursor=cursor))

    def discarded(self, job: JobCall) -> None:
        """Write that the other system keeps no more of a job; from any thread."""
        self._note(JobChanged(key=job.key, time=time.time(), state="discarded"))

    def changed(
        self, name: str, map_index: int, state: State, call: Call | None, alerts: Sequence[AlertRecord] = ()
    ) -> bool:
        """Write where a step stands, with its result and what is to be told of it.

        Returns:
            False when the result could not be stored.
        """
        error = getattr(state, "error", None)
        stored = self._stored(name, map_index, state, call)
        self._note(
            StepChanged(
                step=name, map_index=map_index, attempt=call.attempt if call is not None else 1,
                state=type(state).__name__, message=state.message, time=state.time.timestamp(),
                finished=state.finished, result=stored,
                error="" if error is None else f"{type(error).__name__}: {state.message}"[:_LONGEST_ERROR],
                traceback=getattr(state, "traceback", ""),
                due=time.time() + state.delay if isinstance(state, Retrying) else None,
            ),
            *(AlertRaised(alert=alert) for alert in alerts),
        )  # fmt: skip
        job = call.job if call is not None else None
        kept = stored is None or bool(stored.serializer)
        if job is not None and job.ended and kept:  # else the job is asked for its result again
            self._note(JobChanged(key=job.key, time=time.time(), state=type(state).__name__))
        return kept

    def _stored(self, name: str, map_index: int, state: State, call: Call | None) -> StoredResult | None:
        if type(state) not in (Success, Cached):
            return None
        assert isinstance(state, Success)
        label = name if map_index < 0 else f"{name}[{map_index}]"
        if call is not None and call.private:  # the worker knows a secret that this process does not
            stored = StoredResult(serializer="", place="it holds a secret")
        else:
            try:
                stored = self.store.results.put(self.run_id, label, state.result)
            except StoreError as error:
                self._fail(error)
                return None
        if not stored.serializer:
            task_log.warning(
                "the result of %s is not stored: %s; it runs again when the run is resumed and needs it",
                label, stored.place,
            )  # fmt: skip
        return stored

    def flush(self) -> None:
        """Write all that waits, in one transaction."""
        with self._lock:
            changes = list(_taken(self._changes))
            lines = tuple(_taken(self._lines))
            if lines:
                changes.append(Logged(lines=lines))
            if not changes or self.error is not None:
                return
            try:
                self.store.write(self.run_id, self._token, changes)
            except StoreError as error:
                self._fail(error)

    def _fail(self, error: StoreError) -> None:
        if self.error is None:
            self.error = error
            self._trouble("", error)

    def _note(self, *changes: Change) -> None:
        """Have changes written together: no other thread takes only some, as `extend` is one step."""
        self._changes.extend(changes)

    def log(self, record: logging.LogRecord) -> None:
        """Keep a line for the record; from any thread."""
        step = getattr(record, "step", "")
        self._lines.append(
            LogRecord(
                step=self._names.get(step, step), map_index=_index(getattr(record, "map_index", None)),
                attempt=getattr(record, "attempt", None) or 1, time=record.created, level=record.levelno,
                text=record.getMessage(),
            )
        )  # fmt: skip

    def take_slot(self, limit: str, count: int, holder: str) -> bool:
        """Take a slot of a limit that all runs of the store share."""
        try:
            return self.store.take_slot(limit, count, self.run_id, holder)
        except StoreError as error:
            self._fail(error)
            return False

    def give_slots(self, holder: str) -> None:
        """Give back what a step holds."""
        try:
            self.store.give_slots(self.run_id, holder)
        except StoreError as error:
            self._fail(error)

    def _keep_lease(self) -> None:
        beats = 0
        while not self._closed.wait(_BEAT):
            if self._lines or self._changes:
                self.flush()
            beats += 1
            if beats % _BEATS_A_RENEWAL or self.error is not None:
                continue
            try:
                reason = self.store.renew(self.run_id, self._token)
            except StoreError as error:
                self._fail(error)
            else:
                if reason:
                    self._trouble(reason, None)


def _taken(items: deque[T]) -> Iterator[T]:
    """Take out all that is there, while others add."""
    for _ in range(len(items)):
        yield items.popleft()


class _Tail(logging.Handler):
    """Hands a run's own log records to its journal."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal = journal

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "run_id", "") == self._journal.run_id:
            self._journal.log(record)


def _index(map_index: int | None) -> int:
    return -1 if map_index is None else map_index


def _encoded(value: Any) -> str:
    from longshore.stores.serializers import encode  # few runs have jobs

    try:
        return encode(value)
    except ResultError:
        return ""


def _encoded_task(task: Any) -> str:
    from longshore.stores.serializers import encode_task

    try:
        return encode_task(task)
    except ResultError:
        return ""
