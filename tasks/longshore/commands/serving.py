"""`longshore serve` and `longshore submit`: runs that wait in a store, and what takes them from there."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, Final

import click

from longshore.alerts.additions import add_alerts
from longshore.cli import FAILED, exit_code, leave
from longshore.commands.flow_options import (
    FlowCommand,
    alert_option,
    complete_flow,
    flow_argument,
    given_parameters,
    parameter_option,
    read_assignments,
)
from longshore.commands.recorded import store_option, usual
from longshore.errors import FlowError
from longshore.flowfiles import load_flow
from longshore.histories import has_ended, short_id
from longshore.serving.requests import WORKERS, serve_targets
from longshore.serving.rules import TRIES
from longshore.stores.locations import open_store

if TYPE_CHECKING:
    from datetime import datetime

    from longshore.flows import Flow
    from longshore.stores.interface import RunStore
    from longshore.stores.records import RunRecord

_STORE: Final = "longshore.store"
_NAME: Final = re.compile(r"\w+")
_SECOND_LOOK: Final = 5.0
"""Seconds after which a run that nobody takes is said to wait for somebody."""
_PERIOD: Final = 0.25
"""Seconds between two looks at a run that is waited for."""
_TIMES: Final = [
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S%z",
    "%Y-%m-%dT%H:%M:%S%z",
]


@click.command(short_help="Run flows on their schedules, and when somebody submits them.")
@click.argument("targets", metavar="FLOW...", nargs=-1, required=True, shell_complete=complete_flow)
@store_option
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=WORKERS,
    show_default=True,
    help="Runs at once in this process.",
)
@alert_option
def serve(targets: tuple[str, ...], store: str | None, workers: int, addresses: tuple[str, ...]) -> int:
    """Run flows when their schedules say so, and when somebody submits them, until Ctrl-C.

        longshore serve flows.py:nightly flows.py:hourly --workers 2

    Each run is a process of its own. The next ten runs of each flow stand in the run store as Scheduled.
    Start it several times, also on one store, and the processes share the work: each run is done by one of
    them, and one that dies is resumed by another.

    Ctrl-C and SIGTERM end the runs that are under way, in order, and then exit with 130 or 143.
    """
    flows = [(load_flow(target), target) for target in targets]
    for flow, _ in flows:
        add_alerts(flow, addresses)
    try:
        serve_targets(flows, store, workers, addresses)
    except KeyboardInterrupt as interrupt:
        if not interrupt.args:  # a second signal
            click.echo("longshore: left at once; the runs that were under way are shown as Crashed", err=True)
            leave(exit_code(interrupt))
        return exit_code(interrupt)
    return 0


class _SubmitCommand(FlowCommand):
    """A command whose flow may also be the bare name of one that the store has met."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        parser = self.make_parser(ctx)
        parser.ignore_unknown_options = True
        ctx.meta[_STORE] = parser.parse_args(list(args))[0].get("store")
        return super().parse_args(ctx, args)

    def _load(self, ctx: click.Context, target: str) -> None:
        super()._load(ctx, _place_of(target, ctx.meta[_STORE]) if _NAME.fullmatch(target) else target)


def _place_of(name: str, where: str | None) -> str:
    """Return the file of a flow that the store knows by name.

    Raises:
        FlowError: It knows none, or two.
    """
    store = open_store(where)
    try:
        places = {record.target for record in store.runs(flow=name, limit=50) if record.target}
    finally:
        store.close()
    if len(places) == 1:
        return places.pop()
    if places:
        raise FlowError(
            f"cannot tell which flow {name!r} is: {', '.join(sorted(places))}; write one of these"
        )
    raise FlowError(f"the run store knows no flow {name!r}; write its file: longshore submit flows.py:{name}")


@click.command(cls=_SubmitCommand, short_help="Submit a run of a flow, for a serving process to take.")
@flow_argument
@store_option
@click.option(
    "--at",
    type=click.DateTime(_TIMES),
    metavar="TIME",
    help="When it is to start, in local time: 2026-12-24T18:00.",
)
@click.option("--run-id", metavar="ID", help="An id of your own, under which a run is submitted once only.")
@parameter_option
@click.option("--wait", is_flag=True, help="Wait for the end of the run, and exit as `run` does.")
@click.pass_context
def submit(
    ctx: click.Context,
    flow: Flow,
    store: str | None,
    at: datetime | None,
    run_id: str | None,
    assignments: tuple[str, ...],
    wait: bool,
) -> int:
    """Submit a run of a flow, for a serving process to take, and print the run's id.

    FLOW is written as for `longshore run`; or it is the name alone of a flow that the run store has met, as
    one that is served. The flow's parameters follow as options:

        longshore submit flows.py:nightly --day 2013-01-02

    It is taken, within a second, by a process that serves the flow from this store.
    """
    parameters: dict[str, Any] = {**given_parameters(ctx), **read_assignments(flow, assignments)}
    opened = open_store(store)
    submitted = flow.submit(store=opened, at=at, run_id=run_id, **parameters)
    click.echo(submitted)
    try:
        return _wait(opened, submitted, flow, usual(store)) if wait else 0
    except KeyboardInterrupt as interrupt:
        click.echo(f"longshore: the run goes on; to end it: longshore cancel {short_id(submitted)}", err=True)
        return exit_code(interrupt)
    finally:
        opened.close()


def _wait(store: RunStore, run_id: str, flow: Flow, where: str) -> int:
    began = time.monotonic()
    told = False
    while not _is_over(record := store.run(run_id)):
        late = record.state == "Scheduled" and record.lease is None and (record.due or 0.0) < time.time()
        if late and not told and time.monotonic() - began > _SECOND_LOOK:
            told = True
            option = f" --store {where}" if where else ""
            click.echo(
                "longshore: nobody has taken the run yet; it waits for a free place, or for: "
                f"longshore serve {flow.target or 'flows.py:name'}{option}",
                err=True,
            )
        time.sleep(_PERIOD)
    why = f": {record.message}" if record.message else ""
    click.echo(f"longshore: flow {record.name!r} ended {record.state}{why}", err=True)
    return 0 if record.state in ("Success", "Skipped") else FAILED


def _is_over(record: RunRecord) -> bool:
    given_up = record.state == "Crashed" and record.tries >= TRIES
    return (has_ended(record.state) and record.state != "Crashed") or given_up
