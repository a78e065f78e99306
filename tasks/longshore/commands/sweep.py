"""`longshore sweep`: jobs in other systems that no run owns any more."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any, Final

import click

from longshore.cli import FAILED
from longshore.commands.recorded import in_store, opened, store_option
from longshore.commands.shown import bold, coloured, one_line, table
from longshore.flowfiles import load_module, split_target
from longshore.histories import short_id
from longshore.quantities import many
from longshore.readings import as_plain, as_text
from longshore.stores.errors import LeaseLostError, RunTakenError
from longshore.sweeps import Stray, end_stray, find_strays, forget_stray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longshore.stores.interface import RunStore

_COLOURS: Final = {"running": "Running", "cannot ask": "Unknown", "goes on": "Failed", "was ended": "Success"}


@click.command(short_help="Find jobs that no run owns any more, and end them.")
@click.option("--end", is_flag=True, help="Cancel those that run, and wait until they have ended.")
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
def sweep(end: bool, forget: bool, files: tuple[str, ...], store: str | None, wants_json: bool) -> int:
    """Find jobs that no run owns any more: on record as open, of runs that nobody drives.

    Their systems are asked how they stand. A run that is resumed takes up its own: sweep what is not to be
    resumed. Exits with 1 when --end could not end all that run.
    """
    for file in files:
        load_module(split_target(file)[0])
    with opened(store) as kept:
        found = [_treated(kept, stray, end=end, forget=forget) for stray in find_strays(kept)]
    if wants_json:
        click.echo(json.dumps([_as_json(stray) for stray in found]))
    else:
        again = "".join(f" --flow {shlex.quote(file)}" for file in files)
        _show(found, None if end else f"longshore sweep --end{again}{in_store(store)}")
    return FAILED if end and any(stray.found in ("goes on", "cannot ask") for stray in found) else 0


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
        click.echo("no job is without a run")
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
        "run_id": stray.run.run_id,
        "run_state": stray.run.state,
        "step": stray.job.step,
        "index": stray.job.map_index if stray.job.map_index >= 0 else None,
        "key": stray.job.key,
        "handle": as_plain(stray.job.handle) if stray.job.handle else None,
        "found": stray.found,
        "text": stray.text,
    }
