"""The log of a container, as lines: both streams apart, each line once, with a place to go on from.

The engine hands out a log in pieces of at most 16 KiB, each with the time at which it was written, to the
nanosecond. A line ends with the piece that ends with a newline. Within a stream the times never go down, but
the engine reads the two streams side by side, so between them they may, by a little.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from longshore import LogLine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST_LINE: Final = 1024 * 1024
"""Bytes of a line that are kept."""
_PIECE: Final = 16 * 1024
_APART: Final = 5_000_000_000
"""Nanoseconds by which a piece may come later than a younger one of the other stream."""
_STAMP: Final = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ")
_LONGEST_STAMP: Final = 40
_UP_TO_NEWLINE: Final = re.compile(rb"[^\n]*\n|[^\n]+")
_HEADER: Final = 8
_STDERR: Final = 2


@dataclass(slots=True)
class _Place:
    """How far a stream was read: the time of the last line's last piece, and how many lines end then."""

    stamp: int = 0
    count: int = 0


@dataclass(slots=True)
class _Open:
    """A line whose end has not come, with the times of its first and its last piece."""

    first: int
    last: int
    text: bytearray = field(default_factory=bytearray)
    left_out: int = 0

    def add(self, stamp: int, data: bytes) -> None:
        self.last = stamp or self.last
        room = LONGEST_LINE - len(self.text)
        self.text += data[:room]
        self.left_out += max(0, len(data) - room)

    def shown(self) -> str:
        text = bytes(self.text).removesuffix(b"\r").decode("utf-8", "backslashreplace")
        return text + (f" [{self.left_out} bytes of this line left out]" if self.left_out else "")


class LogReader:
    """Turns what the engine sends into lines, those behind a cursor.

    Args:
        cursor: That of the last line that is known; None for all lines.
        tty: Whether the container has a terminal, whose log is one stream without frames.
    """

    def __init__(self, cursor: str | None, *, tty: bool) -> None:
        self._tty = tty
        self._since, self._known = _parse(cursor)
        self._open: dict[str, _Open] = {}

    @property
    def since(self) -> str:
        """What the engine is asked for: seconds, to the nanosecond."""
        return f"{self._since // 10**9}.{self._since % 10**9:09d}"

    @property
    def waits(self) -> bool:
        """Whether a line was begun and not ended."""
        return bool(self._open)

    def read(self, chunks: Iterable[bytes], *, ended: bool) -> Iterator[LogLine]:
        """Yield the lines of what the engine sends for `since`.

        Args:
            chunks: Its bytes, as they come.
            ended: Whether nothing more can come, so that a line without an end is one.
        """
        self._open.clear()
        seen = {name: _Place() for name in self._known}
        for name, stamp, data in _terminal(chunks) if self._tty else _frames(chunks):
            stamp = stamp or seen[name].stamp  # a piece without a time is as old as the line before it
            line = self._open.setdefault(name, _Open(stamp, stamp))
            line.add(stamp, data.removesuffix(b"\n"))
            if data.endswith(b"\n"):
                yield from self._close(name, seen[name])
        for name in list(self._open) if ended else ():
            yield from self._close(name, seen[name])

    def _close(self, name: str, seen: _Place) -> Iterator[LogLine]:
        line, known = self._open.pop(name), self._known[name]
        seen.count = seen.count + 1 if seen.stamp == line.last else 1
        seen.stamp = line.last
        if (seen.stamp, seen.count) > (known.stamp, known.count):
            known.stamp, known.count = seen.stamp, seen.count
            yield LogLine(text=line.shown(), cursor=self._cursor(), time=_time(line.first), stream=name)

    def _cursor(self) -> str:
        """Return where to read on: before all pieces of lines that are not ended, or may still come."""
        newest = max(place.stamp for place in self._known.values())
        floor = min(
            self._open[name].first if name in self._open else max(place.stamp, newest - _APART)
            for name, place in self._known.items()
        )
        self._since = max(self._since, floor)
        return "/".join([str(self._since), *(f"{p.stamp}.{p.count}" for p in self._known.values())])


def _parse(cursor: str | None) -> tuple[int, dict[str, _Place]]:
    since, out, err = (cursor or "0/0.0/0.0").split("/")
    places = (_Place(*(int(number) for number in place.split("."))) for place in (out, err))
    return int(since), dict(zip(("stdout", "stderr"), places, strict=True))


def _time(stamp: int) -> datetime | None:
    return datetime.fromtimestamp(stamp / 10**9, UTC) if stamp else None


def _frames(chunks: Iterable[bytes]) -> Iterator[tuple[str, int, bytes]]:
    """Yield stream, time and text of each piece, from frames (Engine API, "ContainerAttach")."""
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        begin = 0
        while len(buffer) - begin >= _HEADER:
            end = begin + _HEADER + int.from_bytes(buffer[begin + 4 : begin + _HEADER], "big")
            if len(buffer) < end:
                break
            name = "stderr" if buffer[begin] == _STDERR else "stdout"
            for piece in _UP_TO_NEWLINE.findall(buffer, begin + _HEADER, end):
                yield name, *_stamped(piece)
            begin = end
        del buffer[:begin]


def _terminal(chunks: Iterable[bytes]) -> Iterator[tuple[str, int, bytes]]:
    """Yield the pieces of a terminal's log, which has no frames."""
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        while end := _end_of_piece(buffer):
            yield "stdout", *_stamped(bytes(buffer[:end]))
            del buffer[:end]
    if buffer:
        yield "stdout", *_stamped(bytes(buffer))


def _end_of_piece(buffer: bytearray) -> int:
    """Return where the first piece ends: behind a newline, or after 16 KiB. 0 while that has not come."""
    found = _STAMP.match(buffer)
    begin = found.end() if found else 0
    newline = buffer.find(b"\n", begin, begin + _PIECE + 1)
    if newline >= 0:
        return newline + 1
    return begin + _PIECE if len(buffer) >= begin + _PIECE + _LONGEST_STAMP else 0


def _stamped(piece: bytes) -> tuple[int, bytes]:
    """Split a piece into its time, in nanoseconds since 1970, and its text."""
    found = _STAMP.match(piece)
    if found is None:
        return 0, piece
    zone = found[3].decode().replace("Z", "+00:00")
    seconds = int(datetime.fromisoformat(found[1].decode() + zone).timestamp())
    return seconds * 10**9 + int((found[2] or b"0").ljust(9, b"0")), piece[found.end() :]
