"""The slots of limits that all runs of a SQLite store share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from longshore.errors import LimitError
from longshore.stores.errors import LeaseLostError
from longshore.stores.leases import lives
from longshore.stores.rows import LEASE_COLUMNS, Row, lease_of

if TYPE_CHECKING:
    import sqlite3

    from longshore.stores.leases import Clock

_HELD: Final = f"""
    SELECT s.run, s.holder, s.count, r.run_id, {LEASE_COLUMNS}
    FROM slots AS s JOIN runs AS r ON r.id = s.run LEFT JOIN leases AS l ON l.run = s.run WHERE s.name = ?
"""


def look(
    connection: sqlite3.Connection, clock: Clock, limit: str, count: int, run_id: str, holder: str
) -> bool | None:
    """Tell by reading alone, so that those who wait keep nobody from writing, whether a slot can be had.

    Returns:
        True when this holder has one, False when all are held, None when one is free.

    Raises:
        LeaseLostError: Nobody drives this run, so nobody could give the slot back.
        LimitError: Another run that holds a slot gives the limit another count.
    """
    run = _driven(connection, limit, run_id)
    rows = connection.execute(_HELD, (limit,)).fetchall()
    if any(row[0] == run and row[1] == holder for row in rows):
        return True
    dead = _dead(clock, rows, run)
    living = [row for row in rows if row[0] not in dead]
    for row in living:
        if row[0] != run and row[2] != count:
            raise LimitError(f"limit {limit!r} is {count} here and {row[2]} in run {row[3]!r}; use one count")
    return False if len(living) >= count else None


def take(
    connection: sqlite3.Connection, clock: Clock, limit: str, count: int, run_id: str, holder: str
) -> bool:
    """Take a slot, if one is free; raises what `look` raises.

    The slots of those who died are freed, and they are fenced: one that was only stopped goes no further.
    """
    answer = look(connection, clock, limit, count, run_id, holder)
    if answer is not None:
        return answer
    run = _driven(connection, limit, run_id)
    for dead in _dead(clock, connection.execute(_HELD, (limit,)).fetchall(), run):
        connection.execute("DELETE FROM slots WHERE run = ?", (dead,))
        connection.execute("DELETE FROM leases WHERE run = ?", (dead,))
    connection.execute("INSERT INTO slots VALUES (?, ?, ?, ?)", (limit, run, holder, count))
    return True


def _driven(connection: sqlite3.Connection, limit: str, run_id: str) -> int:
    found = connection.execute(
        "SELECT r.id FROM runs AS r JOIN leases AS l ON l.run = r.id WHERE r.run_id = ?", (run_id,)
    ).fetchone()
    if found is None:
        raise LeaseLostError(f"cannot take a slot of {limit!r}: nobody drives run {run_id!r}; claim it first")
    return int(found[0])


def _dead(clock: Clock, rows: list[Row], own: int) -> set[int]:
    """Return the runs among the holders whose owner has died."""
    owners = {row[0]: lease_of(row[4:]) for row in rows if row[0] != own}
    return {run for run, lease in owners.items() if lease is None or not lives(lease, clock)}


def give(connection: sqlite3.Connection, run_id: str, holder: str) -> None:
    """Give back all that a holder has."""
    connection.execute(
        "DELETE FROM slots WHERE holder = ? AND run = (SELECT id FROM runs WHERE run_id = ?)",
        (holder, run_id),
    )
