"""Makes the calls of a run: which task, with what inputs, as which attempt, with which job."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from longshore.frontier import WHOLE, Frontier, Unit
from longshore.jobs.phases import JobCall
from longshore.jobs.tasks import Job
from longshore.limits import parse_limits
from longshore.runner import Call, enter
from longshore.watchers import split

if TYPE_CHECKING:
    from longshore.handlers import Handlers
    from longshore.nodes import Node
    from longshore.recalls import Recall
    from longshore.runs import FlowRun
    from longshore.states import Retrying, State
    from longshore.watchers import Watched


class Caller:
    """Makes the calls of one run.

    Args:
        run: The run.
        frontier: How far it has come.
        everywhere: State handlers for every step.
        recall: What is known from before the run was resumed, if it was.
    """

    def __init__(self, run: FlowRun, frontier: Frontier, everywhere: Handlers, recall: Recall | None) -> None:
        self._run = run
        self._flow = run.flow
        self._frontier = frontier
        self._everywhere = everywhere
        self._recall = recall
        self._handlers: dict[int, tuple[Handlers, tuple[Watched, ...]]] = {}
        self._jobs: dict[Unit, JobCall] = {}

    def node(self, unit: Unit) -> Node:
        """Return the step of a unit."""
        return self._frontier.runs[unit[0]].node

    def call(self, unit: Unit, retry: Retrying | None) -> Call:
        """Return the next attempt of a unit.

        Raises:
            LongshoreError: An input or a field of the task cannot be made from the results.
        """
        node = self.node(unit)
        task, arguments = self._frontier.work(unit)
        name = task.signature().fill(node.name, arguments)
        call = Call(
            task, arguments, name, self._run.run_id, self._flow.name, None if unit[1] == WHOLE else unit[1],
            self._attempt(unit, node, retry), node.tags, self.handlers(node), self._flow.handler_timeout,
            retry, recorded_in=self._run.recorded_in, variables=self._run.variables,
        )  # fmt: skip
        if isinstance(task, Job):
            call.job = self._jobs[unit] = self._job(unit, node)
        return call

    def _attempt(self, unit: Unit, node: Node, retry: Retrying | None) -> int:
        if retry is not None:
            return retry.attempt + 1
        return self._recall.attempt(node.name, unit[1]) if self._recall is not None else 1

    def _job(self, unit: Unit, node: Node) -> JobCall:
        """Return the unit's job: the same one until it is known to have ended, then another one."""
        last = self._jobs.get(unit)
        if last is None and self._recall is not None:
            last = self._recall.job(node.name, unit[1])
        if last is not None and not last.ended:
            last.may_exist, last.end = True, None
            return last
        serial = 1 if last is None else last.serial + 1
        return JobCall(_job_key(self._run.run_id, node.name, unit[1], serial), serial)

    def enter(self, unit: Unit, state: State) -> State:
        """Make a transition of a unit that is not run."""
        node = self.node(unit)
        call = Call(node.task, {}, node.name, self._run.run_id, self._flow.name, tags=node.tags)
        call.recorded_in = self._run.recorded_in
        call.map_index = None if unit[1] == WHOLE else unit[1]
        call.handlers, call.handler_timeout = self.handlers(node), self._flow.handler_timeout
        return enter(call, call.context(), self._frontier.state(unit), state, time.monotonic())

    def handlers(self, node: Node) -> Handlers:
        """Return the handlers of a step's transitions that are called beside the attempt."""
        return self._parted(node)[0]

    def watched(self, node: Node) -> tuple[Watched, ...]:
        """Return the watchers of a step's transitions."""
        return self._parted(node)[1]

    def _parted(self, node: Node) -> tuple[Handlers, tuple[Watched, ...]]:
        found = self._handlers.get(node.order)
        if found is None:
            found = split((*node.task.state_handlers, *self._flow.step_handlers, *self._everywhere))
            self._handlers[node.order] = found
        return found

    def limits(self, unit: Unit) -> tuple[str, ...]:
        """Return the names of the concurrency limits that a unit runs under."""
        node = self.node(unit)
        limit = node.task.limit
        if limit is None or (node.is_mapped and unit[1] == WHOLE):
            return ()
        return tuple(name for name, _ in parse_limits(limit))


def _job_key(run_id: str, name: str, index: int, serial: int) -> str:
    """Return the key of a job: a UUID made of the run, the step, the place among mapped ones and a count."""
    import uuid  # takes longer to import than most of the core, and few runs have jobs

    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"longshore:{run_id}/{name}/{index}/{serial}"))
