"""A flow run: start what is ready, collect what ends, wait, finish.

One thread, the caller's, drives the run. Attempts are made where the executor makes them and report back.
"""

from __future__ import annotations

import heapq
import itertools
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from longshore import lanes
from longshore.context import acting_as, current, inside_attempt
from longshore.errors import HandlerError
from longshore.flights import Flights
from longshore.frontier import WHOLE, Frontier, NodeRun, Unit
from longshore.handlers import Handlers, Subject, transition
from longshore.limits import parse_limits
from longshore.logs import console_when_unconfigured, records_with_context
from longshore.narration import Narrator
from longshore.parameters import bind_parameters
from longshore.runner import Call, attempt, enter, keep, look_up
from longshore.runs import FlowRun, raise_if_stopped
from longshore.slots import Slots
from longshore.states import Cancelled, Failed, Mapped, Pending, Retrying, Running, State, utc_now
from longshore.travel import check_travel

if TYPE_CHECKING:
    from collections.abc import Generator

    from longshore.executors import ExecutorLike
    from longshore.flows import Flow
    from longshore.interrupts import Interrupts
    from longshore.nodes import Node


class Engine:
    """Drives one run of a flow."""

    def __init__(self, run: FlowRun, frontier: Frontier, executor: ExecutorLike | None, slots: Slots) -> None:
        from longshore.plugins import host

        self.run = run
        self.flow = run.flow
        self.frontier = frontier
        self._everywhere = host().state_handlers()
        self._narrator = Narrator(run, frontier)
        self._flights = Flights(
            executor or run.flow.executor, self._began, self._ended, self._narrator.progress
        )
        self._slots = slots
        self._retrying: dict[Unit, Retrying] = {}
        self._due: list[tuple[float, int, Unit]] = []
        self._count = itertools.count()
        self._handler_error: BaseException | None = None
        self._handlers: dict[int, Handlers] = {}

    @property
    def interrupts(self) -> Interrupts:
        """Whether the run was told to stop."""
        return self._flights.interrupts

    def drive(self) -> None:
        """Run every step, then the flow's own end."""
        try:
            self._flow_state(Running())
            if not self.run.state.finished:
                self._steps()
        finally:
            self._flights.close()
        if not self.run.state.finished:
            self._flow_state(self._verdict())

    @contextmanager
    def cancelled_with_outer(self) -> Generator[None]:
        """Stop this run when the step that it runs in is cancelled."""
        if not inside_attempt():
            yield
            return
        with current.on_cancel(lambda: self.interrupts.stop("the step around it was cancelled")):
            yield

    def _steps(self) -> None:
        while not self.interrupts.stopping:
            self._start_ready()
            if self.frontier.ready and not self._flights.full and not self._ending:
                continue
            due = self._due[0][0] if self._due and not self._ending else None
            if not self._flights and due is None:
                break
            self._flights.collect(None if due is None else max(0.0, due - time.monotonic()))
        if self.interrupts.stopping:
            self._flights.stop(self.interrupts.reason)
        if self._ending:
            self._abandon(self._ending)

    @property
    def _ending(self) -> str:
        """Why nothing more is started; what runs is stopped by an interrupt, and ends by itself otherwise."""
        return self.interrupts.reason or ("a state handler failed" if self._handler_error is not None else "")

    def _start_ready(self) -> None:
        now = time.monotonic() if self._due else 0.0
        while self._due and self._due[0][0] <= now:
            heapq.heappush(self.frontier.ready, heapq.heappop(self._due)[2])
        while self.frontier.ready and not self._flights.full and not self._ending:
            unit = heapq.heappop(self.frontier.ready)
            if self._slots.take(unit, self._limits_of(unit), self.frontier.ready):
                self._start(unit)

    def _limits_of(self, unit: Unit) -> tuple[str, ...]:
        node = self.frontier.runs[unit[0]].node
        limit = node.task.limit
        if limit is None or (node.is_mapped and unit[1] == WHOLE):
            return ()
        return tuple(name for name, _ in parse_limits(limit))

    def _start(self, unit: Unit) -> None:
        retry = self._retrying.pop(unit, None)
        node = self.frontier.runs[unit[0]].node
        if retry is None and node.is_mapped and unit[1] == WHOLE:
            self._expand(unit, node)
            return
        state = self.frontier.obstacle(unit) if retry is None else None
        if state is not None:
            self._end(unit, self._enter(unit, node, state))
            return
        try:
            call = self._call(unit, node, retry)
        except Exception as error:  # noqa: BLE001 - a class the driver cannot import, say
            self._end(unit, self._enter(unit, node, Failed(error, message=str(error))))
            return
        found = look_up(call) if node.task.cache is not None else None
        if found is not None:
            self._end(unit, enter(call, call.context(), retry or Pending(), found, time.monotonic()))
            return
        self._flights.launch(unit, call)

    def _expand(self, unit: Unit, node: Node) -> None:
        state = self.frontier.expand(unit[0])
        if state is None:
            self._began(unit, Running())
        else:
            self._end(unit, state if isinstance(state, Mapped) else self._enter(unit, node, state))

    def _call(self, unit: Unit, node: Node, retry: Retrying | None) -> Call:
        task, arguments = self.frontier.work(unit)
        name = task.signature().fill(node.name, arguments)
        return Call(
            task, arguments, name, self.run.run_id, self.flow.name, None if unit[1] == WHOLE else unit[1],
            1 if retry is None else retry.attempt + 1, node.tags, self._handlers_of(node),
            self.flow.handler_timeout, retry,
        )  # fmt: skip

    def _enter(self, unit: Unit, node: Node, state: State) -> State:
        """Make a transition of a unit that is not run."""
        call = Call(node.task, {}, node.name, self.run.run_id, self.flow.name, tags=node.tags)
        call.map_index = None if unit[1] == WHOLE else unit[1]
        call.handlers, call.handler_timeout = self._handlers_of(node), self.flow.handler_timeout
        return enter(call, call.context(), self.frontier.state(unit), state, time.monotonic())

    def _handlers_of(self, node: Node) -> Handlers:
        found = self._handlers.get(node.order)
        if found is None:
            found = (*node.task.state_handlers, *self.flow.step_handlers, *self._everywhere)
            self._handlers[node.order] = found
        return found

    def _began(self, unit: Unit, state: State) -> None:
        old = self.frontier.state(unit)
        if old.finished:
            return
        self.run.began.setdefault(unit, state.time)
        self._narrator.changed(unit, old, state, self._flights.call_of(unit))
        self.frontier.record(unit, state)

    def _ended(self, unit: Unit, call: Call, state: State) -> None:
        keep(call, state)
        if isinstance(state, Cancelled) and state.message == "interrupted":
            self.interrupts.stop("interrupted")
        if isinstance(state, Retrying) and self._ending:
            state = Cancelled(message=self._ending)
        if not isinstance(state, Retrying):
            self._end(unit, state, call)
            return
        self._slots.give(unit, self.frontier.ready)
        self._narrator.changed(unit, self.frontier.state(unit), state, call)
        self.frontier.record(unit, state)
        self._retrying[unit] = state
        heapq.heappush(self._due, (time.monotonic() + state.delay, next(self._count), unit))

    def _end(self, unit: Unit, state: State, call: Call | None = None) -> None:
        self._slots.give(unit, self.frontier.ready)
        self._narrator.changed(unit, self.frontier.state(unit), state, call)
        if isinstance(state, Failed) and isinstance(state.error, HandlerError):
            self._handler_error = self._handler_error or state.error
        if self.frontier.record(unit, state):
            whole = unit[0], WHOLE
            self._end(whole, self.frontier.summary(self.frontier.runs[unit[0]]))

    def _abandon(self, reason: str) -> None:
        """Cancel what has not run, but for the clean-up of what was set up, which runs here."""
        for unit in sorted(self._retrying):
            node = self.frontier.runs[unit[0]].node
            self._end(unit, self._enter(unit, node, Cancelled(message=reason)))
        left = Cancelled(message=f"not started: {reason}")
        runs = [run for run in self.frontier.runs if not run.state.finished]
        self._narrator.left(sum(self._leave(run, left) for run in runs if run.node.setup is None), left)
        for run in reversed(runs):
            if run.node.setup is not None:
                unit = run.node.order, WHOLE
                self._end(unit, self._clean_up(unit))

    def _leave(self, run: NodeRun, state: State) -> int:
        """End all that a step has not started with one state; return how much that is.

        Observers are told of the step, not of each of its units.
        """
        unit = run.node.order, WHOLE
        count = self.frontier.leave(run, state)
        whole = state if run.children is None else self.frontier.summary(run)
        self._narrator.observe(unit, run.state, whole, None)
        self.frontier.record(unit, whole)
        return count

    def _clean_up(self, unit: Unit) -> State:
        state = self.frontier.obstacle(unit)
        if state is not None:
            return state
        call = self._call(unit, self.frontier.runs[unit[0]].node, None)
        state = attempt(call, call.context(), lambda _: None)
        if self.interrupts.twice:
            raise KeyboardInterrupt
        return Failed(state.error, message=state.message) if isinstance(state, Retrying) else state

    def _verdict(self) -> State:
        """Return the state of the flow, from those of its reference steps."""
        if self._handler_error is not None:
            return Failed(self._handler_error, message=str(self._handler_error))
        if self.interrupts.stopping:
            return Cancelled(message=self.interrupts.reason)
        return self._narrator.verdict(self.flow.reference_nodes())

    def _flow_state(self, new: State) -> None:
        old = self.run.state
        subject = Subject(
            kind="flow", name=self.run.name, run_id=self.run.run_id, flow=self.flow.name, tags=self.flow.tags,
            duration=self.run.duration, raw_inputs=self.run.parameters,
        )  # fmt: skip
        called = (*self.flow.state_handlers, *self._everywhere)
        try:
            new = transition(subject, old, new, called, self.flow.handler_timeout)
        except HandlerError as error:
            new = Failed(error, message=str(error))
        self.run.state = new
        if new.finished:
            self.run.ended = utc_now()
        self._narrator.flow_changed(subject, old, new)


def run_flow(
    flow: Flow,
    parameters: dict[str, Any],
    *,
    executor: ExecutorLike | None,
    run_id: str | None,
    raise_on_failure: bool,
) -> FlowRun:
    """Run a flow here; see `Flow.run`."""
    import uuid  # takes longer to import than most of the core

    from longshore.plugins import host

    limits = flow.check()
    values = bind_parameters(flow, parameters)
    frontier = Frontier(flow, values)
    run = FlowRun(flow, run_id or uuid.uuid4().hex, flow.name_run(values), values, frontier)
    check_travel(flow, executor or flow.executor)
    with records_with_context(), console_when_unconfigured():
        engine = Engine(run, frontier, executor, Slots(limits))
        host().run_started(run)
        try:
            with engine.interrupts.watching(), engine.cancelled_with_outer(), acting_as(run.context()):
                engine.drive()
        except KeyboardInterrupt as interrupt:  # a second signal: at once
            run.state, run.ended = Cancelled(message="interrupted twice"), utc_now()
            interrupt.__dict__.update(flow_run=run, signal=engine.interrupts.signal)
            raise
        lanes.drain(1.0)
        host().run_finished(run)
    raise_if_stopped(run, engine.interrupts, raise_on_failure)
    return run
