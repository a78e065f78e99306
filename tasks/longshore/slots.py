"""The slots of a run's concurrency limits: who holds one, who waits for one."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from longshore.frontier import Unit


class Slots:
    """Counts the units that run under each limit; those that find no slot wait, and come back in order.

    Args:
        counts: Slots by limit.
    """

    def __init__(self, counts: dict[str, int]) -> None:
        self._free = dict(counts)
        self._held: dict[Unit, tuple[str, ...]] = {}
        self._waiting: dict[str, list[Unit]] = {name: [] for name in counts}

    def take(self, unit: Unit, names: tuple[str, ...], ready: list[Unit]) -> bool:
        """Take a slot of each limit, or none and wait; return whether they were taken.

        A unit that waits for one limit lets the next one go ahead for the others.
        """
        full = next((name for name in names if not self._free[name]), None)
        if full is not None:
            heapq.heappush(self._waiting[full], unit)
            for name in names:
                self._wake(name, ready)
            return False
        if names:
            for name in names:
                self._free[name] -= 1
            self._held[unit] = names
        return True

    def give(self, unit: Unit, ready: list[Unit]) -> None:
        """Give back what a unit holds, and make those ready that may go now."""
        for name in self._held.pop(unit, ()):
            self._free[name] += 1
            self._wake(name, ready)

    def _wake(self, name: str, ready: list[Unit]) -> None:
        if self._free[name] and self._waiting[name]:
            heapq.heappush(ready, heapq.heappop(self._waiting[name]))
