"""`longshore prune`: remove old runs from a store."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import click

from longshore.commands.recorded import opened, store_option
from longshore.commands.shown import one_line
from longshore.histories import has_ended
from longshore.quantities import clock, many, read_duration, size
from longshore.stores.records import Pruned

if TYPE_CHECKING:
    from longshore.stores.interface import RunStore
    from longshore.stores.records import RunRecord


@click.command(short_help="Remove old runs from a store.")
@click.option(
    "--older-than", "age", metavar="DURATION", required=True, help="How long ago they ended: 30d, 12h, 2w."
)
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@store_option
@click.option("--json", "wants_json", is_flag=True, help="Print one JSON object.")
def prune(age: str, dry_run: bool, store: str | None, wants_json: bool) -> None:
    """Remove runs that ended longer ago than that, with their steps, logs and results.

    Runs that have jobs open in other systems are kept: end those with longshore sweep --end.
    """
    before = time.time() - read_duration(age)
    with opened(store) as kept:
        pruned = _foreseen(kept, before) if dry_run else kept.prune(before)
    if wants_json:
        counts = {"runs": pruned.runs, "files": pruned.files, "bytes": pruned.bytes, "kept": pruned.kept}
        click.echo(json.dumps({"before": before, "dry_run": dry_run, **counts}))
        return
    verb = "would remove" if dry_run else "removed"
    files = f" with {many(pruned.files, 'file')} ({size(pruned.bytes)})" if pruned.files else ""
    click.echo(f"{verb} {many(pruned.runs, 'run')}{files} that ended before {clock(before)}")
    if pruned.kept:
        click.echo(f"kept {many(len(pruned.kept), 'run')} with open jobs; see: longshore sweep")
        click.echo("\n".join(f"  {one_line(run_id)}" for run_id in pruned.kept))


def _foreseen(store: RunStore, before: float) -> Pruned:
    """Return what pruning would remove; files that no run refers to are not counted."""
    old = [run for run in store.runs(before=before) if has_ended(run.state) and _end_of(run) < before]
    with_jobs = {job.run_id for job in store.jobs(open_only=True)}
    going = [run.run_id for run in old if run.run_id not in with_jobs]
    results = [step.result for run_id in going for step in store.steps(run_id) if step.result is not None]
    sizes = [result.size for result in results if result.serializer and result.place]
    kept = tuple(run.run_id for run in old if run.run_id in with_jobs)
    return Pruned(runs=len(going), files=len(sizes), bytes=sum(sizes), kept=kept)


def _end_of(run: RunRecord) -> float:
    """Return when a run ended; for a crashed one, when its owner's lease did."""
    if run.ended is not None:
        return run.ended
    return run.lease.until_wall if run.lease else run.started or run.created
