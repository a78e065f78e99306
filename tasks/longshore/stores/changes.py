"""How each change of a run is written into the SQLite store's tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from longshore.stores.alerting import add_alert
from longshore.stores.records import (
    AlertRaised,
    FlowSeen,
    JobChanged,
    JobIntended,
    Logged,
    RunChanged,
    StepChanged,
)
from longshore.stores.rows import JOB_COLUMNS, STEP_COLUMNS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from longshore.stores.records import Change

# Numbered placeholders would be shorter; some releases of Python 3.12 warn of each.
_TRANSITION: Final = """
    INSERT INTO transitions
    SELECT ?, ifnull(max(number), 0) + 1, ?, ?, ?, ?, ?, ? FROM transitions WHERE run = ?
"""
_RUN: Final = """
    UPDATE runs SET
        state = ?, message = ?, ended = ?,
        started = CASE WHEN ? = 'Running' THEN ifnull(started, ?) ELSE started END
    WHERE id = ?
"""
_FLOW: Final = "UPDATE runs SET fingerprint = ?, target = ? WHERE id = ?"
_STEP: Final = f"""
    INSERT INTO steps (run, {STEP_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (run, step, map_index) DO UPDATE SET
        began = ifnull(began, excluded.began),
        {", ".join(f"{name} = excluded.{name}" for name in STEP_COLUMNS.split(", ")[2:] if name != "began")}
"""
_INTENDED: Final = f"INSERT OR REPLACE INTO jobs (run, {JOB_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?)"
_JOB: Final = """
    UPDATE jobs SET
        time = ?, handle = ifnull(?, handle), cursor = ifnull(?, cursor), state = ifnull(?, state)
    WHERE run = ? AND key = ?
"""
_LINE: Final = """
    INSERT INTO lines (run, step, map_index, attempt, time, level, text) VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_TRIM: Final = """
    DELETE FROM lines
    WHERE run = ? AND step = ? AND map_index = ? AND attempt = ? AND id <= (
        SELECT id FROM lines WHERE run = ? AND step = ? AND map_index = ? AND attempt = ?
        ORDER BY id DESC LIMIT 1 OFFSET ?
    )
"""
_NO_RESULT: Final = (None, None, None, None, None)
_MOST_COUNTED: Final = 20_000
"""Logs whose lines are counted at a time; beyond it all counts begin anew, and a log may be twice as long."""


class Writer:
    """Writes changes; knows how many lines it added to each log since it last cut it."""

    def __init__(self) -> None:
        self._added: dict[tuple[int, str, int, int], int] = {}

    def apply(self, connection: sqlite3.Connection, run: int, changes: Sequence[Change]) -> None:
        """Write changes of the run of this number, in a transaction that is open."""
        for change in changes:
            if isinstance(change, StepChanged):
                _change_step(connection, run, change)
            elif isinstance(change, Logged):
                self._log(connection, run, change)
            elif isinstance(change, RunChanged):
                change_run(connection, run, change)
            elif isinstance(change, JobIntended):
                _intend(connection, run, change)
            elif isinstance(change, FlowSeen):
                connection.execute(_FLOW, (change.fingerprint, change.target, run))
            elif isinstance(change, AlertRaised):
                add_alert(connection, change.alert)
            else:
                _change_job(connection, run, change)

    def _log(self, connection: sqlite3.Connection, run: int, change: Logged) -> None:
        lines = change.lines
        connection.executemany(
            _LINE, [(run, x.step, x.map_index, x.attempt, x.time, x.level, x.text) for x in lines]
        )
        added = self._added
        if len(added) > _MOST_COUNTED:
            added.clear()
        touched = [(run, x.step, x.map_index, x.attempt) for x in lines]
        for log in touched:
            added[log] = added.get(log, 0) + 1
        # Not at each line: a cut costs as much as writing fifty.
        for log in {log for log in touched if added[log] > change.keep}:
            connection.execute(_TRIM, (*log, *log, change.keep))
            del added[log]


def change_run(connection: sqlite3.Connection, run: int, change: RunChanged) -> None:
    """Write that a run entered a state."""
    state, message, time = change.state, change.message, change.time
    ended = time if change.finished else None
    connection.execute(_TRANSITION, (run, "", -1, 1, state, message, time, run))
    connection.execute(_RUN, (state, message, ended, state, time, run))


def _change_step(connection: sqlite3.Connection, run: int, change: StepChanged) -> None:
    step, map_index, attempt, state = change.step, change.map_index, change.attempt, change.state
    message, time, result = change.message, change.time, change.result
    stored = (
        _NO_RESULT
        if result is None
        else (result.serializer, result.place, result.size, result.digest, result.text)
    )
    connection.execute(_TRANSITION, (run, step, map_index, attempt, state, message, time, run))
    connection.execute(
        _STEP,
        (run, step, map_index, state, message, attempt, time if state == "Running" else None,
         time if change.finished else None, change.due, *stored, change.error, change.traceback),
    )  # fmt: skip


def _intend(connection: sqlite3.Connection, run: int, change: JobIntended) -> None:
    job = change.job
    connection.execute(
        _INTENDED,
        (run, job.key, job.step, job.map_index, job.attempt, job.serial, job.state, job.time, job.cursor,
         job.handle, job.task),
    )  # fmt: skip


def _change_job(connection: sqlite3.Connection, run: int, change: JobChanged) -> None:
    connection.execute(_JOB, (change.time, change.handle, change.cursor, change.state, run, change.key))
