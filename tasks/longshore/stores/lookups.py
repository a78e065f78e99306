"""Reading runs, and what belongs to them, from a SQLite store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from longshore.stores.errors import RunNotFoundError
from longshore.stores.rows import (
    JOB_COLUMNS,
    SELECT_RUN,
    STEP_COLUMNS,
    Row,
    job_of,
    line_of,
    run_of,
    step_of,
    transition_of,
)

if TYPE_CHECKING:
    import sqlite3

    from longshore.stores.leases import Clock
    from longshore.stores.records import JobRecord, LogRecord, RunRecord, StepRecord, TransitionRecord

_SHORTEST: Final = 4
_MOST_NAMED: Final = 5
_THIS_RUN: Final = "run = (SELECT id FROM runs WHERE run_id = ?)"
_OPEN: Final = "state IN ('intended', 'submitted')"


def get_run(connection: sqlite3.Connection, run_id: str, where: str) -> Row:
    """Return the row of the run of just this id.

    Raises:
        RunNotFoundError: There is none.
    """
    row = _exact(connection, run_id)
    if row is None:
        raise _no_run(run_id, where)
    return row


def find_run(connection: sqlite3.Connection, run_id: str, where: str) -> Row:
    """Return the row of a run, by its id or the beginning of it.

    Raises:
        RunNotFoundError: There is none, or there are several.
    """
    row = _exact(connection, run_id)
    if row is not None:
        return row
    if len(run_id) < _SHORTEST:
        raise _no_run(run_id, where, f"; the beginning of an id has {_SHORTEST} characters or more")
    rows = _beginning(connection, run_id)
    if not rows:
        raise _no_run(run_id, where)
    if len(rows) > 1:
        names = ", ".join(str(row[1]) for row in rows[:_MOST_NAMED])
        more = ", ..." if len(rows) > _MOST_NAMED else ""
        raise RunNotFoundError(f"cannot tell which run {run_id!r} is: {names}{more}; give more of the id")
    return rows[0]


def _exact(connection: sqlite3.Connection, run_id: str) -> Row | None:
    if not run_id.isprintable():  # SQLite takes no half characters
        return None
    row: Row | None = connection.execute(f"{SELECT_RUN} WHERE r.run_id = ?", (run_id,)).fetchone()
    return row


def _beginning(connection: sqlite3.Connection, text: str) -> list[Row]:
    if not text.isprintable():
        return []
    return connection.execute(
        f"{SELECT_RUN} WHERE r.run_id >= ? AND r.run_id < ? ORDER BY r.created DESC LIMIT ?",
        (text, f"{text}\U0010ffff", _MOST_NAMED + 1),
    ).fetchall()


def _no_run(run_id: str, where: str, why: str = "") -> RunNotFoundError:
    return RunNotFoundError(
        f"cannot find run {run_id!r} in {where!r}{why}; to see those that are there: longshore runs"
    )


def find_runs(
    connection: sqlite3.Connection,
    clock: Clock,
    flow: str | None,
    states: tuple[str, ...],
    before: float | None,
    limit: int | None,
) -> list[RunRecord]:
    """Return runs that show one of the states, the newest first."""
    conditions, values = ["1"], list[Any]()
    if flow is not None:
        conditions.append("r.flow = ?")
        values.append(flow)
    if before is not None:
        conditions.append("r.created < ?")
        values.append(before)
    if states:
        recorded = {"Running" if state == "Crashed" else state for state in states} | {*states}
        conditions.append(f"r.state IN ({','.join('?' * len(recorded))})")
        values += sorted(recorded)
    query = f"{SELECT_RUN} WHERE {' AND '.join(conditions)} ORDER BY r.created DESC, r.id DESC"
    found: list[RunRecord] = []
    for row in connection.execute(query, values):
        if limit is not None and len(found) >= limit:
            break
        run = run_of(row, clock)
        if not states or run.state in states:
            found.append(run)
    return found


def steps(connection: sqlite3.Connection, run_id: str) -> list[StepRecord]:
    """Return the steps of a run, in the order in which they were first heard of."""
    rows = connection.execute(f"SELECT {STEP_COLUMNS} FROM steps WHERE {_THIS_RUN} ORDER BY id", (run_id,))
    return [step_of(row) for row in rows]


def transitions(connection: sqlite3.Connection, run_id: str) -> list[TransitionRecord]:
    """Return the transitions of a run, as they happened."""
    rows = connection.execute(
        f"SELECT step, map_index, attempt, state, message, time FROM transitions WHERE {_THIS_RUN} "
        "ORDER BY number",
        (run_id,),
    )
    return [transition_of(row) for row in rows]


def jobs(connection: sqlite3.Connection, run_id: str | None, open_only: bool) -> list[JobRecord]:
    """Return jobs of one run or of all, as they were intended."""
    columns = ", ".join(f"j.{name}" for name in JOB_COLUMNS.split(", "))
    conditions = ["1"] if run_id is None else ["r.run_id = ?"]
    if open_only:
        conditions.append(f"j.{_OPEN}")
    rows = connection.execute(
        f"SELECT r.run_id, {columns} FROM jobs AS j JOIN runs AS r ON r.id = j.run "
        f"WHERE {' AND '.join(conditions)} ORDER BY j.id",
        () if run_id is None else (run_id,),
    )
    return [job_of(row) for row in rows]


def lines(
    connection: sqlite3.Connection, run_id: str, step: str | None, map_index: int | None
) -> list[LogRecord]:
    """Return the kept lines of a run's log, as they were logged."""
    conditions, values = [_THIS_RUN], list[Any]([run_id])
    if step is not None:
        conditions.append("step = ?")
        values.append(step)
    if map_index is not None:
        conditions.append("map_index = ?")
        values.append(map_index)
    rows = connection.execute(
        "SELECT step, map_index, attempt, time, level, text FROM lines "
        f"WHERE {' AND '.join(conditions)} ORDER BY id",
        values,
    )
    return [line_of(row) for row in rows]
