"""The slots of a run's concurrency limits: who holds one, who waits for one."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore.frontier import Unit
    from longshore.journals import Journal
    from longshore.ready import Ready

_ASK_AGAIN: Final = 0.2
"""Seconds until a unit asks again for a slot that another run has."""


class Slots:
    """Counts the units that run under each limit; those that find no slot wait, and come back in order.

    Attributes:
        shared: Where all the runs of a store count together, if the run is recorded.

    Args:
        counts: Slots by limit.
        later: Has a unit come back after so many seconds.
    """

    def __init__(self, counts: dict[str, int], later: Callable[[Unit, float], None]) -> None:
        self.shared: Journal | None = None
        self._counts = counts
        self._later = later
        self._free = dict(counts)
        self._held: dict[Unit, tuple[str, ...]] = {}
        self._waiting: dict[str, list[Unit]] = {name: [] for name in counts}

    def take(self, unit: Unit, names: tuple[str, ...], ready: Ready) -> bool:
        """Take a slot of each limit, or none and wait; return whether they were taken.

        A unit that waits for one limit lets the next one go ahead for the others. One that waits for another
        run of the same store keeps what it has here, so that no more than `count` units ask again and again.
        """
        if unit not in self._held and not self._take_here(unit, names, ready):
            return False
        if self.shared is None or not names:
            return True
        for name in names:
            if not self.shared.take_slot(name, self._counts[name], _holder(unit)):
                self._later(unit, _ASK_AGAIN)
                return False
        return True

    def _take_here(self, unit: Unit, names: tuple[str, ...], ready: Ready) -> bool:
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

    def give(self, unit: Unit, ready: Ready) -> None:
        """Give back what a unit holds, and make those ready that may go now."""
        names = self._held.pop(unit, ())
        for name in names:
            self._free[name] += 1
            self._wake(name, ready)
        if names and self.shared is not None:
            self.shared.give_slots(_holder(unit))

    def _wake(self, name: str, ready: Ready) -> None:
        if self._free[name] and self._waiting[name]:
            ready.push(heapq.heappop(self._waiting[name]))


def _holder(unit: Unit) -> str:
    return f"{unit[0]}/{unit[1]}"
