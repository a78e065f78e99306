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

    Args:
        size: Calls that may wait.
    """

    def __init__(self, size: int) -> None:
        self.pid = os.getpid()
        self._size = size
        self._calls: deque[Callable[[], None]] = deque()
        self._serving = False
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
                threading.Thread(target=self._serve, name="longshore-observer", daemon=True).start()
            self._changed.notify_all()
        return True

    def _serve(self) -> None:
        while (call := self._next()) is not None:
            call()
            with self._changed:
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
