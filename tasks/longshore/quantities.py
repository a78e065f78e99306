"""Times, durations, sizes and counts as people and programs read them."""

from __future__ import annotations

import math
import re
import time
from datetime import UTC, datetime
from typing import Final

from longshore.errors import ConfigurationError

_SIZES: Final = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))
_SPEEDS: Final = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")


def clock(moment: float | None) -> str:
    """Return a time, in seconds since 1970, as people here read it; a dash for none."""
    return "-" if moment is None else f"{datetime.fromtimestamp(moment):%Y-%m-%d %H:%M:%S}"


def iso(moment: float | None) -> str | None:
    """Return a time, in seconds since 1970, in ISO form and UTC."""
    return None if moment is None else datetime.fromtimestamp(moment, UTC).isoformat()


def duration(seconds: float | None) -> str:
    """Return a duration: `0.42 s`, `3 min 07 s`, `2 h 05 min`; a dash for none."""
    if seconds is None:
        return "-"
    if seconds < 59.995:
        return f"{max(seconds, 0):.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def size(count: int) -> str:
    """Return a number of bytes: `17 bytes`, `3.4 MiB`."""
    for unit, factor in _SIZES:
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return many(count, "byte")


def amount(done: int, total: int | None = None, unit: str = "B") -> str:
    """Return how much of a whole there is: `312 of 1,024 MiB`, `1,200 of 2,000 objects`, `1.2 GiB`.

    Args:
        done: How much there is.
        total: The whole, if it is known; both are shown in the unit that suits it.
        unit: `B` for bytes, or what is counted.
    """
    known = (done,) if total is None else (done, total)
    if unit != "B":
        return f"{' of '.join(f'{count:,}' for count in known)} {unit}".rstrip()
    # GiB only for what has two digits in it: 312 of 1,024 MiB says more than 0.3 of 1.0 GiB.
    name, factor = next(
        ((n, f) for n, f in _SIZES if known[-1] >= (10 * f if n == "GiB" else f)), ("bytes", 1)
    )
    digits = 1 if factor > 1 and known[-1] < 10 * factor else 0
    return f"{' of '.join(f'{count / factor:,.{digits}f}' for count in known)} {name}"


def speed(rate: float, unit: str = "B") -> str:
    """Return how much there is in a second: `410 MB/s`, `1,250 objects/s`."""
    name, factor = f" {unit}" if unit else "", 1.0
    if unit == "B":
        name, factor = next(((f" {n}", f) for n, f in _SPEEDS if rate >= f), (" B", 1.0))
    value = rate / factor
    return f"{value:,.{0 if value >= 10 or name == ' B' else 1}f}{name}/s"


def many(count: int, noun: str, plural: str = "") -> str:
    """Return a count and its noun: `1 run`, `2,000 runs`."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def read_duration(text: str) -> float:
    """Read seconds from what people type: `30d`, `12h`, `2w`, `90m`, `45s`, `1d 12h`.

    Raises:
        ConfigurationError: It is none.
    """
    parts = _DURATION.findall(text)
    if not parts or _DURATION.sub("", text).strip():
        raise ConfigurationError(f"cannot read a duration from {text!r}; write 30d, 12h, 2w, 90m or 45s")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def parse_retry_after(text: str | None, *, now: float | None = None) -> float | None:
    """Return how many seconds a `Retry-After` header asks to wait; None where it says nothing of use.

    Args:
        text: Seconds, or a date, as RFC 9110 has it. What is negative, endless or unreadable is of no use.
        now: When it was written, in seconds since 1970, as the answer's own `Date` tells, so that a clock
            that is wrong does not matter; by default the time that it is here. A date before it is 0.0.

    Example:
        >>> parse_retry_after("120")
        120.0
    """
    given = (text or "").strip()
    try:
        seconds = float(given)
    except ValueError:
        moment = _http_date(given)
        return None if moment is None else max(0.0, moment - (time.time() if now is None else now))
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _http_date(text: str) -> float | None:
    """Return the time that a header's date means, in seconds since 1970; None if it cannot be read."""
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(text)
        # `-0000` says that the zone is not known; HTTP's dates are in UTC.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
