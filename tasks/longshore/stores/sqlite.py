"""`SQLiteStore`: runs in one SQLite file, used by several processes and threads at once."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NoReturn, TypeVar

from longshore.errors import ConfigurationError
from longshore.stores import lookups, pruning, slots
from longshore.stores.changes import Writer, change_run
from longshore.stores.connections import Database
from longshore.stores.errors import LeaseLostError, RunNotFoundError, RunTakenError
from longshore.stores.interface import RunStore
from longshore.stores.leases import LEASE, Clock, grant, lives
from longshore.stores.records import RunChanged
from longshore.stores.rows import RUN_COLUMNS, SELECT_RUN, Row, lease_in, run_of, run_values, storable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from longshore.stores.records import (
        Change,
        JobRecord,
        LogRecord,
        Pruned,
        RunRecord,
        StepRecord,
        TransitionRecord,
    )
    from longshore.stores.results import Results

    T = TypeVar("T")

_CREATE: Final = f"INSERT OR IGNORE INTO runs ({RUN_COLUMNS.replace('r.', '')}) VALUES ({','.join('?' * 16)})"
_CLAIM: Final = "INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_RENEW: Final = """
    UPDATE leases SET until = ?, until_wall = ?
    WHERE run = (SELECT id FROM runs WHERE run_id = ?) AND token = ?
"""
_OWNED: Final = (
    "SELECT r.id FROM runs AS r JOIN leases AS l ON l.run = r.id WHERE r.run_id = ? AND l.token = ?"
)
_STILL_OWNED: Final = "SELECT 1 FROM leases WHERE run = ? AND token = ?"


class SQLiteStore(RunStore):
    """Runs in one SQLite file, with their large results in a folder beside it.

    Any number of processes and threads of one machine may use the file at once; it must not lie on a network
    file system, which has not the locks that SQLite needs. It is made at first use, for its owner alone.

    Args:
        path: The file.
        durability: `process`: what was written survives the death of any process, and a machine that fails
            may lose its last moments; `power`: it survives that too, and each write waits for the disk.
        results: Where results go; by default the folder `<path>.results`.
        clock: What leases are judged by; for tests.

    Example:
        >>> nightly.run(day=date(2013, 1, 1), store=SQLiteStore("runs.db"))
    """

    def __init__(
        self,
        path: Path | str,
        *,
        durability: Literal["process", "power"] = "process",
        results: Results | None = None,
        clock: Clock | None = None,
    ) -> None:
        if durability not in ("process", "power"):
            raise ConfigurationError(f"durability is 'process' or 'power', not {durability!r}")
        self.path: Final = Path(path).expanduser().absolute()
        self.durability = durability
        self.results = results or _results_beside(self.path, durability)
        self._clock = clock or Clock()
        self._database = Database(self.path, power=durability == "power")
        self._writer = Writer()
        self._numbers: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"SQLiteStore({str(self.path)!r}, durability={self.durability!r})"

    def create(self, run: RunRecord) -> bool:
        """Add a run; return False, and change nothing, when there is one of its id."""
        values = run_values(storable(run))
        return self._database.write(lambda c: c.execute(_CREATE, values).rowcount == 1)

    def claim(self, run_id: str, token: str) -> RunRecord:
        """Become the one who drives a run; see `RunStore`.

        A run that had ended forgets that it was cancelled.
        """
        return self._database.write(partial(self._claim, run_id=run_id, token=token))

    def _claim(self, connection: sqlite3.Connection, run_id: str, token: str) -> RunRecord:
        row = self._row(connection, run_id)
        run, lease = row[0], lease_in(row)
        if lease is None or lease.token != token:
            if lease is not None and lives(lease, self._clock):
                _taken(run_id, row)
            connection.execute("DELETE FROM slots WHERE run = ?", (run,))
        new = grant(token, self._clock)
        connection.execute(
            _CLAIM,
            (run, token, new.host, new.boot, new.namespace, new.pid, new.pid_started, new.until,
             new.until_wall, self._clock.wall()),
        )  # fmt: skip
        connection.execute(
            "UPDATE runs SET tries = tries + 1, cancel = iif(ended IS NULL, cancel, '') WHERE id = ?", (run,)
        )
        return run_of(self._row(connection, run_id), self._clock)

    def renew(self, run_id: str, token: str) -> str:
        """Renew the lease; return why the run is to be cancelled, or nothing."""
        return self._database.write(partial(self._renew, run_id=run_id, token=token))

    def _renew(self, connection: sqlite3.Connection, run_id: str, token: str) -> str:
        until = self._clock.boot_time() + LEASE, self._clock.wall() + LEASE
        if not connection.execute(_RENEW, (*until, run_id, token)).rowcount:
            _lost(run_id)
        [cancel] = connection.execute("SELECT cancel FROM runs WHERE run_id = ?", (run_id,)).fetchone()
        return str(cancel)

    def release(self, run_id: str, token: str) -> None:
        """Give the lease and all slots back; nothing happens when somebody else has it."""
        self._numbers.pop(run_id, None)
        self._database.write(partial(_release, run_id=run_id, token=token))

    def write(self, run_id: str, token: str, changes: Sequence[Change]) -> None:
        """Write changes of a run, all or none."""
        write = self._database.write
        try:
            write(partial(self._write, run_id, token, changes))
        except UnicodeEncodeError:
            cleaned = [storable(change) for change in changes]
            write(partial(self._write, run_id, token, cleaned))

    def _write(
        self, run_id: str, token: str, changes: Sequence[Change], connection: sqlite3.Connection
    ) -> None:
        run = self._numbers.get(run_id)
        if run is None or not connection.execute(_STILL_OWNED, (run, token)).fetchone():
            found = connection.execute(_OWNED, (run_id, token)).fetchone()
            if found is None:
                _lost(run_id)
            run = self._numbers[run_id] = found[0]
        self._writer.apply(connection, run, changes)

    def run(self, run_id: str) -> RunRecord:
        """Return a run, by its id or by a beginning that fits no other one; see `RunStore`."""
        return run_of(self._read(lookups.find_run, run_id, str(self.path)), self._clock)

    def runs(
        self,
        *,
        flow: str | None = None,
        states: Sequence[str] = (),
        before: float | None = None,
        limit: int | None = None,
    ) -> list[RunRecord]:
        """Return runs, the newest first; see `RunStore`."""
        return self._read(lookups.find_runs, self._clock, flow, tuple(states), before, limit)

    def steps(self, run_id: str) -> list[StepRecord]:
        """Return where the steps of a run stand, in the order in which they were first heard of."""
        return self._read(lookups.steps, run_id)

    def transitions(self, run_id: str) -> list[TransitionRecord]:
        """Return the transitions of a run and its steps, as they happened."""
        return self._read(lookups.transitions, run_id)

    def jobs(self, run_id: str | None = None, *, open_only: bool = False) -> list[JobRecord]:
        """Return jobs, of one run or of all; with `open_only` those that are intended or submitted."""
        return self._read(lookups.jobs, run_id, open_only)

    def logs(self, run_id: str, step: str | None = None, map_index: int | None = None) -> list[LogRecord]:
        """Return what is kept of the log of a run, a step, or one of a mapped one's, as it was logged."""
        return self._read(lookups.lines, run_id, step, map_index)

    def request_cancel(self, run_id: str, reason: str) -> RunRecord:
        """Ask for a run to be cancelled; see `RunStore`."""
        return self._database.write(partial(self._cancel, run_id=run_id, reason=storable(reason)))

    def _cancel(self, connection: sqlite3.Connection, run_id: str, reason: str) -> RunRecord:
        row = self._row(connection, run_id)
        run, lease = row[0], lease_in(row)
        if run_of(row, self._clock).ended is None:
            connection.execute("UPDATE runs SET cancel = ? WHERE id = ?", (reason, run))
            if lease is None or not lives(lease, self._clock):
                # Without its lease an owner that was only stopped goes no further.
                connection.execute("DELETE FROM leases WHERE run = ?", (run,))
                connection.execute("DELETE FROM slots WHERE run = ?", (run,))
                now = self._clock.wall()
                change_run(
                    connection, run, RunChanged(state="Cancelled", message=reason, time=now, finished=True)
                )
        return run_of(self._row(connection, run_id), self._clock)

    def take_slot(self, limit: str, count: int, run_id: str, holder: str) -> bool:
        """Take one of `count` slots of a limit that all runs of this store share; see `RunStore`.

        Raises:
            LeaseLostError: Nobody drives the run, so nobody could give the slot back.
            LimitError: Another run that holds a slot gives this limit another count.
        """
        return self._database.write(lambda c: slots.take(c, self._clock, limit, count, run_id, holder))

    def give_slots(self, run_id: str, holder: str) -> None:
        """Give back what a holder has."""
        self._database.write(lambda c: slots.give(c, run_id, holder))

    def remove_scheduled(self, flow: str, keep: Sequence[str]) -> int:
        """Remove the Scheduled runs of a flow that a schedule made, but for these ids; return how many."""
        return self._database.write(lambda c: pruning.remove_scheduled(c, self._clock, flow, keep))

    def prune(self, before: float) -> Pruned:
        """Remove finished runs that ended before a time, with their results; see `RunStore`.

        Each run is a transaction of its own, so that runs under way are recorded meanwhile.
        """
        return pruning.prune(self._database, self.results, self._clock, before)

    def close(self) -> None:
        """Close the store; using it again opens it again."""
        self._database.close()

    def _read(self, look: Callable[..., T], *arguments: object) -> T:
        return self._database.read(lambda connection: look(connection, *arguments))

    def _row(self, connection: sqlite3.Connection, run_id: str) -> Row:
        row: Row | None = connection.execute(f"{SELECT_RUN} WHERE r.run_id = ?", (run_id,)).fetchone()
        if row is None:
            raise RunNotFoundError(lookups.no_run(run_id, str(self.path)))
        return row


def _results_beside(path: Path, durability: str) -> Results:
    from longshore.stores.results import Results

    return Results(path.with_name(f"{path.name}.results"), durability=durability)


def _release(connection: sqlite3.Connection, run_id: str, token: str) -> None:
    found = connection.execute(_OWNED, (run_id, token)).fetchone()
    if found is not None:
        connection.execute("DELETE FROM leases WHERE run = ?", found)
        connection.execute("DELETE FROM slots WHERE run = ?", found)


def _lost(run_id: str) -> NoReturn:
    raise LeaseLostError(
        f"cannot write run {run_id!r}: another process took it over, as this one was not heard of for "
        f"{LEASE:g} s; to see how it stands: longshore show {run_id}"
    )


def _taken(run_id: str, row: Row) -> NoReturn:
    lease, since = lease_in(row), row[-1]
    assert lease is not None
    moment = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(since))
    raise RunTakenError(
        f"cannot drive run {run_id!r}: process {lease.pid} on {lease.host!r} has driven it since {moment}; "
        f"wait for it, or end it: longshore cancel {run_id}"
    )
