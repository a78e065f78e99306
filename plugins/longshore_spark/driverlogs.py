"""What a driver in a standalone cluster writes, from the pages of the worker that runs it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from longshore import LogLine
from longshore_spark.errors import SparkUnreachableError
from longshore_spark.masters import fetched

if TYPE_CHECKING:
    from collections.abc import Iterator

STREAMS: Final = ("stdout", "stderr")
OUTPUTS: Final = "out"
"""The one more file of a driver's folder that a worker shows, which is where its outputs go."""
_CHUNK: Final = 256 << 10
_LARGEST_OUTPUTS: Final = 1 << 20
"""Bytes that `parse_outputs` takes."""
_END: Final = 512 << 10
"""Bytes at the end of a log that are looked at for the reason of a failure."""
_BEHIND: Final = 1 << 62
"""An offset behind the end of any file."""
_BEGIN: Final = re.compile(rb"==== Bytes (\d+)-(\d+) of (\d+) of [^\n]*====\n")
_NO_CHARACTER: Final = "\ufffd".encode()
_LAUNCHED: Final = b"\n" + b"=" * 40 + b"\n\n"
"""What stands between the command that a worker has started and what that prints."""


class DriverFiles:
    """The files of a driver.

    Args:
        url: The worker's page.
        driver: The driver's id.
        timeout: Seconds that an answer may take.
    """

    def __init__(self, url: str, driver: str, timeout: float) -> None:
        self._url = url
        self._driver = driver
        self._timeout = timeout

    def read(self, name: str, offset: int = 0) -> tuple[bytes, int, int]:
        """Return bytes of a file, where they end in it, and how long it is by now.

        The worker sends text: a character that its end cuts through is left for the next time, and bytes that
        are no UTF-8 come as other ones.

        Raises:
            SparkUnreachableError: The worker does not answer, or shows something else.
        """
        asked = {"driverId": self._driver, "logType": name, "offset": offset, "byteLength": _CHUNK}
        url = f"{self._url}/log/?{urlencode(asked)}"
        status, content = fetched(url, self._timeout)
        begin = _BEGIN.match(content)
        if status != 200 or begin is None:
            raise SparkUnreachableError(f"cannot read {name} of {self._driver} at {self._url}: HTTP {status}")
        end, length = int(begin[2]), int(begin[3])
        if int(begin[1]) != offset or end == offset:
            return b"", offset, length
        text = content[begin.end() :]
        whole = text.removesuffix(_NO_CHARACTER)
        if end < length and len(whole) < len(text) and 0 < end - offset - len(whole) < 4:
            return whole, offset + len(whole), length
        return text, end, length

    def launched(self) -> bytes:
        """Return the command that the worker has started it by; empty before that."""
        command, mark, _ = self.read("stderr")[0].partition(_LAUNCHED)
        return command if mark else b""

    def outputs(self) -> bytes:
        """Return what it handed back so far; of too much, a little more than may be."""
        found, offset = b"", 0
        while True:
            chunk, offset, length = self.read(OUTPUTS, offset)
            found += chunk
            if not chunk or offset >= length or len(found) > _LARGEST_OUTPUTS:
                return found

    def lines(self, since: str | None, *, ended: bool) -> Iterator[LogLine]:
        """Yield the lines behind a cursor: those of the one stream, then those of the other.

        Args:
            since: The cursor of the last line that was read.
            ended: Whether it has ended: a last line without an end is whole then.
        """
        places = _places(since)
        for name in STREAMS:
            if name == "stderr" and not places[name]:
                places[name] = self._begin()
            rest = b""
            while True:
                begin = places[name] + len(rest)
                chunk, end, length = self.read(name, begin)
                places[name] += end - begin - len(chunk)  # where bytes were no UTF-8
                *whole, rest = (rest + chunk).split(b"\n")
                for line in whole:
                    places[name] += len(line) + 1
                    yield _line(line, places, name)
                if not chunk or end >= length:
                    break
            if rest and ended:
                places[name] += len(rest)
                yield _line(rest, places, name)

    def last_lines(self) -> Iterator[LogLine]:
        """Yield the lines at the end of a log whose driver has ended; the first one may be cut."""
        ends = (self.read(name, _BEHIND)[2] for name in STREAMS)
        return self.lines(":".join(str(max(0, end - _END)) for end in ends), ended=True)

    def _begin(self) -> int:
        """Return where its own log begins, behind its worker's note of the command and its properties."""
        command, mark, _ = self.read("stderr")[0].partition(_LAUNCHED)
        return len(command) + len(mark) if mark else 0


def _places(cursor: str | None) -> dict[str, int]:
    numbers = cursor.split(":") if cursor else ["0", "0"]
    return dict(zip(STREAMS, map(int, numbers), strict=True))


def _line(line: bytes, places: dict[str, int], name: str) -> LogLine:
    cursor = ":".join(str(places[stream]) for stream in STREAMS)
    return LogLine(text=line.decode("utf-8", "replace").rstrip("\r"), cursor=cursor, stream=name)
