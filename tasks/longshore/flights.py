"""Attempts under way: sent to the executor, collected when they end, called back when the run stops."""

from __future__ import annotations

import contextlib
import functools
import queue
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from longshore import deadlines
from longshore.errors import WorkerCrashed
from longshore.executors import ExecutorLike, InlineExecutor, open_pool
from longshore.frontier import Unit
from longshore.interrupts import Interrupts
from longshore.runner import LONGEST_STOP, Call, attempt, enter
from longshore.states import Cancelled, Crashed, Retrying, Running, State

if TYPE_CHECKING:
    from concurrent.futures import Future

    from longshore.context import Attempt, Progress
    from longshore.remotes import Hub

_END_GRACE: Final = 1.0
"""Seconds for attempts that were told to stop, after their callbacks have done their work."""

Ended = Callable[[Unit, Call, State], None]


class Flights:
    """The attempts of a run that are under way.

    Messages from other threads wait in an inbox until `collect()` takes them, in the driver's thread.

    Args:
        executor: Where attempts are made.
        began: Told, in the driver's thread, of an attempt's Running state.
        ended: Told, in the driver's thread, of an attempt's last state.
        progress: Told, in the driver's thread, of progress.
    """

    def __init__(
        self,
        executor: ExecutorLike | None,
        began: Callable[[Unit, State], None],
        ended: Ended,
        progress: Progress,
    ) -> None:
        self.interrupts = Interrupts(lambda: self._inbox.put(None))
        self._inbox: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._under_way: dict[Unit, tuple[Call, Attempt, Future[Any] | None]] = {}
        self._began = began
        self._ended = ended
        self._progress = progress
        self._pool = open_pool(executor)
        self._inline = isinstance(self._pool, InlineExecutor)
        self._hub = self._open_hub() if self._pool.remote else None

    def _open_hub(self) -> Hub:
        from longshore.remotes import Hub

        return Hub(self._inbox.put, self._heard)

    def __len__(self) -> int:
        return len(self._under_way)

    @property
    def full(self) -> bool:
        """Whether the executor has no room for another attempt."""
        return self._pool.slots is not None and len(self._under_way) >= self._pool.slots

    def call_of(self, unit: Unit) -> Call | None:
        """Return the call that a unit makes now."""
        flight = self._under_way.get(unit)
        return flight[0] if flight is not None else None

    def launch(self, unit: Unit, call: Call) -> None:
        """Make an attempt; with the inline executor it has ended on return."""
        if self._inline:
            self._run_here(unit, call)
            return
        future: Future[Any]
        if self._hub is not None:
            context = call.context()
            future = self._hub.submit(self._pool, unit, call)
        else:
            context = call.context(self._relay_progress)
            future = self._pool.submit(attempt, call, context, functools.partial(self._heard, unit))
        self._under_way[unit] = call, context, future
        future.add_done_callback(lambda done: self._inbox.put(lambda: self._landed(unit, done)))

    def _run_here(self, unit: Unit, call: Call) -> None:
        context = call.context(self._progress)
        self._under_way[unit] = call, context, None
        state: State | None = None
        with contextlib.suppress(KeyboardInterrupt), self.interrupts.body():
            state = attempt(call, context, functools.partial(self._began, unit))
        del self._under_way[unit]
        self._ended(unit, call, state or Cancelled(message="interrupted"))

    def _heard(self, unit: Unit, state: State) -> None:
        self._inbox.put(lambda: self._began(unit, state))

    def _relay_progress(self, context: Attempt, fraction: float, message: str) -> None:
        self._inbox.put(lambda: self._progress(context, fraction, message))

    def _landed(self, unit: Unit, future: Future[Any]) -> None:
        flight = self._under_way.pop(unit, None)
        if flight is None:
            return  # given up while the run was being stopped
        call = flight[0]
        if future.cancelled():
            self._ended(unit, call, Cancelled(message="not started"))
            return
        error = future.exception()
        if error is not None:
            self._ended(unit, call, _lost(call, error))
            return
        state = future.result()
        self._ended(unit, call, self._hub.received(unit, call, state) if self._hub is not None else state)

    def collect(self, seconds: float | None) -> None:
        """Wait for a message, at most so long, and act on all that have come."""
        try:
            message = self._inbox.get(timeout=seconds)
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
        if self._hub is not None:
            self._hub.cancel(reason)
        stops = [deadlines.start(functools.partial(c.cancel, reason)) for _, c, _ in self._under_way.values()]
        end = time.monotonic() + LONGEST_STOP
        while self._under_way and time.monotonic() < end:
            if stops and self._called_back(stops):
                end, stops = time.monotonic() + _END_GRACE, []
            self.collect(0.05)
        for unit, (call, context, _) in self._given_up():
            left = Cancelled(message=f"{reason}; it did not stop, and is left behind")
            self._ended(unit, call, enter(call, context, Running(), left, time.monotonic()))

    def _called_back(self, stops: list[deadlines.PendingCall[bool]]) -> bool:
        return self._hub.called_back if self._hub is not None else all(stop.wait(0) for stop in stops)

    def _given_up(self) -> Iterator[tuple[Unit, tuple[Call, Attempt, Future[Any] | None]]]:
        while self._under_way:
            yield self._under_way.popitem()

    def close(self) -> None:
        """Close what was opened for the run."""
        self._pool.close()
        if self._hub is not None:
            self._hub.close()


def _lost(call: Call, error: BaseException) -> State:
    """Return the state of an attempt whose worker died: nobody knows how far it came."""
    crash = WorkerCrashed(f"the process that ran {call.name!r} died: {type(error).__name__}: {error}")
    if call.attempt <= call.task.retries and call.task.repeatable:
        state: State = Retrying(error=crash, attempt=call.attempt, message=str(crash))
    else:
        state = Crashed(crash, message=str(crash))
    return enter(call, call.context(), Running(), state, time.monotonic())
