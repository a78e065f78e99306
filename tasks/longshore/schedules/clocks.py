"""The clock that schedules go by."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Final, Protocol

_NAP: Final = 30.0
"""Seconds of sleep at most: the wall clock may be set, and a machine may have been suspended, meanwhile."""


class Clock(Protocol):
    """Tells the time and waits; tests have one of their own."""

    def now(self) -> datetime:
        """Return the time, in UTC."""
        ...

    def wait_until(self, moment: datetime) -> None:
        """Return when the clock shows a moment, or a later one."""
        ...


class WallClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the time, in UTC."""
        return datetime.now(UTC)

    def wait_until(self, moment: datetime) -> None:
        """Return when the clock shows a moment, or a later one."""
        while (left := (moment - self.now()).total_seconds()) > 0:
            time.sleep(min(left, _NAP))


WALL_CLOCK: Final = WallClock()
