"""Calls made beside a run: in order, one at a time, in a thread that nobody waits for."""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from collections import deque
from typing import TYPE_CHECKING, Final

from longshore import forks

if TYPE_CHECKING:
    from collections.abc import Callable

_IDLE: Final = 2.0
"""Seconds after which a thread with nothing to do ends; the next call starts another one."""


class Lane:
    """One daemon thread at most, which makes calls in the order they came.

    A call that takes longer than it may is left behind in its thread, and another thread goes on.

    Args:
        size: Calls that may wait.
        timeout: Seconds for a call; None for any.
        late: Told when a call is left behind.
    """

    def __init__(
        self, size: int, timeout: float | None = None, late: Callable[[], None] = lambda: None
    ) -> None:
        self.pid = os.getpid()
        self._size = size
        self._timeout = timeout
        self._late = late
        self._calls: deque[Callable[[], None]] = deque()
        self._serving = self._watched = False
        self._turn = 0
        self._began: float | None = None
        self._changed = threading.Condition()
        with _making:
            _lanes.add(self)

    def put(self, call: Callable[[], None], most: int | None = None) -> bool:
        """Have a call made; return False when too many wait already. The call must not raise.

        Args:
            call: What to do.
            most: Calls that may wait when it is another number than for the rest.
        """
        with self._changed:
            if len(self._calls) >= (self._size if most is None else most):
                return False
            self._calls.append(call)
            if not self._serving:
                self._serving = True
                self._start_serving()
                if self._timeout is not None and not self._watched:
                    self._watched = True
                    threading.Thread(target=self._watch, name="longshore-watch", daemon=True).start()
            self._changed.notify_all()
        return True

    def _start_serving(self) -> None:
        self._turn += 1
        threading.Thread(
            target=self._serve, args=(self._turn,), name="longshore-observer", daemon=True
        ).start()

    def _serve(self, turn: int) -> None:
        while (call := self._next()) is not None:
            call()
            with self._changed:
                if turn != self._turn:  # it took too long; another thread goes on
                    return
                self._began = None
                self._changed.notify_all()

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            while not self._calls:
                if not self._changed.wait(_IDLE) and not self._calls:
                    self._serving = False
                    return None
            self._began = time.monotonic()
            return self._calls.popleft()

    def _watch(self) -> None:
        """Leave a call behind when its time is over: a look at each would cost more than most calls."""
        assert self._timeout is not None
        while True:
            with self._changed:
                if not self._serving:
                    self._watched = False
                    return
                left = self._timeout
                if self._began is not None:
                    left += self._began - time.monotonic()
                if left <= 0:
                    self._began = None
                    self._start_serving()
                    self._changed.notify_all()
            if left <= 0:
                self._late()
            else:
                time.sleep(left)

    def drain(self, seconds: float) -> None:
        """Wait until every call has been made, at most so long; not for one that has already taken longer."""
        end = time.monotonic() + seconds
        with self._changed:
            while self._calls or self._began is not None:
                left = min(end, (self._began or end) + seconds) - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)


_making = forks.Lock()
_lanes: weakref.WeakSet[Lane] = weakref.WeakSet()


def drain(seconds: float) -> None:
    """Wait until the best-effort handlers of this process have caught up, at most so long."""
    end = time.monotonic() + seconds
    with _making:
        lanes = [lane for lane in _lanes if lane.pid == os.getpid()]
    for lane in lanes:
        lane.drain(max(0.0, end - time.monotonic()))


atexit.register(drain, 5.0)
