"""`Dates`: at given times."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from longshore.errors import ConfigurationError
from longshore.schedules.interface import Schedule
from longshore.schedules.zones import in_utc

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


@dataclass(frozen=True)
class Dates(Schedule):
    """At given times, each once.

    Args:
        dates: The times, in any order; those without a zone of their own are wall times in `timezone`.

    Example:
        >>> Dates([datetime(2026, 12, 24, 18)], timezone="Europe/Berlin").next_after(
        ...     datetime(2026, 1, 1, tzinfo=UTC)
        ... )
        datetime.datetime(2026, 12, 24, 17, 0, tzinfo=datetime.timezone.utc)
    """

    dates: Sequence[datetime]

    def __post_init__(self) -> None:
        object.__setattr__(self, "dates", tuple(self.dates))
        if not self.sorted_dates:
            raise ConfigurationError("Dates([]) has no time; give at least one datetime")
        super().__post_init__()

    @cached_property
    def sorted_dates(self) -> list[datetime]:
        """The times in UTC, each once, in order."""
        return sorted({in_utc("Dates([...])", moment, self.zone) for moment in self.dates})

    def __str__(self) -> str:
        count = len(self.sorted_dates)
        return f"{count} dates" if count > 1 else "1 date"

    def _following(self, moment: datetime) -> datetime | None:
        place = bisect_right(self.sorted_dates, moment)
        return self.sorted_dates[place] if place < len(self.sorted_dates) else None
