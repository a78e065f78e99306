"""`flow.run()` of a flow that has a schedule: it runs here, again and again, at its times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from longshore.errors import FlowError
from longshore.logs import console_when_unconfigured, run_log
from longshore.parameters import bind_parameters
from longshore.schedules.clocks import WALL_CLOCK, Clock
from longshore.schedules.interface import times_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from longshore.flows import Flow
    from longshore.runs import FlowRun
    from longshore.schedules.interface import Schedule


def run_on_schedule(
    flow: Flow,
    given: Mapping[str, Any],
    run: Callable[[Mapping[str, Any], datetime], FlowRun],
    clock: Clock = WALL_CLOCK,
) -> FlowRun:
    """Wait for each time of a flow's schedule and run the flow, until the schedule ends.

    One run follows the other. A time that comes while a run is under way is left out when the flow says
    `overlap="skip"`, and runs after that one otherwise.

    Args:
        flow: The flow.
        given: Parameters that count before those of the schedule.
        run: Runs the flow once, with the given parameters, for the given time.
        clock: The time.

    Returns:
        The last run.

    Raises:
        FlowError: No time of the schedule is left.
        ParameterError: The parameters of the next run are not the flow's; it is not waited for.
        KeyboardInterrupt: After Ctrl-C; `.flow_run` is the last run, or None.
    """
    last: FlowRun | None = None
    began: datetime | None = None
    for due, schedule in times_of(flow.schedules, clock.now()):
        if flow.overlap == "skip" and began is not None and began < due <= clock.now():
            run_log.warning(
                "flow %s | left out %s: the run before it went on", flow.name, schedule.shown(due)
            )
            continue
        parameters = {**schedule.parameters_at(due), **given}
        bind_parameters(flow, parameters)
        _wait(flow, due, schedule, clock, last)
        began = clock.now()
        last = run(parameters, due)
    if last is None:
        ends = "; ".join(str(schedule) for schedule in flow.schedules)
        raise FlowError(
            f"cannot run flow {flow.name!r} on its schedule: no time is left of {ends}; "
            f"to run it now: {flow.name}.run(on_schedule=False)"
        )
    return last


def _wait(flow: Flow, due: datetime, schedule: Schedule, clock: Clock, last: FlowRun | None) -> None:
    with console_when_unconfigured():
        run_log.info("flow %s | Scheduled for %s (%s)", flow.name, schedule.shown(due), schedule)
        try:
            clock.wait_until(due)
        except KeyboardInterrupt as interrupt:
            interrupt.__dict__.update(flow_run=last)
            raise
