"""What a command writes, as log records.

The rule: lines are joined into one record while they come within `BATCH_TIME` of each other, up to
`BATCH_SIZE`; a longer line has a record of its own, cut at `LONGEST_LINE` with a mark that says how much was
left out. In each second at most `log_rate` bytes are logged; one record says how many more there were.
Nothing of this touches the output file or a result. A progress bar's `\\r` ends a line; of the updates in one
batch the last is logged.
"""

from __future__ import annotations

import re
from typing import Final

from longshore import current, parse_progress

BATCH_TIME: Final = 0.1
BATCH_SIZE: Final = 16 * 1024
LONGEST_LINE: Final = 64 * 1024
_PROGRESS: Final = b"::progress "
_OVERWRITTEN: Final = re.compile(r"[^\n]*\r(?!\n)")


class Rate:
    """How much may still be logged in this second, by both streams of a command."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._window = 0.0
        self._used = 0
        self.left_out = 0

    def take(self, size: int, now: float) -> bool:
        if self._limit is None:
            return True
        if now - self._window >= 1.0:
            self._window, self._used = now, 0
        if self._used + size > self._limit:
            self.left_out += size
            return False
        self._used += size
        return True


class LineLog:
    """Turns one stream into log records."""

    def __init__(self, name: str, level: int | None, rate: Rate) -> None:
        self._name = name
        self._level = level
        self._rate = rate
        self._partial = b""  # the beginning of a line whose end has not come
        self._cut = 0  # how many bytes of that line were dropped already
        self._turned = False  # the last that was logged ended with a carriage return
        self._batch: list[bytes] = []
        self._size = 0
        self.due: float | None = None  # when the batch must go

    def feed(self, data: bytes, now: float) -> None:
        """Take the next bytes of the stream."""
        if self._turned and data[:1] == b"\n":
            data = data[1:]  # the rest of a line end whose first half has been logged
        self._turned = False
        end = max(data.rfind(b"\n"), data.rfind(b"\r", 0, -1)) + 1
        begin = self._end_partial(data, now) if end and (self._partial or self._cut) else 0
        if end > begin:
            self._add(data[begin:end], now)
        if end < len(data):
            self._grow(data[end:], now)

    def _end_partial(self, data: bytes, now: float) -> int:
        """Finish the line that was under way; return where the next begins."""
        newline, turn = data.find(b"\n"), data.find(b"\r", 0, -1)
        end = (min(newline, turn) if newline >= 0 and turn >= 0 else max(newline, turn)) + 1
        self._grow(data[: end - 1], now)
        self._add_partial(now, data[end - 1 : end])
        return end

    def _grow(self, data: bytes, now: float) -> None:
        room = LONGEST_LINE - len(self._partial)
        self._partial += data[:room]
        self._cut += max(0, len(data) - room)
        if self._partial.endswith(b"\r") and self.due is None:
            self.due = now + BATCH_TIME  # perhaps half of a line end, perhaps a progress bar's

    def _add_partial(self, now: float, end: bytes = b"") -> None:
        """Log a line that came in parts, cut if it is long."""
        line, cut = self._partial, self._cut
        self._partial, self._cut = b"", 0
        if len(line) <= BATCH_SIZE:
            self._add(line + end, now)
        elif self._rate.take(len(line), now):
            self.flush()
            self._log(line + _mark(cut) if cut else line)
        else:
            self._rate.left_out += cut

    def _add(self, lines: bytes, now: float) -> None:
        """Take whole lines: into the batch, or counted when the rate is used up."""
        if self._name == "stdout" and b":" in lines and _PROGRESS in lines:
            lines = _without_progress(lines)
        if not lines:
            return
        if len(lines) > BATCH_SIZE:
            self._add_in_parts(lines, now)
            return
        if not self._rate.take(len(lines), now):
            return
        if self._size + len(lines) > BATCH_SIZE:
            self.flush()
        self._batch.append(lines)
        self._size += len(lines)
        if self.due is None:
            self.due = now + BATCH_TIME

    def _add_in_parts(self, lines: bytes, now: float) -> None:
        begin = 0
        while begin < len(lines):
            end = lines.rfind(b"\n", begin, begin + BATCH_SIZE) + 1
            if end <= begin:
                end = lines.find(b"\n", begin) + 1 or len(lines)
            shown = min(end - begin, LONGEST_LINE)
            if not self._rate.take(shown, now):
                self._rate.left_out += len(lines) - begin - shown
                return
            self.flush()
            self._log(_cut(lines[begin:end]))
            begin = end

    def pass_on(self, now: float) -> None:
        """Log what has waited long enough."""
        if self._partial.endswith(b"\r"):
            self._turned = True
            self._add_partial(now)
        self.flush()

    def flush(self) -> None:
        """Log what is in the batch."""
        if self._batch:
            lines = b"".join(self._batch)
            self._batch.clear()
            self._size = 0
            self._log(lines)
        self.due = None

    def finish(self, now: float) -> None:
        """Log the rest, with a last line that has no newline."""
        if self._partial or self._cut:
            self._add_partial(now)
        self.flush()

    def _log(self, lines: bytes) -> None:
        if self._level is None or not current.log.isEnabledFor(self._level):
            return
        text = lines.decode("utf-8", "backslashreplace")
        if "\r" in text:
            text = _OVERWRITTEN.sub("", text.rstrip("\r\n")).replace("\r", "")
        text = text.rstrip("\n")
        separator = "\n" if "\n" in text else " "
        current.log.log(self._level, "%s:%s%s", self._name, separator, text, extra={"stream": self._name})


def _cut(lines: bytes) -> bytes:
    if len(lines) <= LONGEST_LINE:
        return lines
    return lines[:LONGEST_LINE] + _mark(len(lines.rstrip(b"\n")) - LONGEST_LINE)


def _mark(size: int) -> bytes:
    return b" [%d bytes of this line left out]\n" % size


def _without_progress(lines: bytes) -> bytes:
    """Take out the lines of the progress protocol and pass them on."""
    kept: list[bytes] = []
    for line in lines.splitlines(keepends=True) if b"\r" not in lines else lines.split(b"\n"):
        progress = None
        if line.startswith(_PROGRESS):
            progress = parse_progress(line.decode("utf-8", "backslashreplace").rstrip("\r\n"))
        if progress is None:
            kept.append(line)
        else:
            current.progress(*progress)
    return (b"" if b"\r" not in lines else b"\n").join(kept)
