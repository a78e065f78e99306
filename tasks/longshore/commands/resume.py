"""`longshore resume`: go on with a recorded run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

import click

from longshore.alerts.additions import add_alerts
from longshore.commands.driving import drive, executor_option, json_option, make_executor
from longshore.commands.flow_options import alert_option, complete_flow
from longshore.commands.recorded import complete_step, in_store, opened, run_argument, store_option
from longshore.errors import ConfigurationError, FlowError
from longshore.flowfiles import load_flow
from longshore.histories import short_id

if TYPE_CHECKING:
    from longshore.flows import Flow
    from longshore.runs import FlowRun
    from longshore.stores.records import RunRecord


@click.command(short_help="Go on with a recorded run.")
@run_argument
@click.argument("target", metavar="[FLOW]", required=False, shell_complete=complete_flow)
@click.option(
    "--rerun",
    metavar="STEP",
    multiple=True,
    shell_complete=complete_step,
    help="Run this step again, and all that takes its result; for one that is Unknown and did not happen.",
)
@click.option(
    "--accept",
    metavar="STEP[=JSON]",
    multiple=True,
    shell_complete=complete_step,
    help="Count this step as done, with this result or none; for one that is Unknown and did happen.",
)
@click.option(
    "--changed",
    type=click.Choice(["rerun", "keep"]),
    help="What to do with done steps that are no longer what they were; without it such a run is refused.",
)
@executor_option
@alert_option
@store_option
@json_option
def resume(
    run: str,
    target: str | None,
    rerun: tuple[str, ...],
    accept: tuple[str, ...],
    changed: Literal["rerun", "keep"] | None,
    executor: str | None,
    addresses: tuple[str, ...],
    store: str | None,
    wants_json: bool,
) -> int:
    """Go on with a run that was killed, cancelled, or failed, and wait for its end.

    What succeeded does not run again, jobs are found where they run, and what was under way runs again where
    that is safe. The flow is the one that was recorded, or FLOW. Exits as longshore run does.
    """
    accepted = dict(map(_accepted, accept))
    made = make_executor(executor) if executor else None
    with opened(store) as kept:
        record = kept.run(run)
        flow = _flow(record, target)
        add_alerts(flow, addresses)

        def start() -> FlowRun:
            return flow.resume(
                record.run_id, store=kept, executor=made, rerun=rerun, accept=accepted, changed=changed
            )

        return drive(flow, start, wants_json=wants_json, store=in_store(store))


def _flow(record: RunRecord, target: str | None) -> Flow:
    elsewhere = f"longshore resume {short_id(record.run_id)} flows.py:name"
    if not target and not record.target:
        raise FlowError(
            f"cannot resume run {short_id(record.run_id)!r}: it was not started from a file, so nobody knows "
            f"where flow {record.flow!r} is; name it: {elsewhere}"
        )
    try:
        return load_flow(target or record.target)
    except FlowError as error:
        if not target:
            error.add_note(f"the run was recorded so; when its flow is elsewhere now: {elsewhere}")
        raise


def _accepted(text: str) -> tuple[str, Any]:
    """Read the step and the result of `--accept`."""
    step, equals, value = text.partition("=")
    try:
        return step, json.loads(value) if equals else None
    except ValueError as error:
        raise ConfigurationError(
            f"cannot read --accept {text!r}: {error}; write STEP, or STEP=JSON as in load='\"done\"'"
        ) from error
