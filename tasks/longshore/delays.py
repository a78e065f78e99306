"""How long to wait before the next attempt."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from longshore.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class Exponential:
    """A delay that doubles, with full jitter.

    After attempt `n` the wait is uniform between 0 and `min(cap, base * 2 ** (n - 1))`, so that tasks which
    failed together do not come back together.

    Args:
        base: Seconds at most after the first attempt.
        cap: Seconds at most after any attempt.
    """

    base: float = 1.0
    cap: float = 60.0

    def __post_init__(self) -> None:
        if not (0 < self.base < float("inf") and 0 < self.cap < float("inf")):
            raise ConfigurationError(f"{self!r} has a delay that is not positive; give seconds above 0")

    def __call__(self, attempt: int) -> float:
        ceiling = self.cap if attempt > 1000 else min(self.cap, self.base * 2.0 ** (attempt - 1))
        return random.uniform(0, ceiling)  # noqa: S311 - spreads load, hides nothing


Delay: TypeAlias = float | Exponential | Callable[[int], float]
"""Seconds, or a callable that takes the number of the failed attempt, from 1, and returns seconds."""


def delay_after(delay: Delay, attempt: int) -> float:
    """Return the seconds to wait after an attempt has failed.

    Raises:
        ConfigurationError: A callable did not return seconds.
    """
    seconds: Any = delay(attempt) if callable(delay) else delay
    if not isinstance(seconds, int | float) or not seconds < float("inf"):
        raise ConfigurationError(
            f"cannot wait after attempt {attempt}: retry_delay {delay!r} gave {seconds!r}; give seconds"
        )
    return max(0.0, float(seconds))
