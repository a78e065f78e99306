"""`longshore sweep`: jobs, and what plugins left, in other systems, that no run owns any more."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any, Final

import click

from longshore.cli import FAILED
from longshore.commands.leftovers import as_json, say_problems, show
from longshore.commands.recorded import in_store, opened, store_option
from longshore.commands.shown import bold, coloured, one_line, table
from longshore.flowfiles import load_module, split_target
from longshore.histories import short_id
from longshore.leftovers import end_leftovers, find_leftovers
from longshore.quantities import many
from longshore.readings import as_plain, as_text
from longshore.stores.errors import LeaseLostError, RunTakenError
from longshore.sweeps import Stray, end_stray, find_strays, forget_stray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longshore.stores.interface import RunStore

_COLOURS: Final = {"running": "Running", "cannot ask": "Unknown", "goes on": "Failed", "was ended": "Success"}


@click.command(short_help="Find what no run owns any more in other systems, and end it.")
@click.option("--end", is_flag=True, help="Cancel jobs that run and wait for them; end what is left over.")
@click.option(
    "--held", is_flag=True, help="With --end: also what is left over for a run that can be resumed."
)
@click.option(
    "--forget",
    is_flag=True,
    help="Close the records of those that have ended or are not there; prune can remove their runs then.",
)
@click.option(
    "--flow",
    "files",
    metavar="FILE",
    multiple=True,
    help="Import this file or module first, for jobs that are defined there.",
)
@store_option
@click.option("--json", "wants_json", is_flag=True, help="Print a list of JSON objects.")
def sweep(
    end: bool, held: bool, forget: bool, files: tuple[str, ...], store: str | None, wants_json: bool
) -> int:
    """Find what no run owns any more: jobs on record as open, and what plugins know to be left over.

    Jobs are those of runs that nobody drives; their systems are asked how they stand. What is left over, such
    as an unfinished upload, is held as long as a run can be resumed that goes on with it. A run that is
    resumed takes up its own: sweep what is not to be resumed. Exits with 1 when --end could not end it all.
    """
    if held and not end:
        raise click.UsageError("--held says what --end takes in: longshore sweep --end --held")
    for file in files:
        load_module(split_target(file)[0])
    with opened(store) as kept:
        found = [_treated(kept, stray, end=end, forget=forget) for stray in find_strays(kept)]
        left, problems = find_leftovers(kept)
        left = end_leftovers(left, held=held) if end else left
    say_problems(problems)
    if wants_json:
        click.echo(json.dumps([*map(_as_json, found), *map(as_json, left)]))
    else:
        again = "".join(f" --flow {shlex.quote(file)}" for file in files)
        _show(found, None if end else f"longshore sweep --end{again}{in_store(store)}")
        show(left, ended=end, store=in_store(store))
        if not found and not left:
            click.echo("nothing in other systems is without a run")
    stands = {*(one.found for one in found), *(one.found for one in left)}
    unended = stands & {"goes on", "cannot ask", "cannot end"}
    return FAILED if end and (unended or problems) else 0


def _treated(store: RunStore, stray: Stray, *, end: bool, forget: bool) -> Stray:
    try:
        if end and stray.found == "running":
            return end_stray(store, stray)
        if forget and stray.found in ("ended", "not there"):
            forget_stray(store, stray)
    except (RunTakenError, LeaseLostError) as error:
        click.echo(f"left {stray.label!r} alone: {error}", err=True)
    return stray


def _show(found: Sequence[Stray], to_end: str | None) -> None:
    if not found:
        return
    head = [bold(word) for word in ("run", "step", "job", "")]
    click.echo("\n".join(table([head, *map(_row, found)])))
    running = [stray for stray in found if stray.found == "running"]
    if running and to_end:
        click.echo(f"\n{many(len(running), 'job')} can be ended: {to_end}")
        click.echo(f"or taken up again: longshore resume {short_id(running[0].run.run_id)}")


def _row(stray: Stray) -> list[str]:
    named = as_text(as_plain(stray.job.handle)) if stray.job.handle else f"key {stray.job.key}"
    said = " ".join(filter(None, [stray.text, f"({named})"]))
    return [
        one_line(short_id(stray.run.run_id)),
        one_line(stray.label),
        coloured(stray.found, _COLOURS.get(stray.found, "")),
        one_line(said),
    ]


def _as_json(stray: Stray) -> dict[str, Any]:
    return {
        "kind": "job",
        "run_id": stray.run.run_id,
        "run_state": stray.run.state,
        "step": stray.job.step,
        "index": stray.job.map_index if stray.job.map_index >= 0 else None,
        "key": stray.job.key,
        "handle": as_plain(stray.job.handle) if stray.job.handle else None,
        "found": stray.found,
        "text": stray.text,
    }
