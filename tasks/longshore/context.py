"""`current`: what runs here and now.

Works inside `run()` under every executor. Outside a run it answers neutrally, so that a task's bare `run()`
can be called anywhere: no name, not cancelled, progress goes nowhere.
"""

from __future__ import annotations

import functools
import os
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from longshore import deadlines, forks
from longshore.datasets import News, Reporting
from longshore.progress import Pace, Progress

if TYPE_CHECKING:
    from longshore.logs import ContextLogger

CANCEL_GRACE: Final = 15.0
"""Seconds that the callbacks of a cancelled attempt may take together."""
_TAIL_LINES: Final = 50

Listener = Callable[["Attempt", News], None]
_tail_lock = forks.Lock()


class Attempt(Reporting):
    """One attempt of one call, as the code inside it sees it.

    Attributes:
        name: The step's name.
        run_id: The flow run's id; empty outside a flow.
        flow: The flow's name; empty outside a flow.
        map_index: The place among the mapped steps, from 0; None for a step that is not mapped.
        attempt: This attempt's number, from 1.
        attempts: How many there may be in all.
        deadline: When the attempt times out, on the clock of `time.monotonic()`; None for never.
        link: Where to look at the run; empty when nothing shows it.
        tags: The step's tags and its flow's.
        recorded_in: The run store that has the run, as it calls itself; empty outside a flow and without one.
        variables: What plugins gave the run for the environment of what it starts; None without such plugins.
    """

    __slots__ = (
        "_callbacks", "_calls", "_cancelled", "_origin", "_pace", "_tail", "attempt", "attempts",
        "deadline", "flow", "link", "map_index", "name", "recorded_in", "run_id", "tags", "variables",
    )  # fmt: skip

    def __init__(
        self,
        name: str = "",
        run_id: str = "",
        flow: str = "",
        map_index: int | None = None,
        attempt: int = 1,
        attempts: int = 1,
        tags: tuple[str, ...] = (),
        progress: Listener | None = None,
        origin: str = "",
        recorded_in: str = "",
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.run_id = run_id
        self.flow = flow
        self.map_index = map_index
        self.attempt = attempt
        self.attempts = attempts
        self.deadline: float | None = None
        self.link = ""
        self.tags = tags
        self.recorded_in = recorded_in
        self.variables = variables
        self._progress = progress
        self._pace: Pace | None = None
        self._origin = origin
        self._calls = self._named = 0
        self._cancelled = ""
        self._callbacks: list[Callable[[], None]] | None = None
        self._tail: deque[str] | None = None

    @property
    def call_id(self) -> str:
        """A UUID of this call: the same in all its attempts and in a resumed run, another for any other call.

        Good for an idempotency key. Outside a run each look gives a new one.
        """
        import uuid  # takes longer to import than most of the core, and few calls want an id

        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"longshore:{self._call_origin()}"))

    def _call_origin(self) -> str:
        if not self.name:
            return os.urandom(16).hex()
        return self._origin or f"{self.run_id}/{self.name}/{self.map_index}"

    def inner_origin(self) -> str:
        """Return what the id of the next call made inside this one is made of."""
        self._calls += 1
        return f"{self._call_origin()}/{self._calls}"

    @property
    def recorded(self) -> bool:
        """Whether a run store has the run, so that it can be resumed, in another process too.

        A resumed run makes this call again under the same `call_id`, if it has not succeeded.
        """
        return bool(self.recorded_in)

    @property
    def cancelled(self) -> bool:
        """Whether the attempt was told to stop: its run was cancelled, or its deadline has passed."""
        return bool(self._cancelled)

    @property
    def cancel_reason(self) -> str:
        """Why the attempt was told to stop; empty when it was not."""
        return self._cancelled

    @property
    def log(self) -> ContextLogger:
        """A logger whose records carry the run's context and no secret."""
        from longshore.logs import task_log

        return task_log

    @property
    def log_tail(self) -> tuple[str, ...]:
        """The last lines that were logged during the attempt, without secrets."""
        return tuple(self._tail or ())

    @property
    def label(self) -> str:
        """The name with its map index: `load` or `load[3]`."""
        return self.name if self.map_index is None else f"{self.name}[{self.map_index}]"

    def environment(self) -> dict[str, str]:
        """Return what processes, containers and jobs of this attempt should find in their environment.

        Plugins say it, such as the one for OpenTelemetry; without one, and outside a run, it is empty.
        """
        if self.variables is None:
            return {}
        from longshore.surroundings import variables_for

        return {**self.variables, **variables_for(self)}

    def progress(
        self,
        fraction: float | None = None,
        message: str = "",
        *,
        done: int | None = None,
        total: int | None = None,
        unit: str = "",
    ) -> None:
        """Say how far the work is.

        The rate and the time left are reckoned from what is counted, and need not be said. May be called
        often, and from any thread with the attempt's context; a few times a second is enough.

        Args:
            fraction: From 0.0 to 1.0; by default `done / total`.
            message: What is being done.
            done: How much is done.
            total: How much there is in all, if that is known.
            unit: What is counted, in the plural, such as `"objects"`; `"B"` for bytes.

        Example:
            >>> current.progress(done=312 << 20, total=1 << 30, unit="B", message="flights.csv")
        """
        if self._progress is None:
            return
        rate = left = None
        if done is not None:
            self._pace = self._pace or Pace()
            rate, left = self._pace.count(done, total, unit)
            if fraction is None and total is not None:
                fraction = done / total if total else 1.0
        if fraction is not None:
            fraction = min(1.0, max(0.0, fraction))
        told = Progress(
            fraction=fraction, message=message, done=done, total=total, unit=unit, rate=rate, left=left
        )
        self._progress(self, told)

    @contextmanager
    def on_cancel(self, callback: Callable[[], None]) -> Generator[None]:
        """Have a callback called once, from another thread, when the attempt is told to stop.

        It should end the work (kill, close, cancel), so that `run()` returns or raises; it may take 15 s.
        """
        if self._callbacks is None:
            self._callbacks = []
        self._callbacks.append(callback)
        if self._cancelled and self._took_back(callback):  # told to stop before the callback was there
            deadlines.start(lambda: self._call_back(callback)).wait(CANCEL_GRACE)
        try:
            yield
        finally:
            self._took_back(callback)

    def _took_back(self, callback: Callable[[], None]) -> bool:
        """Return whether a callback was still there, and nobody has called it."""
        try:
            (self._callbacks or []).remove(callback)
        except ValueError:  # `cancel()` may take it at any moment
            return False
        return True

    def _call_back(self, callback: Callable[[], None]) -> None:
        active.set(self)  # this is a thread of its own
        try:
            callback()
        except BaseException as error:  # noqa: BLE001 - SystemExit too; the others are to be called all the same
            self.log.warning("what was to stop %s: %s: %s", self.label, type(error).__name__, error)

    def cancel(self, reason: str) -> bool:
        """Tell the attempt to stop and wait for its callbacks, at most 15 s; return whether it had any."""
        self._cancelled = self._cancelled or reason
        called: list[deadlines.PendingCall[None]] = []
        while self._callbacks:
            try:
                callback = self._callbacks.pop()
            except IndexError:  # another thread took the last one
                break
            called.append(deadlines.start(functools.partial(self._call_back, callback)))
        end = time.monotonic() + CANCEL_GRACE
        for call in called:
            call.wait(max(0.0, end - time.monotonic()))
        return bool(called)

    def remember(self, line: str) -> None:
        """Add a line to the tail of the log."""
        if self._tail is None:
            with _tail_lock:
                self._tail = self._tail or deque(maxlen=_TAIL_LINES)
        self._tail.append(line)


_OUTSIDE: Final = Attempt()
active: ContextVar[Attempt] = ContextVar("longshore_attempt", default=_OUTSIDE)


class _Current:
    """The attempt that runs here and now, whatever thread or process this is."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        return getattr(active.get(), name)

    def __repr__(self) -> str:
        attempt = active.get()
        if attempt is _OUTSIDE:
            return "<current: nothing runs here>"
        return f"<current: {attempt.label or f'flow {attempt.flow}'}>"


if TYPE_CHECKING:
    current: Attempt
else:
    current = _Current()


def inside_attempt() -> bool:
    """Whether this code runs as part of an attempt."""
    return active.get() is not _OUTSIDE


@contextmanager
def acting_as(attempt: Attempt) -> Generator[None]:
    """Have `current`, and the records that are made here, show an attempt."""
    token = active.set(attempt)
    try:
        yield
    finally:
        active.reset(token)
