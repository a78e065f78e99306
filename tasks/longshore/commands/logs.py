"""`longshore logs`: what the steps of a recorded run logged."""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

import click

from longshore.commands.recorded import complete_step, find_unit, opened, run_argument, store_option
from longshore.commands.shown import clean, coloured, faint
from longshore.histories import WHOLE, has_ended, read_history
from longshore.quantities import clock, iso
from longshore.redaction import redact
from longshore.states import Failed, Retrying

if TYPE_CHECKING:
    from collections.abc import Iterator

    from longshore.stores.interface import RunStore
    from longshore.stores.records import LogRecord

_EVERY: Final = 0.5  # seconds between two looks


@click.command(short_help="Show what a recorded run's steps logged.")
@run_argument
@click.argument("step", required=False, shell_complete=complete_step)
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended.")
@store_option
@click.option("--json", "wants_json", is_flag=True, help="Print one JSON object a line.")
def logs(run: str, step: str | None, follow: bool, store: str | None, wants_json: bool) -> None:
    """Show the lines that are kept of a run's log, or of one STEP's, or of STEP[INDEX]'s.

    The last lines of each attempt are kept, 200 by default.
    """
    with opened(store) as kept:
        run_id, name, index = _chosen(kept, run, step)
        shown = 0
        for line in _lines(kept, run_id, name, index, follow=follow):
            click.echo(_as_json(line) if wants_json else _as_text(line))
            shown += 1
        if not shown and not wants_json:
            click.echo("nothing is kept of its log", err=True)


def _chosen(store: RunStore, run: str, step: str | None) -> tuple[str, str | None, int | None]:
    if step is None:
        return store.run(run).run_id, None, None
    history = read_history(store, run)
    record = find_unit(history, step).record
    return history.run.run_id, record.step, None if record.map_index == WHOLE else record.map_index


def _lines(
    store: RunStore, run_id: str, step: str | None, index: int | None, *, follow: bool
) -> Iterator[LogRecord]:
    """Yield the lines of a log; with `follow`, those that come until the run has ended as well."""
    seen: Counter[LogRecord] = Counter()
    while True:
        is_over = has_ended(store.run(run_id).state)  # asked first: what comes before the end is shown
        found: Counter[LogRecord] = Counter()
        for line in store.logs(run_id, step, index):
            found[line] += 1  # a program may say the same twice within a tick of its clock
            if found[line] > seen[line]:
                yield line
        if is_over or not follow:
            return
        seen = found
        time.sleep(_EVERY)


def _as_text(line: LogRecord) -> str:
    label = line.step if line.map_index == WHOLE else f"{line.step}[{line.map_index}]"
    level = logging.getLevelName(line.level)
    state = Failed if line.level >= logging.ERROR else Retrying if line.level >= logging.WARNING else None
    shown = f"{level:<7}" if state is None else coloured(f"{level:<7}", state.__name__)
    return f"{faint(clock(line.time))} {shown} {clean(label)} | {clean(line.text)}"


def _as_json(line: LogRecord) -> str:
    return json.dumps(
        {
            "time": iso(line.time),
            "step": line.step,
            "index": None if line.map_index == WHOLE else line.map_index,
            "attempt": line.attempt,
            "level": logging.getLevelName(line.level),
            "text": redact(line.text),
        }
    )
