"""Attempts under way: sent to the executor, collected when they end, called back when the run stops."""

from __future__ import annotations

import contextlib
import functools
import queue
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, cast

from longshore import deadlines, lanes
from longshore.context import acting_as
from longshore.datasets import Dataset
from longshore.executors import ExecutorLike, InlineExecutor, open_courier, open_pool
from longshore.frontier import Unit
from longshore.interrupts import Interrupts
from longshore.jobs.poller import poller
from longshore.jobs.watches import JobEnd, Watch
from longshore.logs import run_log
from longshore.losses import Losses
from longshore.pools import NeverBeganError
from longshore.runner import LONGEST_STOP, Call, attempt, enter
from longshore.states import Cancelled, Running, State

if TYPE_CHECKING:
    from concurrent.futures import Future

    from longshore.context import Attempt, Listener
    from longshore.datasets import News
    from longshore.flows import Flow
    from longshore.jobs.phases import JobCall
    from longshore.pools import Pool

_END_GRACE: Final = 1.0
"""Seconds for attempts that were told to stop, after their callbacks have done their work."""

_LONGEST_WAIT: Final = 0.25
"""Seconds between two looks at whether the run was told to stop."""
_DISCARDS: Final = 10.0
"""Seconds that the end of a run waits until what is left of its jobs has been removed."""
_MOST_LOSSES: Final = 3
"""Workers that may die over one job before its attempt counts as crashed."""

Ended = Callable[[Unit, Call, State], None]


class Flights:
    """The attempts of a run that are under way.

    Messages from other threads wait in an inbox until `collect()` takes them, in the driver's thread.

    Args:
        flow: What is run.
        executor: Where attempts are made; the flow's own when None.
        began: Told, in the driver's thread, of an attempt's Running state.
        ended: Told, in the driver's thread, of an attempt's last state.
        progress: Told, in the driver's thread or that of the wire, of progress and datasets.
        read: Told, in any thread, how far the log of a job was read.
    """

    def __init__(
        self,
        flow: Flow,
        executor: ExecutorLike | None,
        began: Callable[[Unit, State], None],
        ended: Ended,
        progress: Listener,
        read: Callable[[JobCall, str], None] | None = None,
    ) -> None:
        self.interrupts = Interrupts(lambda: self._inbox.put(None))
        self._inbox: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._under_way: dict[Unit, tuple[Call, Attempt, Future[Any] | None]] = {}
        self._waiting: dict[Unit, tuple[Call, Watch]] = {}
        self._remote: dict[Unit, Attempt] = {}
        self._unsaid: deque[Callable[[], None]] = deque()
        self._began = began
        self._ended = ended
        self._progress = progress
        self._read = read
        self._leftovers = lanes.Lane(1_000_000)
        self._pool = open_pool(executor or flow.executor)
        self._inline = isinstance(self._pool, InlineExecutor)
        self._losses = Losses(getattr(self._pool, "spare_workers", 0))
        self._courier = open_courier(self._pool, flow, self._heard_there, self._heard_news)

    @property
    def afar(self) -> bool:
        """Whether results stay where they are made, so that what takes them should come soon."""
        return hasattr(self._pool, "courier")

    def __len__(self) -> int:
        return len(self._under_way) + len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether the executor has no room for another attempt."""
        return self._pool.slots is not None and len(self._under_way) >= self._pool.slots

    def call_of(self, unit: Unit) -> Call | None:
        """Return the call that a unit makes now."""
        flight = self._under_way.get(unit) or self._waiting.get(unit)
        return flight[0] if flight is not None else None

    def launch(self, unit: Unit, call: Call) -> None:
        """Make an attempt; with the inline executor it has ended on return."""
        if call.job is not None and call.job.end is None:
            call.job.began = time.monotonic()
        if self._inline:
            self._run_here(unit, call)
            return
        future: Future[Any]
        if self._courier is not None:
            context = self._remote[unit] = call.context()
            future = self._courier.submit(unit, call)
        else:
            context = call.context(self._relay_progress)
            future = cast("Pool", self._pool).submit(
                attempt, call, context, functools.partial(self._heard, unit)
            )
        self._under_way[unit] = call, context, future
        future.add_done_callback(lambda done: self._inbox.put(lambda: self._landed(unit, done)))

    def _run_here(self, unit: Unit, call: Call) -> None:
        context = call.context(self._progress)
        self._under_way[unit] = call, context, None
        state: State | None = None
        with contextlib.suppress(KeyboardInterrupt), self.interrupts.body():
            state = attempt(call, context, functools.partial(self._began, unit))
        del self._under_way[unit]
        call.log_tail = context.log_tail
        self._ended(unit, call, state or Cancelled(message="interrupted"))

    def _heard(self, unit: Unit, state: State) -> None:
        self._inbox.put(lambda: self._began(unit, state))

    def _relay_progress(self, context: Attempt, news: News) -> None:
        self._inbox.put(lambda: self._progress(context, news))

    def _heard_there(self, unit: Unit, state: State) -> None:
        self._tell_in_turn(lambda: self._began(unit, state))

    def _heard_news(self, unit: Unit, news: News) -> None:
        context = self._remote.get(unit)
        if context is None:
            return
        if isinstance(news, Dataset):
            self._tell_in_turn(lambda: self._progress(context, news))
        else:  # told at once: the driver may be waiting for what stands on the wire
            self._progress(context, news)

    def _tell_in_turn(self, tell: Callable[[], None]) -> None:
        self._unsaid.append(tell)
        self._inbox.put(self._tell_unsaid)

    def _tell_unsaid(self) -> None:
        while self._unsaid:
            self._unsaid.popleft()()

    def _landed(self, unit: Unit, future: Future[Any]) -> None:
        flight = self._under_way.get(unit)
        if flight is None:
            return  # given up while the run was being stopped
        call = flight[0]
        call.log_tail = call.log_tail or flight[1].log_tail
        error = None if future.cancelled() else future.exception()
        state = None if error is not None else self._state_of(unit, call, future)
        self._remote.pop(unit, None)
        self._tell_unsaid()  # the wire may be slower than the result
        del self._under_way[unit]
        if state is not None:
            self._ended(unit, call, state)
        elif error is not None:
            self._worker_died(unit, call, error)

    def _state_of(self, unit: Unit, call: Call, future: Future[Any]) -> State:
        if future.cancelled():
            return Cancelled(message="not started")
        made: Any = future.result()
        state: State = made if self._courier is None else self._courier.received(unit, call, made)
        return state

    def _worker_died(self, unit: Unit, call: Call, error: BaseException) -> None:
        job = call.job
        if isinstance(error, NeverBeganError) and not self.interrupts.stopping:
            self.launch(unit, call)
            return
        if job is None or job.losses >= _MOST_LOSSES or self.interrupts.stopping:
            self._ended(unit, call, self._losses.state(unit, call, error))
            return
        job.losses += 1
        job.may_exist = True  # the job is found by its key, or its result fetched once more
        self.launch(unit, call)

    def wait_for(self, unit: Unit, call: Call, handle: Any) -> None:
        """Watch a job that was submitted; its end comes as an attempt's end does."""
        job = call.job
        assert job is not None
        job.handle = handle
        read = None if self._read is None else functools.partial(self._read, job)
        deadline = None if call.task.timeout is None else job.began + call.task.timeout
        context = call.context(self._relay_progress)
        watch = Watch(
            cast("Any", call.task), handle, context, deadline=deadline, cursor=job.cursor, read=read
        )
        if self.interrupts.stopping:  # it was told so while it was being submitted
            watch.stop(self.interrupts.reason)
        self._waiting[unit] = call, watch
        poller().watch(watch, lambda end: self._inbox.put(lambda: self._job_ended(unit, end)))

    def _job_ended(self, unit: Unit, end: JobEnd) -> None:
        waiting = self._waiting.pop(unit, None)
        if waiting is None:
            return  # given up while the run was being stopped
        call, watch = waiting
        assert call.job is not None
        call.job.end = end
        if not self.interrupts.stopping:
            self.launch(unit, call)
            return
        self._ended(unit, call, attempt(call, watch.context, lambda _: None))

    def discard(self, call: Call, done: Callable[[], None]) -> None:
        """Have the other system remove what it keeps of a job, beside the run; failing is only said."""
        job, handle = cast("Any", call.task), call.job.handle if call.job is not None else None

        def discard() -> None:
            with acting_as(call.context()):
                try:
                    job.discard(handle)
                    done()
                except Exception as error:  # noqa: BLE001 - it costs disk, not the result
                    run_log.warning("%s | cannot remove what is left of its job: %s", call.name, error)

        self._leftovers.put(discard)

    def collect(self, seconds: float | None) -> None:
        """Wait for a message, at most so long, and act on all that have come.

        A signal that the system gave to another thread does not end this thread's wait, so that is short.
        """
        if self._courier is not None:
            self._courier.flush()
        try:
            message = self._inbox.get(
                timeout=_LONGEST_WAIT if seconds is None else min(seconds, _LONGEST_WAIT)
            )
            while True:
                if message is not None:
                    message()
                message = self._inbox.get_nowait()
        except queue.Empty:
            pass

    def stop(self, reason: str) -> None:
        """Tell every attempt to stop and wait until they have, in bounds; give up those that do not."""
        for _, _, future in list(self._under_way.values()):
            if future is not None:
                future.cancel()
        if self._courier is not None:
            self._courier.cancel(reason)
        stops = [deadlines.start(functools.partial(c.cancel, reason)) for _, c, _ in self._under_way.values()]
        for _, watch in list(self._waiting.values()):
            poller().stop(watch, reason)
        grace = max((watch.job.cancel_grace for _, watch in self._waiting.values()), default=0.0)
        end = time.monotonic() + max(LONGEST_STOP, grace + _END_GRACE)
        while self and time.monotonic() < end:
            if stops and not self._waiting and self._called_back(stops):
                end, stops = time.monotonic() + _END_GRACE, []
            self.collect(0.05)
        for unit, call, context in self._given_up():
            left = Cancelled(message=f"{reason}; it did not stop, and is left behind")
            self._ended(unit, call, enter(call, context, Running(), left, time.monotonic()))

    def _called_back(self, stops: list[deadlines.PendingCall[bool]]) -> bool:
        return self._courier.called_back if self._courier is not None else all(stop.wait(0) for stop in stops)

    def _given_up(self) -> Iterator[tuple[Unit, Call, Attempt]]:
        while self._under_way:
            unit, (call, context, _) = self._under_way.popitem()
            yield unit, call, context
        while self._waiting:
            unit, (call, watch) = self._waiting.popitem()
            poller().leave(watch)
            yield unit, call, watch.context

    def leave_jobs(self) -> None:
        """Watch no job any longer: somebody else does."""
        while self._waiting:
            _, (_, watch) = self._waiting.popitem()
            poller().leave(watch)

    def close(self) -> None:
        """Close what was opened for the run."""
        self._leftovers.drain(0.0 if self.interrupts.twice else _DISCARDS)
        self._pool.close()
        if self._courier is not None:
            self._courier.close()
