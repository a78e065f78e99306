"""A flow run: start what is ready, collect what ends, wait, finish.

One thread, the caller's, drives the run. Attempts are made where the executor makes them and report back through an
inbox; with the inline executor they are made right here.
"""

from __future__ import annotations

import heapq
import itertools
import queue
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from longshore import deadlines, handlers
from longshore.context import Attempt, current, inside_attempt
from longshore.errors import FlowFailed, HandlerError, TaskCancelled, WorkerCrashed
from longshore.executors import ExecutorLike, InlineExecutor, open_pool
from longshore.frontier import WHOLE, Frontier, Unit
from longshore.handlers import Subject, transition
from longshore.interrupts import Interrupts
from longshore.limits import parse_limits
from longshore.logs import console_when_unconfigured, records_with_context
from longshore.narration import Narrator
from longshore.parameters import bind_parameters
from longshore.remotes import Hub, check_travel
from longshore.runner import LONGEST_STOP, Call, attempt, enter, keep, look_up
from longshore.runs import FlowRun
from longshore.slots import Slots
from longshore.states import Cancelled, Crashed, Failed, Pending, Retrying, Running, State, Success, utc_now

if TYPE_CHECKING:
    from longshore.flows import Flow
    from longshore.nodes import Node


class Engine:
    """Drives one run of a flow."""

    def __init__(self, run: FlowRun, frontier: Frontier, executor: ExecutorLike | None, slots: Slots) -> None:
        from longshore.plugins import host

        self.run = run
        self.flow = run.flow
        self.frontier = frontier
        self.interrupts = Interrupts(lambda: self._inbox.put(None))
        self._inbox: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._executor = executor
        self._slots = slots
        self._flying: dict[Unit, tuple[Call, Attempt, Future[Any] | None]] = {}
        self._retrying: dict[Unit, Retrying] = {}
        self._due: list[tuple[float, int, Unit]] = []
        self._count = itertools.count()
        self._everywhere = host().state_handlers()
        self._narrator = Narrator(run, frontier)
        self._handler_error: BaseException | None = None
        self._handlers: dict[int, handlers.Handlers] = {}

    def drive(self) -> None:
        """Run every step, then the flow's own end."""
        self._flow_state(Running())
        self._pool = open_pool(self._executor or self.flow.executor)
        self._inline = isinstance(self._pool, InlineExecutor)
        self._hub = Hub(self._inbox.put, self._heard) if self._pool.remote else None
        try:
            if not self.run.state.finished:
                self._steps()
        finally:
            self._pool.close()
            if self._hub is not None:
                self._hub.close()
        self._flow_state(self._verdict())

    def _steps(self) -> None:
        while not self.interrupts.stopping:
            self._start_ready()
            if self.frontier.ready and self._can_start():
                continue
            if not self._flying and not self._due:
                return
            self._collect(self._until_due())
        self._wind_down()

    def _can_start(self) -> bool:
        return self._pool.slots is None or len(self._flying) < self._pool.slots

    def _start_ready(self) -> None:
        now = time.monotonic() if self._due else 0.0
        while self._due and self._due[0][0] <= now:
            heapq.heappush(self.frontier.ready, heapq.heappop(self._due)[2])
        while self.frontier.ready and self._can_start() and not self.interrupts.stopping:
            unit = heapq.heappop(self.frontier.ready)
            if self._slots.take(unit, self._limits_of(unit), self.frontier.ready):
                self._start(unit)

    def _limits_of(self, unit: Unit) -> tuple[str, ...]:
        node = self.frontier.runs[unit[0]].node
        limit = node.task.limit
        if limit is None or (node.is_mapped and unit[1] == WHOLE) or not isinstance(limit, str | tuple):
            return ()
        return tuple(name for name, _ in parse_limits(limit))

    def _until_due(self) -> float | None:
        return max(0.0, self._due[0][0] - time.monotonic()) if self._due else None

    def _collect(self, seconds: float | None) -> None:
        try:
            message = self._inbox.get(timeout=seconds)
            while True:
                if message is not None:
                    message()
                message = self._inbox.get_nowait()
        except queue.Empty:
            pass

    def _start(self, unit: Unit) -> None:
        retry = self._retrying.pop(unit, None)
        node = self.frontier.runs[unit[0]].node
        if retry is None:
            if node.is_mapped and unit[1] == WHOLE:
                self._expand(unit)
                return
            state = self.frontier.obstacle(unit)
            if state is not None:
                self._end(unit, self._enter(unit, node, state))
                return
        try:
            call = self._call(unit, node, retry)
        except Exception as error:  # noqa: BLE001 - a selection, a field from upstream or a template that fails
            self._end(unit, self._enter(unit, node, Failed(error, message=str(error))))
            return
        found = look_up(call) if node.task.cache is not None and retry is None else None
        if found is not None:
            self._end(unit, enter(call, call.context(), Pending(), found, time.monotonic()))
            return
        self._launch(unit, call)

    def _expand(self, unit: Unit) -> None:
        state = self.frontier.expand(unit[0])
        if state is not None:
            node = self.frontier.runs[unit[0]].node
            self._end(unit, self._enter(unit, node, state) if not isinstance(state, Success) else state)
            return
        self._began(unit, Running())

    def _enter(self, unit: Unit, node: Node, state: State) -> State:
        """Make a transition of a unit that is not run."""
        call = Call(
            node.task, {}, node.name, self.run.run_id, self.flow.name, handlers=self._handlers_of(node)
        )
        call.map_index = None if unit[1] == WHOLE else unit[1]
        return enter(call, call.context(), Pending(), state, time.monotonic())

    def _handlers_of(self, node: Node) -> handlers.Handlers:
        found = self._handlers.get(node.order)
        if found is None:
            found = (*node.task.state_handlers, *self.flow.step_handlers, *self._everywhere)
            self._handlers[node.order] = found
        return found

    def _call(self, unit: Unit, node: Node, retry: Retrying | None) -> Call:
        task, arguments = self.frontier.work(unit)
        name = node.name.format_map(arguments) if "{" in node.name else node.name
        return Call(
            task, arguments, name, self.run.run_id, self.flow.name, None if unit[1] == WHOLE else unit[1],
            1 if retry is None else retry.attempt + 1, node.tags, self._handlers_of(node),
            self.flow.handler_timeout, retry,
        )  # fmt: skip

    def _launch(self, unit: Unit, call: Call) -> None:
        if self._inline:
            self._run_here(unit, call)
            return
        if self._hub is not None:
            future: Future[Any] = self._hub.submit(self._pool, unit, call)
            context = call.context()
        else:
            context = call.context(self._report_progress)
            future = self._pool.submit(
                attempt, call, context, lambda state: self._inbox.put(lambda: self._began(unit, state))
            )
        self._flying[unit] = call, context, future
        future.add_done_callback(lambda done: self._inbox.put(lambda: self._landed(unit, done)))

    def _run_here(self, unit: Unit, call: Call) -> None:
        context = call.context(self._narrator.progress)
        self._flying[unit] = call, context, None
        try:
            with self.interrupts.body():
                state = attempt(call, context, lambda running: self._began(unit, running))
        except KeyboardInterrupt:
            state = Cancelled(message="interrupted")
        del self._flying[unit]
        self._ended(unit, call, state)

    def _landed(self, unit: Unit, future: Future[Any]) -> None:
        flight = self._flying.pop(unit, None)
        if flight is None:
            return  # given up while the run was being stopped
        call = flight[0]
        if future.cancelled():
            self._ended(unit, call, Cancelled(message="not started"))
            return
        error = future.exception()
        if error is not None:
            self._lost(unit, call, error)
            return
        state = future.result()
        self._ended(unit, call, self._hub.received(call, state) if self._hub is not None else state)

    def _lost(self, unit: Unit, call: Call, error: BaseException) -> None:
        """An attempt whose worker died: nobody knows how far it came."""
        crash = WorkerCrashed(f"the process that ran {call.name!r} died: {type(error).__name__}: {error}")
        if call.attempt <= call.task.retries and call.task.repeatable:
            state: State = Retrying(error=crash, attempt=call.attempt, message=str(crash))
        else:
            state = Crashed(crash, message=str(crash))
        self._ended(unit, call, enter(call, call.context(), Running(), state, time.monotonic()))

    def _report_progress(self, context: Attempt, fraction: float, message: str) -> None:
        self._inbox.put(lambda: self._narrator.progress(context, fraction, message))

    def _heard(self, unit: Unit, state: State) -> None:
        self._inbox.put(lambda: self._began(unit, state))

    def _began(self, unit: Unit, state: State) -> None:
        if self.frontier.state(unit).finished:
            return
        self.run.began.setdefault(unit, state.time)
        self._narrator.changed(unit, self.frontier.state(unit), state, self._name(unit))
        self.frontier.record(unit, state)

    def _name(self, unit: Unit) -> Call | None:
        flight = self._flying.get(unit)
        return flight[0] if flight is not None else None

    def _ended(self, unit: Unit, call: Call, state: State) -> None:
        keep(call, state)
        if isinstance(state, Cancelled) and state.message == "interrupted" and not self.interrupts.stopping:
            self.interrupts.stop("interrupted")
        if isinstance(state, Retrying) and not self.interrupts.stopping:
            self._narrator.changed(unit, self.frontier.state(unit), state, call)
            self.frontier.record(unit, state)
            self._retrying[unit] = state
            heapq.heappush(self._due, (time.monotonic() + state.delay, next(self._count), unit))
            self._slots.give(unit, self.frontier.ready)
            return
        if isinstance(state, Retrying):
            state = Cancelled(message=self.interrupts.reason)
        self._end(unit, state, call)

    def _end(self, unit: Unit, state: State, call: Call | None = None) -> None:
        self._slots.give(unit, self.frontier.ready)
        self._narrator.changed(unit, self.frontier.state(unit), state, call)
        if isinstance(state, Failed) and isinstance(state.error, HandlerError):
            self._handler_error = state.error
        if self.frontier.record(unit, state):
            whole = unit[0], WHOLE
            self._end(whole, self.frontier.summary(self.frontier.runs[unit[0]]))

    def _wind_down(self) -> None:
        """End what runs, cancel what does not, clean up."""
        reason = self.interrupts.reason
        for _, _, future in list(self._flying.values()):
            if future is not None:
                future.cancel()
        stops = [
            deadlines.start(lambda c=context: c.cancel(reason)) for _, context, _ in self._flying.values()
        ]
        if self._hub is not None:
            self._hub.cancel(reason)
        end = time.monotonic() + LONGEST_STOP
        while self._flying and time.monotonic() < end:
            if self._hub is None and all(stop.wait(0) for stop in stops):
                end = min(end, time.monotonic() + 1.0)
                stops = []
            self._collect(0.05)
        for unit, (call, context, _) in list(self._flying.items()):
            del self._flying[unit]
            left = Cancelled(message=f"{reason}; it did not stop, and is left behind")
            self._end(unit, enter(call, context, Running(), left, time.monotonic()), call)
        self._abandon(reason)

    def _abandon(self, reason: str) -> None:
        """Cancel what has not run, but for the clean-up of what was set up, which runs here."""
        cleanups: list[Unit] = []
        for unit in list(self.frontier.unfinished()):
            node = self.frontier.runs[unit[0]].node
            if node.setup is not None:
                cleanups.append(unit)
                continue
            if unit in self._retrying:
                self._end(unit, self._enter(unit, node, Cancelled(message=reason)))
            elif not self.frontier.state(unit).finished:
                self._end(unit, Cancelled(message="not started" if unit[1] != WHOLE else reason))
        for unit in reversed(cleanups):
            node = self.frontier.runs[unit[0]].node
            state = self.frontier.obstacle(unit)
            if state is None:
                call = self._call(unit, node, None)
                state = attempt(call, call.context(), lambda _: None)
                state = Failed(state.error, message=state.message) if isinstance(state, Retrying) else state
            self._end(unit, state)

    def _verdict(self) -> State:
        """Return the state of the flow, from those of its reference steps."""
        if self.run.state.finished:
            return self.run.state
        if self._handler_error is not None:
            return Failed(self._handler_error, message=str(self._handler_error))
        if self.interrupts.stopping:
            return Cancelled(message=self.interrupts.reason)
        return self._narrator.verdict(self.flow.reference_nodes())

    def _flow_state(self, new: State) -> None:
        old = self.run.state
        if old is new:
            return
        subject = Subject(
            kind="flow", name=self.run.name, run_id=self.run.run_id, flow=self.flow.name, tags=self.flow.tags,
            duration=self.run.duration, raw_inputs=self.run.parameters,
        )  # fmt: skip
        try:
            new = transition(
                subject, old, new, (*self.flow.state_handlers, *self._everywhere), self.flow.handler_timeout
            )
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
    from longshore.plugins import host

    limits = flow.check()
    values = bind_parameters(flow, parameters)
    frontier = Frontier(flow, values)
    name = flow.run_name.format(**values) if flow.run_name else flow.name
    run = FlowRun(flow, run_id or uuid.uuid4().hex, name, values, frontier)
    check_travel(flow, executor or flow.executor)
    with records_with_context(), console_when_unconfigured():
        engine = Engine(run, frontier, executor, Slots(limits))
        host().run_started(run)
        with engine.interrupts.watching():
            if inside_attempt():
                with current.on_cancel(lambda: engine.interrupts.stop("the step around it was cancelled")):
                    engine.drive()
            else:
                engine.drive()
        handlers.drain(1.0)
        host().run_finished(run)
    _raise_if(run, engine.interrupts, raise_on_failure)
    return run


def _raise_if(run: FlowRun, interrupts: Interrupts, raise_on_failure: bool) -> None:
    if interrupts.stopping and inside_attempt() and not interrupts.signal:
        raise TaskCancelled(f"flow {run.name!r} was cancelled: {interrupts.reason}")
    if interrupts.stopping:
        interrupt = KeyboardInterrupt(f"flow {run.name!r} was cancelled: {interrupts.reason}")
        interrupt.__dict__.update(flow_run=run, signal=interrupts.signal)
        raise interrupt
    if raise_on_failure and not run.succeeded:
        error = FlowFailed(f"flow {run.name!r} ended {run.state}")
        error.flow_run = run
        if isinstance(run.state, Failed) and run.state.error is not None:
            raise error from run.state.error
        raise error
