"""`SQLiteStore`: runs in one SQLite file, used by several processes and threads at once."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeVar

from longshore.errors import ConfigurationError
from longshore.stores import claims, lookups, pruning, slots
from longshore.stores.alerting import AlertTables
from longshore.stores.changes import Writer
from longshore.stores.connections import Database
from longshore.stores.leases import Clock
from longshore.stores.rows import RUN_COLUMNS, run_of, run_values, storable

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
    from longshore.stores.serializers import Serializer

    T = TypeVar("T")

_CREATE: Final = f"INSERT OR IGNORE INTO runs ({RUN_COLUMNS.replace('r.', '')}) VALUES ({','.join('?' * 16)})"
_STILL_OWNED: Final = "SELECT 1 FROM leases WHERE run = ? AND token = ?"


class SQLiteStore(AlertTables):
    """Runs in one SQLite file, with their large results in a folder beside it.

    Any number of processes and threads of one machine may use the file at once; it must not lie on a network
    file system, which has not the locks that SQLite needs. It is made at first use, for its owner alone.

    Args:
        path: The file.
        durability: `process`: what was written survives the death of any process, and a machine that fails
            may lose its last moments; `power`: it survives that too, and each write waits for the disk.
        serializers: What writes, and reads, the results that JSON has no form for; without one they are not
            stored. `PickleSerializer()` is one, for stores to which nobody else can write.
        results: Where results go: a folder, a URL such as `s3://lake/results`, or `Results(...)`; by default
            the folder `<path>.results`.
        clock: What leases are judged by; for tests.

    Example:
        >>> nightly.run(day=date(2013, 1, 1), store=SQLiteStore("runs.db"))
    """

    def __init__(
        self,
        path: Path | str,
        *,
        durability: Literal["process", "power"] = "process",
        serializers: Sequence[Serializer] = (),
        results: Results | Path | str | None = None,
        clock: Clock | None = None,
    ) -> None:
        if durability not in ("process", "power"):
            raise ConfigurationError(f"durability is 'process' or 'power', not {durability!r}")
        if serializers and not isinstance(results, Path | str | None):
            raise ConfigurationError("SQLiteStore got results and serializers; give Results the serializers")
        self.path: Final = Path(path).expanduser().absolute()
        self.durability = durability
        if results is None:
            results = self.path.with_name(f"{self.path.name}.results")
        self.results = _results(results, durability, serializers)
        self._where = str(self.path)
        self._clock = clock or Clock()
        self._database = Database(self.path, power=durability == "power")
        self._writer = Writer()
        self._numbers: dict[str, int] = {}
        self._granted = set()

    def __repr__(self) -> str:
        return f"SQLiteStore({str(self.path)!r}, durability={self.durability!r})"

    @property
    def location(self) -> str:
        """The file's path, with its links resolved."""
        return str(self.path.resolve())

    def create(self, run: RunRecord) -> bool:
        """Add a run; return False, and change nothing, when there is one of its id."""
        values = run_values(storable(run))
        return self._database.write(lambda c: c.execute(_CREATE, values).rowcount == 1)

    def claim(self, run_id: str, token: str) -> RunRecord:
        """Become the one who drives a run; see `RunStore`.

        A run that had ended forgets that it was cancelled.
        """
        return self._database.write(lambda c: claims.claim(c, self._clock, self._where, run_id, token))

    def renew(self, run_id: str, token: str) -> str:
        """Renew the lease; return why the run is to be cancelled, or nothing."""
        return self._database.write(lambda c: claims.renew(c, self._clock, run_id, token))

    def release(self, run_id: str, token: str) -> None:
        """Give the lease and all slots back; nothing happens when somebody else has it."""
        self._numbers.pop(run_id, None)
        self._database.write(lambda c: claims.release(c, run_id, token))

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
            run = self._numbers[run_id] = claims.owned(connection, run_id, token)
        self._writer.apply(connection, run, changes)

    def run(self, run_id: str) -> RunRecord:
        """Return a run, by its id or by a beginning that fits no other one; see `RunStore`."""
        return run_of(self._read(lookups.find_run, run_id, self._where), self._clock)

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
        why = storable(reason)
        return self._database.write(lambda c: claims.cancel(c, self._clock, self._where, run_id, why))

    def take_slot(self, limit: str, count: int, run_id: str, holder: str) -> bool:
        """Take one of `count` slots of a limit that all runs of this store share; see `RunStore`.

        Raises:
            LeaseLostError: Nobody drives the run, so nobody could give the slot back.
            LimitError: Another run that holds a slot gives this limit another count.
        """
        asked = self._clock, limit, count, run_id, holder
        answer = self._read(slots.look, *asked)
        return self._database.write(lambda c: slots.take(c, *asked)) if answer is None else answer

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
        return pruning.prune(self._database, self.results, self._clock, before, self._where)

    def close(self) -> None:
        """Close the store; using it again opens it again."""
        self._database.close()

    def _read(self, look: Callable[..., T], *arguments: object) -> T:
        return self._database.read(lambda connection: look(connection, *arguments))


def _results(results: Results | Path | str, durability: str, serializers: Sequence[Serializer]) -> Results:
    from longshore.stores.results import Results

    if isinstance(results, Results):
        return results
    return Results(results, durability=durability, serializers=serializers)
