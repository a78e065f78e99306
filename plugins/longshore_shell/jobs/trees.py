"""The tree of a job's command, from the watcher's side: stopped, pressed, collected. Imports little."""

from __future__ import annotations

import os
import time

from longshore_shell.trees import descendants, kill, terminate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_STRAGGLERS = 0.25
"""Seconds that the children of an ended command get to end by themselves before they count as left over."""
_STUCK = 5.0
"""Seconds of SIGKILL after which what is left over of an ended command is given up."""
_STEP = 0.02
"""Seconds between two looks while the tree is ended."""


class Tree:
    """A command and everything that descends from it; a child of this process, which is a subreaper."""

    def __init__(self, pid: int, grace: float) -> None:
        self._pid = pid
        self._grace = grace
        self._status: int | None = None
        self._cpu = 0.0
        self._memory = 0
        self._leftovers: dict[int, str] = {}
        self._survivors: dict[int, str] = {}
        self._stopped = ""  # why it was stopped before it ended
        self._name_at: float | None = None
        self._stop_at: float | None = None
        self._killing_since: float | None = None
        self.is_gone = False

    @property
    def due(self) -> float | None:
        """When there is something to do without being told."""
        if self._killing_since is not None:
            return time.monotonic() + _STEP
        looks = [at for at in (self._name_at, self._stop_at) if at is not None]
        return min(looks) if looks else None

    def reap(self) -> bool:
        """Collect the ended; True when nothing is left."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                self.is_gone = True
                return True
            if pid == 0:
                return False
            if pid == self._pid:
                self._status = status
                self._cpu = usage.ru_utime + usage.ru_stime
                self._memory = usage.ru_maxrss * 1024
                self._name_at = time.monotonic() + _STRAGGLERS

    def stop(self, why: str, grace: float | None = None) -> None:
        """Have everything end within a grace period; the shortest that was given counts."""
        if self._status is None and not self._stopped:
            self._stopped = why
        if self._stop_at is None:
            terminate(os.getpid())
        due = time.monotonic() + (self._grace if grace is None else grace)
        self._stop_at = due if self._stop_at is None else min(self._stop_at, due)

    def press(self) -> bool:
        """End what the command left over, and kill what did not end within its grace.

        Returns:
            Whether the command has ended, and what it left over cannot be.
        """
        now = time.monotonic()
        if self._name_at is not None and now >= self._name_at:
            self._name_at = None
            self._leftovers = {} if self._stopped else descendants(os.getpid())
            self.stop("")
        if self._stop_at is None or now < self._stop_at:
            return False
        kill(os.getpid())
        if self._killing_since is None:
            self._killing_since = now
        if self._status is None or now < self._killing_since + _STUCK:
            return False
        self._survivors = descendants(os.getpid())
        return True

    def end(self) -> dict[str, Any]:
        """Return how it ended, as it is recorded."""
        return {
            "status": self._status,
            "cpu": self._cpu,
            "memory": self._memory,
            "leftovers": sorted(self._leftovers.items()),
            "survivors": sorted(self._survivors.items()),
            "stopped": self._stopped,
        }
