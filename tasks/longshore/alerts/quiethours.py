"""Hours in which only what is critical is told: `22:00-07:00 Europe/Berlin`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from longshore.errors import ConfigurationError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_FORM: Final = re.compile(r"(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d)(?:\s+(\S+))?")


def quiet_until(hours: str, now: float) -> float | None:
    """Return when the quiet hours end, None when it is none of them.

    Args:
        hours: `HH:MM-HH:MM` with a time zone's name behind it, UTC by default; empty for none.
        now: Seconds since 1970; so is what is returned.

    Raises:
        ConfigurationError: The text cannot be read.
    """
    if not hours:
        return None
    begin, end, zone = read_quiet_hours(hours)
    here = datetime.fromtimestamp(now, UTC).astimezone(zone)
    inside = begin <= here.time() < end if begin <= end else not end <= here.time() < begin
    if not inside:
        return None
    day = here.date() if here.time() < end else here.date() + timedelta(days=1)
    return datetime.combine(day, end, zone).timestamp()


def read_quiet_hours(hours: str) -> tuple[time, time, ZoneInfo]:
    """Return when they begin and end, and in which zone.

    Raises:
        ConfigurationError: The text cannot be read.
    """
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # 20 ms that importing `Alert` need not take

    found = _FORM.fullmatch(hours.strip())
    try:
        if found is None:
            raise ValueError
        first, second, third, fourth = (int(part) for part in found.groups()[:4])
        begin, end = time(first, second), time(third, fourth)
        if begin == end:
            raise ValueError
        return begin, end, ZoneInfo(found[5] or "UTC")
    except (ValueError, ZoneInfoNotFoundError) as error:
        raise ConfigurationError(
            f"cannot read quiet hours {hours!r}; write them as '22:00-07:00 Europe/Berlin'"
        ) from error
