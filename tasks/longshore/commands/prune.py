"""`longshore prune`: remove old runs from a store."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import click

from longshore.cli import FAILED
from longshore.commands.leftovers import as_json, say_ended, say_problems
from longshore.commands.recorded import opened, store_option
from longshore.commands.shown import one_line
from longshore.histories import has_ended
from longshore.leftovers import end_leftovers, find_leftovers
from longshore.quantities import clock, many, read_duration, size
from longshore.stores.records import Pruned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longshore.stores.interface import RunStore
    from longshore.stores.records import RunRecord


@click.command(short_help="Remove old runs from a store.")
@click.option(
    "--older-than", "age", metavar="DURATION", required=True, help="How long ago they ended: 30d, 12h, 2w."
)
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@store_option
@click.option("--json", "wants_json", is_flag=True, help="Print one JSON object.")
def prune(age: str, dry_run: bool, store: str | None, wants_json: bool) -> int:
    """Remove runs that ended longer ago than that, with their steps, logs and results.

    Runs that have jobs open in other systems are kept: end those with longshore sweep --end. What plugins
    know to be left over in other systems, such as an unfinished upload, is ended when no run goes on with it
    any more. Exits with 1 when that failed.
    """
    before = time.time() - read_duration(age)
    with opened(store) as kept:
        going = _going(kept, before) if dry_run else []
        pruned = _foreseen(kept, before, going) if dry_run else kept.prune(before)
        found, problems = find_leftovers(kept, without=going)
        left = [one for one in found if one.found == "left"]
        left = left if dry_run else end_leftovers(left)
    say_problems(problems)
    if wants_json:
        counts = {"runs": pruned.runs, "files": pruned.files, "bytes": pruned.bytes, "kept": pruned.kept}
        others = [as_json(one) for one in left]
        click.echo(json.dumps({"before": before, "dry_run": dry_run, **counts, "left_over": others}))
    else:
        _say(pruned, before, dry_run=dry_run)
        say_ended(left, foreseen=dry_run)
    return FAILED if any(one.found == "cannot end" for one in left) else 0


def _say(pruned: Pruned, before: float, *, dry_run: bool) -> None:
    verb = "would remove" if dry_run else "removed"
    files = f" with {many(pruned.files, 'file')} ({size(pruned.bytes)})" if pruned.files else ""
    click.echo(f"{verb} {many(pruned.runs, 'run')}{files} that ended before {clock(before)}")
    if pruned.kept:
        click.echo(f"kept {many(len(pruned.kept), 'run')} with open jobs; see: longshore sweep")
        click.echo("\n".join(f"  {one_line(run_id)}" for run_id in pruned.kept))


def _old(store: RunStore, before: float) -> list[str]:
    runs = store.runs(before=before)
    return [run.run_id for run in runs if has_ended(run.state) and _end_of(run) < before]


def _going(store: RunStore, before: float) -> list[str]:
    """Return the runs that pruning would remove."""
    with_jobs = {job.run_id for job in store.jobs(open_only=True)}
    return [run_id for run_id in _old(store, before) if run_id not in with_jobs]


def _foreseen(store: RunStore, before: float, going: Sequence[str]) -> Pruned:
    """Return what pruning would remove; files that no run refers to are not counted."""
    results = [step.result for run_id in going for step in store.steps(run_id) if step.result is not None]
    sizes = [result.size for result in results if result.serializer and result.place]
    kept = tuple(run_id for run_id in _old(store, before) if run_id not in going)
    return Pruned(runs=len(going), files=len(sizes), bytes=sum(sizes), kept=kept)


def _end_of(run: RunRecord) -> float:
    """Return when a run ended; for a crashed one, when its owner's lease did."""
    if run.ended is not None:
        return run.ended
    return run.lease.until_wall if run.lease else run.started or run.created
