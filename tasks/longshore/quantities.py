"""Times, durations, sizes and counts as people and programs read them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from longshore.errors import ConfigurationError

_SIZES: Final = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")


def clock(time: float | None) -> str:
    """Return a time, in seconds since 1970, as people here read it; a dash for none."""
    return "-" if time is None else f"{datetime.fromtimestamp(time):%Y-%m-%d %H:%M:%S}"


def iso(time: float | None) -> str | None:
    """Return a time, in seconds since 1970, in ISO form and UTC."""
    return None if time is None else datetime.fromtimestamp(time, UTC).isoformat()


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
