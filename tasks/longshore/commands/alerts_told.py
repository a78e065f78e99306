"""What waits to be told and what was told of late, for `longshore alert --list`."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from longshore.alerts.budgets import Budget, record_id
from longshore.alerts.incidents import Incident
from longshore.commands.shown import bold, faint, one_line, table
from longshore.quantities import clock, iso

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from longshore.stores.interface import RunStore

_MOST: Final = 50
"""Incidents of which all is told that are shown: the last ones."""
_MOST_ALERTS: Final = 10_000


@dataclass(frozen=True, kw_only=True)
class ToldAlert:
    """One incident, or alerts that no incident has taken in yet."""

    channel: str
    flow: str
    step: str
    status: str
    count: int
    opened: float
    told: float | None
    receipt: str
    waiting: bool
    why: str


def read_told(store: RunStore) -> list[ToldAlert]:
    """Read what waits and what was told of late, the oldest first."""
    whys = _whys(store)
    incidents = [
        _of_incident(Incident.of_record(record), whys.get(record.channel, ""))
        for record in store.incidents()
        if record.incident != record_id(record.channel)
    ]
    ended = [one for one in incidents if not one.waiting]
    kept = {id(one) for one in ended[-_MOST:]}
    shown = [one for one in incidents if one.waiting or id(one) in kept]
    return [*shown, *_unread(store, whys)]


def _whys(store: RunStore) -> dict[str, str]:
    """Return why the last call to each channel failed, for those whose last call did."""
    budgets = {
        record.channel: Budget.of_record(record)
        for record in store.incidents()
        if record.incident == record_id(record.channel)
    }
    return {channel: budget.why for channel, budget in budgets.items() if budget.failures}


def _of_incident(incident: Incident, why: str) -> ToldAlert:
    told = incident.told
    receipt = " ".join(filter(None, [told.receipt.id, told.receipt.place])) if told.receipt else ""
    return ToldAlert(
        channel=incident.channel,
        flow=incident.flow,
        step=incident.step,
        status=incident.status,
        count=sum(incident.counts.values()),
        opened=incident.opened,
        told=told.time or None,
        receipt=receipt or ("part of a digest" if told.place else ""),
        waiting=incident.waiting,
        why=why or "not told yet" if incident.waiting else "",
    )


def _unread(store: RunStore, whys: dict[str, str]) -> Iterator[ToldAlert]:
    """Return the alerts that nobody has taken up: who was to tell them has died, or is about to."""
    for channel in store.waiting_channels():
        alerts = [alert for _, alert in store.alerts(channel, _MOST_ALERTS)]
        counts = Counter((alert.flow, alert.step, alert.kind) for alert in alerts)
        first = {(a.flow, a.step, a.kind): a.time for a in reversed(alerts)}
        for (flow, step, kind), count in counts.items():
            yield ToldAlert(
                channel=channel, flow=flow, step=step, status=kind, count=count,
                opened=first[flow, step, kind], told=None, receipt="", waiting=True,
                why=whys.get(channel) or "not told yet",
            )  # fmt: skip


def show(found: Sequence[ToldAlert], in_store: str) -> None:
    """Print what waits and what was told, as a table."""
    if not found:
        click.echo("no channel was told anything, and nothing waits")
        return
    head = [
        bold(word) for word in ("channel", "flow", "step", "status", "opened", "told", "receipt", "waits")
    ]
    click.echo("\n".join(table([head, *map(_row, found)])))
    if any(one.waiting for one in found):
        click.echo(faint(f"\nto have told what waits: longshore alert --send{in_store}"))


def _row(one: ToldAlert) -> list[str]:
    times = f" x{one.count:,}" if one.count > 1 else ""
    cells = (one.channel, one.flow or "-", one.step or "-", one.status + times)
    last = (clock(one.opened), clock(one.told), one.receipt or "-", one.why)
    return [one_line(cell, 60) for cell in (*cells, *last)]


def as_json(one: ToldAlert) -> dict[str, Any]:
    """Return it as programs read it."""
    return {**asdict(one), "opened": iso(one.opened), "told": iso(one.told)}
