"""Who drives the runs of a SQLite store: claiming, renewing, releasing, cancelling."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NoReturn

from longshore.stores.changes import change_run
from longshore.stores.errors import LeaseLostError, RunTakenError
from longshore.stores.leases import LEASE, grant, lives
from longshore.stores.lookups import get_run
from longshore.stores.records import RunChanged
from longshore.stores.rows import Row, lease_in, run_of

if TYPE_CHECKING:
    import sqlite3

    from longshore.stores.leases import Clock
    from longshore.stores.records import RunRecord

_CLAIM: Final = "INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_TRY: Final = """
    UPDATE runs SET tries = tries + 1, cancel = CASE WHEN ended IS NULL THEN cancel ELSE '' END WHERE id = ?
"""
_RENEW: Final = """
    UPDATE leases SET until = ?, until_wall = ?
    WHERE run = (SELECT id FROM runs WHERE run_id = ?) AND token = ?
"""
_OWNED: Final = (
    "SELECT r.id FROM runs AS r JOIN leases AS l ON l.run = r.id WHERE r.run_id = ? AND l.token = ?"
)


def claim(connection: sqlite3.Connection, clock: Clock, where: str, run_id: str, token: str) -> RunRecord:
    """Give a run to one owner, whose token stands in its lease from now on.

    Raises:
        RunNotFoundError: There is no such run.
        RunTakenError: Somebody else drives it, and lives.
    """
    row = get_run(connection, run_id, where)
    run, lease = row[0], lease_in(row)
    if lease is None or lease.token != token:
        if lease is not None and lives(lease, clock):
            _refuse(run_id, row)
        connection.execute("DELETE FROM slots WHERE run = ?", (run,))
    new = grant(token, clock)
    connection.execute(
        _CLAIM,
        (run, token, new.host, new.boot, new.namespace, new.pid, new.pid_started, new.until, new.until_wall,
         clock.wall()),
    )  # fmt: skip
    connection.execute(_TRY, (run,))
    return run_of(get_run(connection, run_id, where), clock)


def _refuse(run_id: str, row: Row) -> NoReturn:
    lease, since = lease_in(row), row[-1]
    assert lease is not None
    moment = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(since))
    raise RunTakenError(
        f"cannot drive run {run_id!r}: process {lease.pid} on {lease.host!r} has driven it since {moment}; "
        f"wait for it, or end it: longshore cancel {run_id}"
    )


def owned(connection: sqlite3.Connection, run_id: str, token: str) -> int:
    """Return the number of a run that the owner of this token drives.

    Raises:
        LeaseLostError: Somebody else does, or nobody.
    """
    found = connection.execute(_OWNED, (run_id, token)).fetchone()
    if found is None:
        _lost(run_id)
    return int(found[0])


def _lost(run_id: str) -> NoReturn:
    raise LeaseLostError(
        f"cannot go on with run {run_id!r}: this process does not drive it any more; another one took it "
        f"over, or it was cancelled or removed; to see how it stands: longshore show {run_id}"
    )


def renew(connection: sqlite3.Connection, clock: Clock, run_id: str, token: str) -> str:
    """Have a lease hold from now on; return why the run is to be cancelled, or nothing.

    Raises:
        LeaseLostError: Somebody else has it, or nobody.
    """
    until = clock.boot_time() + LEASE, clock.wall() + LEASE
    if not connection.execute(_RENEW, (*until, run_id, token)).rowcount:
        _lost(run_id)
    [cancel] = connection.execute("SELECT cancel FROM runs WHERE run_id = ?", (run_id,)).fetchone()
    return str(cancel)


def release(connection: sqlite3.Connection, run_id: str, token: str) -> None:
    """Give back a lease and all slots, if they are this owner's."""
    found = connection.execute(_OWNED, (run_id, token)).fetchone()
    if found is not None:
        _free(connection, found[0])


def _free(connection: sqlite3.Connection, run: int) -> None:
    connection.execute("DELETE FROM leases WHERE run = ?", (run,))
    connection.execute("DELETE FROM slots WHERE run = ?", (run,))


def cancel(connection: sqlite3.Connection, clock: Clock, where: str, run_id: str, reason: str) -> RunRecord:
    """Note why a run is to be cancelled, and cancel it when nobody who lives drives it.

    Raises:
        RunNotFoundError: There is no such run.
    """
    row = get_run(connection, run_id, where)
    run, lease = row[0], lease_in(row)
    if run_of(row, clock).ended is None:
        connection.execute("UPDATE runs SET cancel = ? WHERE id = ?", (reason, run))
        if lease is None or not lives(lease, clock):
            _free(connection, run)  # an owner that was only stopped goes no further without its lease
            now = clock.wall()
            change_run(
                connection, run, RunChanged(state="Cancelled", message=reason, time=now, finished=True)
            )
    return run_of(get_run(connection, run_id, where), clock)
