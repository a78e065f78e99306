"""`longshore run`: run a flow, with its parameters as options."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from longshore.alerts.additions import add_alerts
from longshore.commands.driving import drive, executor_option, json_option, make_executor
from longshore.commands.flow_options import (
    FlowCommand,
    alert_option,
    flow_argument,
    given_parameters,
    parameter_option,
    read_assignments,
)
from longshore.commands.recorded import in_store, store_option
from longshore.stores.errors import LeaseLostError, RunExistsError, RunTakenError, StoreError
from longshore.stores.locations import open_store

if TYPE_CHECKING:
    from longshore.flows import Flow
    from longshore.runs import FlowRun


@click.command(cls=FlowCommand, short_help="Run a flow.")
@flow_argument
@executor_option
@click.option("--run-id", metavar="ID", help="An id of your own for the run. By default a new one.")
@store_option
@click.option("--no-store", is_flag=True, help="Do not record the run; it cannot be resumed.")
@alert_option
@parameter_option
@json_option
@click.pass_context
def run(
    ctx: click.Context,
    flow: Flow,
    executor: str | None,
    run_id: str | None,
    store: str | None,
    no_store: bool,
    addresses: tuple[str, ...],
    assignments: tuple[str, ...],
    wants_json: bool,
) -> int:
    """Run a flow now, whatever its schedule says, and wait for its end.

    FLOW is a file and a function, as in flows.py:nightly, or a module and a function, as in
    package.module:nightly. The function may be left out where there is one flow. The flow's parameters
    follow as options:

        longshore run flows.py:nightly --day 2013-01-01 --executor threads:8

    With a flow, --help shows its parameters. The run is recorded, so that it can be resumed and looked at.
    Exits with 0 when the flow succeeded, 1 when it failed, 2 when it could not be started, 130 after Ctrl-C
    and 143 after SIGTERM.
    """
    if store and no_store:
        raise click.UsageError("give --store or --no-store, not both")
    parameters = {**given_parameters(ctx), **read_assignments(flow, assignments)}
    add_alerts(flow, addresses)
    made = make_executor(executor) if executor else None
    kept = None if no_store else open_store(store)

    def start() -> FlowRun:
        try:
            return flow.run(executor=made, store=kept, run_id=run_id, on_schedule=False, **parameters)
        except (RunExistsError, RunTakenError, LeaseLostError):
            raise
        except StoreError as error:
            error.add_note("to run it without a record: add --no-store")
            raise

    return drive(flow, start, wants_json=wants_json, store=None if no_store else in_store(store))
