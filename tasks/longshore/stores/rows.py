"""Rows of the SQLite store's tables and the records they stand for."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from longshore.stores.leases import lives
from longshore.stores.records import (
    JobRecord,
    Lease,
    LogRecord,
    RunRecord,
    StepRecord,
    StoredResult,
    TransitionRecord,
)

if TYPE_CHECKING:
    from longshore.stores.leases import Clock

T = TypeVar("T")
Row = tuple[Any, ...]

LEASE_COLUMNS: Final = (
    "l.token, l.host, l.boot, l.namespace, l.pid, l.pid_started, l.until, l.until_wall, l.since"
)
RUN_COLUMNS: Final = (
    "r.run_id, r.flow, r.name, r.state, r.created, r.started, r.ended, r.due, r.tries, r.schedule, r.cancel, "
    "r.target, r.tags, r.message, r.parameters, r.fingerprint"
)
SELECT_RUN: Final = (
    f"SELECT r.id, {RUN_COLUMNS}, {LEASE_COLUMNS} FROM runs AS r LEFT JOIN leases AS l ON l.run = r.id"
)
_LEASE_FROM: Final = 1 + RUN_COLUMNS.count("r.")


def lease_of(row: Row) -> Lease | None:
    """Return the lease that a row of `LEASE_COLUMNS` holds, if any."""
    if row[0] is None:
        return None
    token, host, boot, namespace, pid, pid_started, until, until_wall = row[:8]
    return Lease(
        token=token,
        host=host,
        boot=boot,
        namespace=namespace,
        pid=pid,
        pid_started=pid_started,
        until=until,
        until_wall=until_wall,
    )


def lease_in(row: Row) -> Lease | None:
    """Return the lease in a row of `SELECT_RUN`, if any."""
    return lease_of(row[_LEASE_FROM:])


def run_of(row: Row, clock: Clock) -> RunRecord:
    """Return the run that a row of `SELECT_RUN` holds, as it stands now."""
    (run_id, flow, name, state, created, started, ended, due, tries, schedule, cancel,
     target, tags, message, parameters, fingerprint) = row[1:_LEASE_FROM]  # fmt: skip
    run = RunRecord(
        run_id=run_id,
        flow=flow,
        name=name,
        target=target,
        parameters=parameters,
        fingerprint=fingerprint,
        tags=tuple(json.loads(tags)),
        state=state,
        message=message,
        created=created,
        started=started,
        ended=ended,
        due=due,
        schedule=schedule,
        cancel=cancel,
        tries=tries,
        lease=lease_in(row),
    )
    return _as_it_stands(run, clock)


def _as_it_stands(run: RunRecord, clock: Clock) -> RunRecord:
    lease = run.lease
    if lease is not None:
        if lives(lease, clock):
            return run
        run = replace(run, lease=None)
    if run.state != "Running":
        return run
    owner = "its process" if lease is None else f"its process {lease.pid} on {lease.host!r}"
    return replace(run, state="Crashed", message=f"{owner} died, or was stopped for too long")


def run_values(run: RunRecord) -> Row:
    """Return a run's values in the order of `RUN_COLUMNS`."""
    return (
        run.run_id, run.flow, run.name, run.state, run.created, run.started, run.ended, run.due, run.tries,
        run.schedule, run.cancel, run.target, json.dumps(run.tags), run.message, run.parameters,
        run.fingerprint,
    )  # fmt: skip


STEP_COLUMNS: Final = (
    "step, map_index, state, message, attempt, began, ended, due, "
    "serializer, place, size, digest, text, error, traceback"
)


def step_of(row: Row) -> StepRecord:
    """Return the step that a row of `STEP_COLUMNS` holds."""
    step, map_index, state, message, attempt, began, ended, due = row[:8]
    serializer, place, size, digest, text, error, traceback = row[8:]
    result = None
    if serializer is not None:
        result = StoredResult(serializer=serializer, text=text, place=place, size=size, digest=digest)
    return StepRecord(
        step=step,
        map_index=map_index,
        state=state,
        message=message,
        attempt=attempt,
        began=began,
        ended=ended,
        result=result,
        error=error,
        traceback=traceback,
        due=due,
    )


def transition_of(row: Row) -> TransitionRecord:
    """Return the transition that a row holds."""
    step, map_index, attempt, state, message, time = row
    return TransitionRecord(
        step=step, map_index=map_index, attempt=attempt, state=state, message=message, time=time
    )


JOB_COLUMNS: Final = "key, step, map_index, attempt, serial, state, time, cursor, handle, task"


def job_of(row: Row) -> JobRecord:
    """Return the job that a row of the run's id and `JOB_COLUMNS` holds."""
    run_id, key, step, map_index, attempt, serial, state, time, cursor, handle, task = row
    return JobRecord(
        run_id=run_id,
        step=step,
        map_index=map_index,
        attempt=attempt,
        serial=serial,
        key=key,
        task=task,
        handle=handle,
        cursor=cursor,
        state=state,
        time=time,
    )


def line_of(row: Row) -> LogRecord:
    """Return the line of a log that a row holds."""
    step, map_index, attempt, time, level, text = row
    return LogRecord(step=step, map_index=map_index, attempt=attempt, time=time, level=level, text=text)


def storable(value: T) -> T:
    """Return a record or change whose texts SQLite takes: half characters are written out as `\\udc80`."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()  # type: ignore[return-value]
    if isinstance(value, tuple):
        return tuple(storable(item) for item in value)  # type: ignore[return-value] # pyright: ignore
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: storable(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return replace(value, **fields)
    return value
