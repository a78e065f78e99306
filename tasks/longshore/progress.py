"""How far the work of an attempt is: a fraction, a message, counts with their rate and the time left."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Final

from longshore import forks
from longshore.quantities import amount, duration, speed

_WINDOW: Final = 10.0
"""Seconds over which a rate is taken: long enough to be calm, short enough to show that something stalls."""
_SHORTEST: Final = 0.4
"""Seconds between two looks from which a rate can be told."""
_MOST_LOOKS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an attempt is; `str()` of it is for people.

    Attributes:
        fraction: From 0.0 to 1.0; None when nobody knows the whole.
        message: What is being done.
        done: How much is done; None when nothing is counted.
        total: How much there is in all; None when that is not known.
        unit: `"B"` for bytes, or what is counted, in the plural: `"objects"`.
        rate: Units a second over the last ten seconds; None until that can be told.
        left: Seconds that the rest takes at this rate; None if that cannot be told.
    """

    fraction: float | None = None
    message: str = ""
    done: int | None = None
    total: int | None = None
    unit: str = ""
    rate: float | None = None
    left: float | None = None

    def __str__(self) -> str:
        """Return `312 of 1,024 MiB, 410 MB/s, 2 s left, flights.csv`."""
        parts = [self.message]
        if self.done is not None:
            parts = [amount(self.done, self.total, self.unit), self._pace(), self.message]
        return ", ".join(filter(None, parts))

    def _pace(self) -> str:
        if not self.rate:
            return ""
        shown = speed(self.rate, self.unit)
        if not self.left:
            return shown
        return f"{shown}, {f'{self.left:.0f} s' if self.left < 60 else duration(self.left)} left"


class Pace:
    """Tells how fast counts grow; any thread may count."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, int]] = deque(maxlen=_MOST_LOOKS)
        self._of: tuple[int | None, str] = None, ""
        self._lock = forks.Lock()

    def count(self, done: int, total: int | None, unit: str) -> tuple[float | None, float | None]:
        """Return the rate and the seconds left, with this look; what begins anew is measured anew."""
        now = time.monotonic()
        with self._lock:
            looks = self._looks
            if self._of != (total, unit) or (looks and done < looks[-1][1]):
                looks.clear()
                self._of = total, unit
            looks.append((now, done))
            while len(looks) > 2 and now - looks[1][0] >= _WINDOW:
                looks.popleft()
            since, before = looks[0]
        if now - since < _SHORTEST:
            return None, None
        rate = (done - before) / (now - since)
        return rate, (max(0, total - done) / rate if total is not None and rate > 0 else None)
