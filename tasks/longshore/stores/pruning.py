"""Removing runs from a SQLite store, with all that belongs to them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from longshore.stores.leases import lives
from longshore.stores.records import Pruned
from longshore.stores.rows import SELECT_RUN, Row, lease_in

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from longshore.stores.connections import Database
    from longshore.stores.leases import Clock
    from longshore.stores.results import Results

_CHILDREN: Final = ("leases", "transitions", "steps", "jobs", "lines", "slots")
_OLD: Final = f"""
    {SELECT_RUN}
    WHERE (r.ended < ? OR (r.state = 'Running' AND ifnull(l.until_wall, ifnull(r.started, r.created)) < ?))
"""
_OPEN_JOBS: Final = "SELECT 1 FROM jobs WHERE run = ? AND state IN ('intended', 'submitted') LIMIT 1"
_REMOVED, _HAS_JOBS, _STAYS = "removed", "has jobs", "stays"
_YOUNG: Final = 3_600.0
"""Seconds: a result's file is written before the row that refers to it, by a process that may be stopped."""
_PAGES: Final = 2_000
"""Pages of the file that are given back at a time: 8 MiB, in a few milliseconds."""


def prune(database: Database, results: Results, clock: Clock, before: float) -> Pruned:
    """Remove runs that ended before a time, one transaction each, and the results that no run refers to.

    Runs whose process died count as ended when its lease did. Runs with jobs that may still go on stay: what
    ends those jobs looks them up there.
    """
    old = database.read(lambda c: [row[:2] for row in c.execute(_OLD, (before, before)).fetchall()])
    kept: list[str] = []
    removed = files = size = 0
    for run, run_id in old:
        outcome = database.write(partial(_remove_old, clock=clock, run=run, before=before))
        if outcome == _HAS_JOBS:
            kept.append(run_id)
        elif outcome == _REMOVED:
            removed += 1
            count, length = results.remove(run_id)
            files, size = files + count, size + length
    count, length = results.sweep(places(database), older_than=_YOUNG)
    give_back(database)
    return Pruned(runs=removed, files=files + count, bytes=size + length, kept=tuple(kept))


def _remove_old(connection: sqlite3.Connection, *, clock: Clock, run: int, before: float) -> str:
    # Looked at again: somebody may have resumed it meanwhile.
    row = connection.execute(f"{_OLD} AND r.id = ?", (before, before, run)).fetchone()
    if row is None:
        return _STAYS
    if _is_driven(row, clock):
        return _STAYS
    if connection.execute(_OPEN_JOBS, (run,)).fetchone():
        return _HAS_JOBS
    remove(connection, run)
    return _REMOVED


def remove(connection: sqlite3.Connection, run: int) -> None:
    """Remove a run and all its rows."""
    for table in _CHILDREN:
        connection.execute(f"DELETE FROM {table} WHERE run = ?", (run,))
    connection.execute("DELETE FROM runs WHERE id = ?", (run,))


def remove_scheduled(connection: sqlite3.Connection, clock: Clock, flow: str, keep: Sequence[str]) -> int:
    """Remove the Scheduled runs of a flow that a schedule made and nobody drives; return how many."""
    rows = connection.execute(
        f"{SELECT_RUN} WHERE r.state = 'Scheduled' AND r.flow = ? AND r.schedule != ''", (flow,)
    ).fetchall()
    going = [row[0] for row in rows if row[1] not in keep and not _is_driven(row, clock)]
    for run in going:
        remove(connection, run)
    return len(going)


def _is_driven(row: Row, clock: Clock) -> bool:
    lease = lease_in(row)
    return lease is not None and lives(lease, clock)


def places(database: Database) -> set[str]:
    """Return the places of all results that a run refers to."""
    rows = database.read(
        lambda c: c.execute("SELECT place FROM steps WHERE place != '' AND serializer != ''").fetchall()
    )
    return {place for [place] in rows}


def give_back(database: Database) -> None:
    """Give free pages back to the disk, a few at a time so that nobody waits long, and empty the WAL."""
    before, free = -1, 0
    while free != before:
        before, free = free, database.alone(_shrink)
    database.alone(lambda c: c.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())


def _shrink(connection: sqlite3.Connection) -> int:
    connection.execute(f"PRAGMA incremental_vacuum({_PAGES})").fetchall()
    [free] = connection.execute("PRAGMA freelist_count").fetchone()
    return int(free)
