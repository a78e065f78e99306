"""`longshore runs`: the runs that a store has."""

from __future__ import annotations

import json
from time import time
from typing import TYPE_CHECKING, Any, Final

import click

from longshore.commands.recorded import opened, store_option
from longshore.commands.shown import bold, coloured, columns, faint, one_line, table
from longshore.histories import STATES, is_state, read_outline, short_id
from longshore.quantities import clock, duration, iso
from longshore.states import Pending, Scheduled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longshore.histories import RunHistory
    from longshore.stores.interface import RunStore
    from longshore.stores.records import RunRecord

_NAME: Final = 40
"""Columns that a run's name may take."""


@click.command(short_help="List recorded runs, the newest first.")
@click.option("--flow", metavar="NAME", help="Only runs of this flow.")
@click.option(
    "--state",
    "given",
    metavar="STATE",
    type=click.Choice(sorted(STATES), case_sensitive=False),
    multiple=True,
    help="Only runs in this state or a kind of it: Failed takes in Crashed. May be given again.",
)
@click.option(
    "--limit", metavar="N", type=click.IntRange(1), default=20, show_default=True, help="At most N."
)
@store_option
@click.option("--json", "wants_json", is_flag=True, help="Print a list of JSON objects.")
def runs(flow: str | None, given: tuple[str, ...], limit: int, store: str | None, wants_json: bool) -> None:
    """List recorded runs, the newest first.

    A run whose process was killed shows as Crashed. Of the runs that a schedule has made, the next one of
    each flow is shown; all of them with --state Scheduled.
    """
    wanted = [name for name in STATES if any(is_state(name, STATES[each]) for each in given)]
    with opened(store) as kept:
        if given:
            records = kept.runs(flow=flow, states=wanted, limit=limit)
        else:
            past = [name for name in STATES if not is_state(name, Scheduled)]
            records = [*_next_of_each(kept, flow), *kept.runs(flow=flow, states=past, limit=limit)][:limit]
        found = [read_outline(kept, record) for record in records]
    if wants_json:
        click.echo(json.dumps([as_json(history) for history in found]))
    elif found:
        _show(found)
    else:
        click.echo("no such run" if flow or given else "no run is recorded yet; run: longshore run flows.py")


def _next_of_each(store: RunStore, flow: str | None) -> list[RunRecord]:
    """Return the next scheduled run of each flow, the one that is due last first."""
    scheduled = sorted(store.runs(flow=flow, states=["Scheduled"]), key=lambda run: run.due or 0.0)
    following: dict[str, RunRecord] = {}
    for run in scheduled:
        following.setdefault(run.flow, run)
    return list(reversed(following.values()))


def _show(found: Sequence[RunHistory]) -> None:
    head = [bold(word) for word in ("run", "name", "state", "started", "took", "steps")]
    lines = table([head, *map(_row, found)])
    click.echo("\n".join(lines))
    click.echo(faint(f"\nmore of one: longshore show {short_id(found[0].run.run_id)}"))


def _row(history: RunHistory) -> list[str]:
    run = history.run
    return [
        one_line(short_id(run.run_id), _NAME),
        one_line(run.name or run.flow, min(_NAME, max(12, columns() - 66))),
        coloured(run.state, run.state),
        _when(run),
        duration(seconds(run)),
        f"{history.done}/{len(history.steps)}",
    ]


def _when(run: RunRecord) -> str:
    return f"due {clock(run.due)}" if run.due and is_state(run.state, Pending) else clock(run.started)


def seconds(run: RunRecord) -> float | None:
    """Return how long a run took, or takes; None before it began, and when nobody saw its end."""
    if run.started is None:
        return None
    if run.ended is None and run.state != "Running":
        return None
    return (time() if run.ended is None else run.ended) - run.started


def as_json(history: RunHistory) -> dict[str, Any]:
    """Return a run as programs read it, without its steps."""
    run = history.run
    return {
        "run_id": run.run_id,
        "flow": run.flow,
        "name": run.name,
        "target": run.target,
        "state": run.state,
        "message": run.message,
        "created": iso(run.created),
        "due": iso(run.due),
        "started": iso(run.started),
        "ended": iso(run.ended),
        "seconds": seconds(run),
        "tries": run.tries,
        "schedule": run.schedule,
        "steps": {"done": history.done, "total": len(history.steps)},
    }
