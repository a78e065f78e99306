"""Which of a flow's runs may start now: pure decisions on what a store says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from longshore.schedules.interface import Overlap
    from longshore.stores.records import RunRecord

UNFINISHED: Final = ("Scheduled", "Running", "Crashed")
"""The states of the runs that are looked at; one that is Pending was started by somebody else just now."""
TRIES: Final = 3
"""How often a run is started or resumed, before it is left as it is."""


@dataclass(frozen=True)
class Choice:
    """What is to become of runs that are due.

    Attributes:
        start: Those to start, or to resume, the oldest first.
        skip: Those to leave out, each with the run that was still going on when its time came.
        hopeless: Those that died too often before they began.
    """

    start: tuple[RunRecord, ...]
    skip: tuple[tuple[RunRecord, RunRecord], ...]
    hopeless: tuple[RunRecord, ...]


def choose(
    records: Sequence[RunRecord],
    now: float,
    overlap: Overlap,
    starting: Collection[str] = (),
    tries_of: Callable[[RunRecord], int] = lambda record: record.tries,
) -> Choice:
    """Decide on the unfinished runs of one flow.

    Runs that a schedule made start in the order in which they are due, whoever looks, so that several serving
    processes come to the same decision. Submitted ones and crashed ones start whatever else runs.

    Args:
        records: The unfinished runs.
        now: The time, in seconds since 1970.
        overlap: The flow's rule.
        starting: Runs that were started here and may not show it yet.
        tries_of: How often a run was started.
    """
    records = sorted(records, key=lambda r: (r.due or 0.0, r.run_id))
    mine = [r for r in records if r.due is not None]
    idle = [r for r in mine if r.lease is None and r.run_id not in starting]
    hopeless = tuple(r for r in idle if r.state == "Scheduled" and tries_of(r) >= TRIES)
    idle = [r for r in idle if tries_of(r) < TRIES]
    due = [r for r in idle if r.state == "Scheduled" and r.due is not None and r.due <= now]
    crashed = [r for r in idle if r.state == "Crashed"]
    going = [r for r in records if r.lease is not None or r.run_id in starting] + crashed
    start, skip = list(crashed), list[tuple["RunRecord", "RunRecord"]]()
    waits = False
    for record in due:
        if not record.schedule or overlap == "together":
            start.append(record)
            continue
        obstacle = _obstacle(record, going) if overlap == "skip" else None
        if obstacle is not None:
            skip.append((record, obstacle))
            continue
        if not going and not waits:
            start.append(record)
        waits = True
    return Choice(tuple(sorted(start, key=lambda r: r.due or 0.0)), tuple(skip), hopeless)


def _obstacle(record: RunRecord, going: Sequence[RunRecord]) -> RunRecord | None:
    """Return a run that was going on when another one's time came, and still is."""
    return next((g for g in going if g.started is not None and g.started <= (record.due or 0.0)), None)
