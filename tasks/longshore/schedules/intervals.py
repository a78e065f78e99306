"""`Interval`: every so often."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from longshore.errors import ConfigurationError
from longshore.schedules.interface import INSTANT, Schedule


@dataclass(frozen=True)
class Interval(Schedule):
    """Every so often, measured by a clock that nobody turns: an interval of a day is always 24 hours.

    Where the clocks are turned, such an interval comes an hour earlier or later by the wall from then on. For
    the same time on the wall every day, write `Cron("30 2 * * *", timezone="Europe/Berlin")`.

    Args:
        every: Seconds between one time and the next, or a timedelta. Counted from `start`; without one from
            midnight in `timezone` on 1 January 2000, so that `Interval(3600)` means each full hour, whenever
            the program was started.

    Example:
        >>> Interval(900).next_after(datetime(2026, 3, 29, 0, 50, tzinfo=UTC)).isoformat()
        '2026-03-29T01:00:00+00:00'
    """

    every: float | timedelta

    def __post_init__(self) -> None:
        try:
            usable = self.step >= INSTANT
        except (TypeError, ValueError, OverflowError):  # no number, none that is finite, or one too large
            usable = False
        if not usable:
            raise ConfigurationError(f"Interval({self.every!r}): give seconds above 0, or a timedelta")
        super().__post_init__()

    @cached_property
    def step(self) -> timedelta:
        """The time between one time and the next."""
        return self.every if isinstance(self.every, timedelta) else timedelta(seconds=self.every)

    @cached_property
    def origin(self) -> datetime:
        """The time from which the others are counted, in UTC."""
        return self.bounds[0] or datetime(2000, 1, 1, tzinfo=self.zone).astimezone(UTC)

    def __str__(self) -> str:
        return f"every {self.step.total_seconds():g} s"

    def _following(self, moment: datetime) -> datetime | None:
        return self.origin + ((moment - self.origin) // self.step + 1) * self.step
