"""Removing runs from a SQLite store, with all that belongs to them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from longshore.stores import claims
from longshore.stores.alerting import prune_incidents
from longshore.stores.leases import lives
from longshore.stores.records import Pruned
from longshore.stores.rows import SELECT_RUN, Row, lease_in

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from longshore.stores.connections import Database
    from longshore.stores.leases import Clock
    from longshore.stores.results import Results

_CHILDREN: Final = ("leases", "transitions", "steps", "jobs", "lines", "slots")
_OLD: Final = f"""
    {SELECT_RUN}
    WHERE (r.ended < ? OR (r.state = 'Running' AND ifnull(l.until_wall, ifnull(r.started, r.created)) < ?))
"""
_OPEN_JOBS: Final = "SELECT 1 FROM jobs WHERE run = ? AND state IN ('intended', 'submitted') LIMIT 1"
_ELSEWHERE: Final = (
    "SELECT place FROM steps WHERE run = ? AND serializer != '' AND instr(place, '://') ORDER BY id"
)
_REMOVED, _HAS_JOBS, _STAYS = "removed", "has jobs", "stays"
_YOUNG: Final = 3_600.0
"""Seconds: a result's file is written before the row that refers to it, by a process that may be stopped."""
_PAGES: Final = 2_000
"""Pages of the file that are given back at a time: 8 MiB, in a few milliseconds."""


def prune(database: Database, results: Results, clock: Clock, before: float, where: str) -> Pruned:
    """Remove runs that ended before a time, one transaction each, and the results that no run refers to.

    Runs whose process died count as ended when its lease did. Runs with jobs that may still go on stay: what
    ends those jobs looks them up there. Alerts that wait stay too, whatever becomes of their run.

    Raises:
        StoreError: The file cannot be written, or results cannot be removed.
    """
    old = database.read(lambda c: [row[:2] for row in c.execute(_OLD, (before, before)).fetchall()])
    kept: list[str] = []
    removed = files = size = 0
    for run, run_id in old:
        outcome, count, length = _Going(database, clock, run, run_id, before).remove_with(results, where)
        if outcome == _HAS_JOBS:
            kept.append(run_id)
        removed += outcome == _REMOVED
        files, size = files + count, size + length
    database.write(lambda c: prune_incidents(c, before))
    count, length = results.sweep(places(database), older_than=_YOUNG, runs=_run_ids(database))
    give_back(database)
    return Pruned(runs=removed, files=files + count, bytes=size + length, kept=tuple(kept))


@dataclass(frozen=True)
class _Going:
    """A run that is to be removed if it is as old as it looked."""

    database: Database
    clock: Clock
    run: int
    run_id: str
    before: float

    def remove_with(self, results: Results, where: str) -> tuple[str, int, int]:
        """Remove the run and its results; return what became of it, its files and their bytes."""
        places = self.database.read(lambda c: c.execute(_ELSEWHERE, (self.run,)).fetchall())
        if results.shared or places:
            return self._remove_held(
                lambda: results.remove(self.run_id, [place for [place] in places]), where
            )
        outcome = self.database.write(self._remove)
        count, size = results.remove(self.run_id) if outcome == _REMOVED else (0, 0)
        return outcome, count, size

    def _remove(self, connection: sqlite3.Connection) -> str:
        outcome = self._look(connection)
        if outcome == _REMOVED:
            remove(connection, self.run)
        return outcome

    def _look(self, connection: sqlite3.Connection) -> str:
        """Look at it again: somebody may have resumed it meanwhile."""
        row = connection.execute(f"{_OLD} AND r.id = ?", (self.before, self.before, self.run)).fetchone()
        if row is None or _is_driven(row, self.clock):
            return _STAYS
        return _HAS_JOBS if connection.execute(_OPEN_JOBS, (self.run,)).fetchone() else _REMOVED

    def _remove_held(self, remove_results: Callable[[], tuple[int, int]], where: str) -> tuple[str, int, int]:
        """Remove the results, and then the run, which is held meanwhile so that nobody resumes it.

        In this order, because a service that cannot be reached would leave results that nobody knows of.
        """
        token = uuid.uuid4().hex

        def hold(connection: sqlite3.Connection) -> str:
            outcome = self._look(connection)
            if outcome == _REMOVED:
                claims.claim(connection, self.clock, where, self.run_id, token)
            return outcome

        outcome = self.database.write(hold)
        if outcome != _REMOVED:
            return outcome, 0, 0
        try:
            count, size = remove_results()
            self.database.write(lambda c: remove(c, claims.owned(c, self.run_id, token)))
        except BaseException:
            self.database.write(lambda c: claims.release(c, self.run_id, token))
            raise
        return outcome, count, size


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


def _run_ids(database: Database) -> list[str]:
    return [run_id for [run_id] in database.read(lambda c: c.execute("SELECT run_id FROM runs").fetchall())]


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
