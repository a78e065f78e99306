"""The one poller of a process: looks at every job that waits, with a handful of threads."""

from __future__ import annotations

import heapq
import itertools
import os
import threading
import time
from typing import TYPE_CHECKING, Final

from longshore import forks
from longshore.jobs.protocol import JobUnreachableError
from longshore.jobs.watches import JobEnd, Watch

if TYPE_CHECKING:
    from collections.abc import Callable

_THREADS: Final = 8
"""Looks at once; a look that takes 20 ms lets them serve 400 a second."""
_IDLE: Final = 2.0
"""Seconds after which a thread with nothing to do ends."""


class _Entry:
    """A watch, and when the next look at it is due."""

    __slots__ = ("due", "ended", "looking", "watch")

    def __init__(self, watch: Watch, ended: Callable[[JobEnd], None]) -> None:
        self.watch = watch
        self.ended = ended
        self.due = 0.0
        self.looking = False


class Poller:
    """Looks at jobs when a look is due, until each has ended."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._changed = threading.Condition()
        self._queue: list[tuple[float, int, _Entry]] = []
        self._count = itertools.count()
        self._entries: dict[Watch, _Entry] = {}
        self._threads = 0
        self._free = 0

    def watch(self, watch: Watch, ended: Callable[[JobEnd], None]) -> None:
        """Watch a job until its end, and tell of that, in a thread of the poller's."""
        entry = _Entry(watch, ended)
        with self._changed:
            self._entries[watch] = entry
            self._push(entry, 0.0)

    def stop(self, watch: Watch, reason: str) -> None:
        """Tell a job to stop, now; the end is told as any other."""
        watch.stop(reason)
        with self._changed:
            entry = self._entries.get(watch)
            if entry is not None:
                entry.due = 0.0
                if not entry.looking:
                    self._push(entry, 0.0)

    def leave(self, watch: Watch) -> None:
        """Watch a job no longer; it goes on."""
        with self._changed:
            self._entries.pop(watch, None)

    def _push(self, entry: _Entry, seconds: float) -> None:
        entry.due = time.monotonic() + seconds
        heapq.heappush(self._queue, (entry.due, next(self._count), entry))
        if not self._free and self._threads < _THREADS:
            self._threads += 1
            threading.Thread(target=self._serve, name="longshore-poller", daemon=True).start()
        self._changed.notify()

    def _serve(self) -> None:
        while (entry := self._take()) is not None:
            seen = _look(entry.watch)
            with self._changed:
                entry.looking = False
                known = self._entries.get(entry.watch) is entry
                if isinstance(seen, JobEnd):
                    self._entries.pop(entry.watch, None)
                elif known:  # told to stop meanwhile: at once
                    self._push(entry, seen if entry.due else 0.0)
            if isinstance(seen, JobEnd) and known:
                entry.ended(seen)

    def _take(self) -> _Entry | None:
        """Return the next entry when its look is due; None when there has been nothing to do for a while."""
        with self._changed:
            idle_since = time.monotonic()
            while True:
                now = time.monotonic()
                if self._queue and self._queue[0][0] <= now:
                    due, _, entry = heapq.heappop(self._queue)
                    if self._entries.get(entry.watch) is entry and not entry.looking and entry.due == due:
                        entry.looking = True
                        return entry
                    continue  # an older place in the queue of one that was looked at since
                if not self._queue and now - idle_since >= _IDLE:
                    self._threads -= 1
                    return None
                self._free += 1
                self._changed.wait(self._queue[0][0] - now if self._queue else _IDLE)
                self._free -= 1


def _look(watch: Watch) -> JobEnd | float:
    """Look at a job; a task whose methods are broken ends as one that nobody can see."""
    try:
        return watch.look()
    except BaseException as error:  # noqa: BLE001 - whatever a task's code raises, the others are looked at
        failure = JobUnreachableError(
            f"cannot see how {watch.context.label!r} stands: {type(error).__name__}: {error}"
        )
        failure.__cause__ = error
        return JobEnd(unreachable=failure, confirmed=False)


_making = forks.Lock()
_poller: Poller | None = None


def poller() -> Poller:
    """Return this process's poller."""
    global _poller
    with _making:
        if _poller is None or _poller.pid != os.getpid():
            _poller = Poller()
        return _poller
