"""A flow run: start what is ready, collect what ends, wait, finish.

One thread, the caller's, drives the run. Attempts are made where the executor makes them and report back.
"""

from __future__ import annotations

import functools
import heapq
import itertools
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from longshore.callers import Caller
from longshore.context import current, inside_attempt
from longshore.errors import HandlerError
from longshore.flights import Flights
from longshore.flowstates import FlowStates
from longshore.frontier import WHOLE, Unit
from longshore.jobs.phases import has_yet_to_give
from longshore.leavings import Leavings
from longshore.lookouts import Lookout
from longshore.narration import Narrator
from longshore.runner import Call, enter, keep, look_up
from longshore.slots import Slots
from longshore.states import Cancelled, Failed, Mapped, Pending, Retrying, Running, State
from longshore.stores.errors import LeaseLostError

if TYPE_CHECKING:
    from collections.abc import Generator

    from longshore.executors import ExecutorLike
    from longshore.interrupts import Interrupts
    from longshore.jobs.phases import JobCall
    from longshore.journals import Journal
    from longshore.recalls import Recall
    from longshore.runs import FlowRun
    from longshore.stores.errors import StoreError


class Engine:
    """Drives one run of a flow."""

    def __init__(
        self,
        run: FlowRun,
        executor: ExecutorLike | None,
        limits: dict[str, int],
        recall: Recall | None = None,
    ) -> None:
        from longshore.plugins import host

        everywhere = host().state_handlers()
        self.run = run
        self.frontier = frontier = run.frontier
        self._narrator = Narrator(run, frontier)
        self._flow = FlowStates(run, self._narrator, everywhere)
        self._flights = Flights(run.flow, executor, self._began, self._ended, self._narrator.news, self._read)
        if self._flights.afar:
            frontier.ready.prefer_depth(run.flow.steps)
        self._slots = Slots(limits, self._later)
        self._calls = Caller(run, frontier, everywhere, recall)
        self._lookout = Lookout(run, self._narrator, self._calls, self._flow.watched)
        self._leavings = Leavings(frontier, self._narrator, self._calls, self.interrupts, self._end)
        self._recall = recall
        self._journal: Journal | None = None
        self._retrying: dict[Unit, Retrying] = {}
        self._due: list[tuple[float, int, Unit]] = []
        self._count = itertools.count()
        self._error: BaseException | None = None

    def record_in(self, journal: Journal) -> None:
        """Have the run recorded from here on."""
        self._journal = self._flow.journal = self._slots.shared = journal

    def trouble(self, reason: str, error: StoreError | None) -> None:
        """End the run: it was cancelled from elsewhere, or cannot be recorded any more; from any thread."""
        self._error = self._error or error
        if isinstance(error, LeaseLostError):  # the jobs are the new owner's; what runs here is not wanted
            self._flights.leave_jobs()
            reason = "another process took the run over"
        if reason:
            self.interrupts.stop(reason)
        else:
            self.interrupts.wake()

    def raise_if_taken_over(self) -> None:
        """Raise `LeaseLostError` when another process drives the run now."""
        if isinstance(self._error, LeaseLostError):
            raise self._error

    @property
    def interrupts(self) -> Interrupts:
        """Whether the run was told to stop."""
        return self._flights.interrupts

    def drive(self) -> None:
        """Run every step, then the flow's own end."""
        self._lookout.begin(self.frontier, self._journal)
        self._flow.lookout = self._lookout
        try:
            self._flow.enter(Running())
            if self._recall is not None:
                self._narrator.resumed(self._recall.done)
            if not self.run.state.finished:
                self._steps()
        finally:
            self._flights.close()
        if not self.run.state.finished:
            self._flow.enter(self._verdict())
        self._lookout.close()

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
            self._flush()
            self._flights.collect(None if due is None else max(0.0, due - time.monotonic()))
        if self.interrupts.stopping:
            self._flights.stop(self.interrupts.reason)
        if self._ending:
            lost = isinstance(self._error, LeaseLostError)
            self._leavings.abandon(self._retrying, self._ending, clean_up=not lost)
        self._flush()

    @property
    def _ending(self) -> str:
        """Why nothing more is started; what runs is stopped by an interrupt, and ends by itself otherwise."""
        if self.interrupts.reason or self._error is None:
            return self.interrupts.reason
        broken = isinstance(self._error, HandlerError)
        return "a state handler failed" if broken else "the run cannot be recorded"

    def _start_ready(self) -> None:
        now = time.monotonic() if self._due else 0.0
        while self._due and self._due[0][0] <= now:
            self.frontier.ready.push(heapq.heappop(self._due)[2])
        while self.frontier.ready and not self._flights.full and not self._ending:
            unit = self.frontier.ready.pop()
            if self._recall is not None and unit not in self._retrying and self._goes_on(unit):
                continue
            if self._slots.take(unit, self._calls.limits(unit), self.frontier.ready):
                self._start(unit)

    def _start(self, unit: Unit) -> None:
        retry = self._retrying.pop(unit, None)
        node = self._calls.node(unit)
        if retry is None and node.is_mapped and unit[1] == WHOLE:
            self._expand(unit)
            return
        state = self.frontier.obstacle(unit) if retry is None else None
        if state is not None:
            self._end(unit, self._calls.enter(unit, state))
            return
        try:
            call = self._calls.call(unit, retry)
        except Exception as error:  # noqa: BLE001 - a class the driver cannot import, say
            self._end(unit, self._calls.enter(unit, Failed(error, message=str(error))))
            return
        found = look_up(call) if node.task.cache is not None else None
        if found is not None:
            self._end(unit, enter(call, call.context(), retry or Pending(), found, time.monotonic()), call)
            return
        if self._journal is not None:
            self._journal.starting(node.name, call)
            if self._ending:  # it could not be recorded, so it must not start
                self._end(unit, self._calls.enter(unit, Cancelled(message=f"not started: {self._ending}")))
                return
        self._flights.launch(unit, call)

    def _goes_on(self, unit: Unit) -> bool:
        """Whether a unit stands somewhere from before the run was resumed; then it goes on from there."""
        assert self._recall is not None
        state, is_news = self._recall.state(self._calls.node(unit), unit[1])
        if isinstance(state, Retrying):
            self._wait(unit, state)
        elif state is not None and is_news:
            self._end(unit, self._calls.enter(unit, state))
        elif state is not None:
            self._settle(unit, state)
        return state is not None

    def _expand(self, unit: Unit) -> None:
        state = self.frontier.expand(unit[0])
        if state is None:
            self._began(unit, Running())
        else:
            self._end(unit, state if isinstance(state, Mapped) else self._calls.enter(unit, state))

    def _began(self, unit: Unit, state: State) -> None:
        old = self.frontier.state(unit)
        if old.finished:
            return
        self.run.began.setdefault(unit, state.time)
        call = self._flights.call_of(unit)
        self._narrator.changed(unit, old, state, call)
        self._lookout.keep(self._lookout.step(unit, old, state, call))
        self.frontier.record(unit, state)

    def _discarded(self, job: JobCall) -> None:
        if self._journal is not None:
            self._journal.discarded(job)

    def _read(self, job: JobCall, cursor: str) -> None:
        if self._journal is not None:
            self._journal.read(job, cursor)

    def _ended(self, unit: Unit, call: Call, state: State) -> None:
        if isinstance(state, Running):
            self._submitted(unit, call, state)
            return
        if call.job is not None and call.job.end is not None:
            call.job.ended = call.job.end.confirmed and not has_yet_to_give(call.job.end, state)
        keep(call, state)
        if isinstance(state, Cancelled) and state.message == "interrupted":
            self.interrupts.stop("interrupted")
        if isinstance(state, Retrying) and self._ending:
            state = Cancelled(message=self._ending)
        if not isinstance(state, Retrying):
            self._end(unit, state, call)
            return
        self._slots.give(unit, self.frontier.ready)
        self._tell(unit, state, call)
        self.frontier.record(unit, state)
        self._wait(unit, state)

    def _submitted(self, unit: Unit, call: Call, state: Running) -> None:
        """A job goes on in another system: it is on record, and watched from here."""
        assert call.job is not None
        if self._journal is not None:
            self._journal.submitted(call.job, state.handle)
        self._narrator.submitted(unit, call, state)
        self._flights.wait_for(unit, call, state.handle)

    def _wait(self, unit: Unit, state: Retrying) -> None:
        self._retrying[unit] = state
        self._later(unit, state.delay)

    def _later(self, unit: Unit, seconds: float) -> None:
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._count), unit))

    def _end(self, unit: Unit, state: State, call: Call | None = None) -> None:
        self._slots.give(unit, self.frontier.ready)
        self._tell(unit, state, call)
        if isinstance(state, Failed) and isinstance(state.error, HandlerError):
            self._error = self._error or state.error
        self._settle(unit, state)

    def _settle(self, unit: Unit, state: State) -> None:
        if self.frontier.record(unit, state):
            whole = unit[0], WHOLE
            self._end(whole, self.frontier.summary(self.frontier.runs[unit[0]]))

    def _tell(self, unit: Unit, state: State, call: Call | None) -> None:
        """Tell the log, the observers and the record of a transition."""
        old, kept = self.frontier.state(unit), True
        self._narrator.changed(unit, old, state, call)
        alerts = self._lookout.step(unit, old, state, call)
        if self._journal is not None:
            kept = self._journal.changed(self._calls.node(unit).name, unit[1], state, call, alerts)
        self._lookout.keep(alerts)
        if call is not None and call.job is not None and call.job.ended and kept:
            self._flush()  # what the other system keeps is removed only when its result is on record
            self._flights.discard(call, functools.partial(self._discarded, call.job))

    def _flush(self) -> None:
        if self._journal is not None:
            self._journal.flush()
            self._lookout.wake()

    def _verdict(self) -> State:
        """Return the state of the flow, from those of its reference steps."""
        if self._error is not None:
            return Failed(self._error, message=str(self._error))
        if self.interrupts.stopping:
            return Cancelled(message=self.interrupts.reason)
        return self._narrator.verdict(self.run.flow.reference_nodes())
