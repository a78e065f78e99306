"""The log of a job, read from outside."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from longshore import LogLine

if TYPE_CHECKING:
    from collections.abc import Iterator

_STREAMS: Final = {b"o": "stdout", b"e": "stderr", b"l": "log"}
_OVERWRITTEN: Final = re.compile(r"[^\n]*\r(?!\n)")
_TAIL_SIZE: Final = 64 * 1024
_TAIL_LINES: Final = 20


def read_log(path: str, since: str | None) -> Iterator[LogLine]:
    """Yield the lines of a log behind a cursor, which is a place in the file."""
    at = int(since or 0)
    try:
        file = Path(path).open("rb")  # noqa: SIM115 - closed below; a generator may wait long between two lines
    except FileNotFoundError:
        return
    with file:
        file.seek(at)
        for record in file:
            if not record.endswith(b"\n"):
                return  # it is being written
            at += len(record)
            yield _line(record[:-1], str(at))


def last_lines(path: str) -> tuple[str, ...]:
    """Return the texts of the last lines."""
    try:
        size = os.path.getsize(path)  # noqa: PTH202
    except FileNotFoundError:
        return ()
    lines = [line.text for line in read_log(path, str(max(0, size - _TAIL_SIZE)))]
    return tuple(lines[1 if size > _TAIL_SIZE else 0 :][-_TAIL_LINES:])


def _line(record: bytes, cursor: str) -> LogLine:
    stamp, _, rest = record.partition(b" ")
    stream, _, text = rest.partition(b" ")
    try:
        time = datetime.fromtimestamp(float(stamp), UTC)
    except ValueError:  # not a whole record
        return LogLine(text=_shown(record), cursor=cursor)
    return LogLine(text=_shown(text), cursor=cursor, time=time, stream=_STREAMS.get(stream, "log"))


def _shown(data: bytes) -> str:
    """Return a line as a terminal would show it."""
    text = data.decode("utf-8", "backslashreplace")
    return _OVERWRITTEN.sub("", text.rstrip("\r")).replace("\r", "") if "\r" in text else text
