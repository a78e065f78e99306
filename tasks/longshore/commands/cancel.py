"""`longshore cancel`: end a recorded run, from another terminal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import click

from longshore.cli import FAILED
from longshore.commands.recorded import in_store, opened, run_argument, store_option
from longshore.commands.shown import clean, coloured
from longshore.histories import has_ended, is_state, short_id
from longshore.quantities import many
from longshore.states import Cancelled, Crashed

if TYPE_CHECKING:
    from longshore.stores.interface import RunStore
    from longshore.stores.records import RunRecord

_EVERY: Final = 0.2  # seconds between two looks
_PATIENCE: Final = 60.0


@click.command(short_help="Cancel a recorded run.")
@run_argument
@click.option("--reason", metavar="TEXT", default="", help="Why; the run's message says it.")
@click.option("--no-wait", is_flag=True, help="Ask for it, and do not wait until the run has ended.")
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(0, min_open=True),
    default=_PATIENCE,
    show_default=True,
    help="Wait at most so long.",
)
@store_option
def cancel(run: str, reason: str, no_wait: bool, timeout: float, store: str | None) -> int:
    """Cancel a run: its jobs are cancelled, resources cleaned up and handlers called, as after Ctrl-C.

    Waits until it has ended. Exits with 0 when it was cancelled, 1 when it had ended before or goes on.
    """
    with opened(store) as kept:
        before = kept.run(run)
        if has_ended(before.state) and before.state != Crashed.__name__:
            click.echo(f"run {_named(before)} has ended already: {coloured(before.state, before.state)}")
            return FAILED
        asked = kept.request_cancel(before.run_id, reason or "cancelled from the command line")
        if no_wait and not has_ended(asked.state):
            click.echo(f"asked for run {_named(asked)} to be cancelled")
            return 0
        code = _tell(_awaited(kept, asked, timeout), timeout)
        left = len(kept.jobs(before.run_id, open_only=True)) if code == 0 else 0
        if left:
            click.echo(f"{many(left, 'job')} of it may still run: longshore sweep --end{in_store(store)}")
        return code


def _awaited(store: RunStore, run: RunRecord, timeout: float) -> RunRecord:
    """Return the run as it stands when it has ended, or when the time is over."""
    deadline = time.monotonic() + timeout
    while not has_ended(run.state) and time.monotonic() < deadline:
        time.sleep(_EVERY)
        run = store.run(run.run_id)
    return run


def _tell(run: RunRecord, timeout: float) -> int:
    if not has_ended(run.state):
        click.echo(
            f"run {_named(run)} was asked to end and is still {run.state} after {timeout:g} s; "
            f"see: longshore show {short_id(run.run_id)}",
            err=True,
        )
        return FAILED
    why = f": {clean(run.message)}" if run.message else ""
    click.echo(f"run {_named(run)} ended {coloured(run.state, run.state)}{why}")
    return 0 if is_state(run.state, Cancelled) else FAILED


def _named(run: RunRecord) -> str:
    return f"{clean(short_id(run.run_id))} ({clean(run.name or run.flow)})"
