"""What a job's command writes, on its way into the job's log. Imported by watchers, so it imports little.

A log is lines of `1385856000.123456 o text`: when it came (in seconds since 1970, UTC), on which stream (`o`
and `e`; `l` is the log's own word), and what. A line is there when it is complete, or when its stream has
ended. One longer than `LONGEST_LINE` is cut, with a mark that says how much was left out.
"""

from __future__ import annotations

import os
import re
import time

from longshore_shell.jobs.records import PROGRESS, write_file
from longshore_shell.tails import TAIL_SIZE, Tail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Redactor(Protocol):
        """What masks secrets in a stream: `longshore.StreamRedactor`, imported where there are some."""

        def feed(self, chunk: bytes) -> bytes: ...
        def flush(self) -> bytes: ...


LONGEST_LINE = 64 * 1024
_PROGRESS_TIME = 0.1
"""Seconds between two writes of the progress."""
_PROGRESS = re.compile(rb"^::progress[ \t]+([0-9.]+(?:[eE]-?[0-9]+)?)(?:[ \t][^\n]*)?\r?\n", re.MULTILINE)


class Lines:
    """Cuts one stream into whole lines, in bounded memory."""

    def __init__(self) -> None:
        self._partial = b""  # the beginning of a line whose end has not come
        self._cut = 0  # how many bytes of that line were dropped already

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes; return the lines that are complete now."""
        end = data.rfind(b"\n") + 1
        lines = data[:end]
        if end and (self._partial or self._cut):
            first = data.find(b"\n")
            self._grow(data[:first])
            lines = self.finish() + data[first + 1 : end]
        if end < len(data):
            self._grow(data[end:])
        return lines

    def finish(self) -> bytes:
        """Return the line that is under way, ended."""
        line, cut = self._partial, self._cut
        self._partial, self._cut = b"", 0
        if cut:
            line += b" [%d bytes of this line left out]" % cut
        return line + b"\n" if line else b""

    def _grow(self, data: bytes) -> None:
        turn = data.rfind(b"\r", 0, -1) + 1
        if turn or (data and self._partial.endswith(b"\r")):  # a progress bar: what comes now replaces it
            self._partial, self._cut, data = b"", 0, data[turn:]
        room = LONGEST_LINE - len(self._partial)
        self._partial += data[:room]
        self._cut += max(0, len(data) - room)


class Log:
    """The log file: the beginning up to a limit, how much was left out, and the end."""

    def __init__(self, fd: int, limit: int) -> None:
        self._fd = fd
        self._limit = limit
        self._size = 0
        self._after = Tail()  # what comes when the limit is reached

    def write(self, stream: bytes, lines: bytes) -> None:
        """Add whole lines of a stream."""
        stamp = b"%.6f %s " % (time.time(), stream)
        records = stamp + lines[:-1].replace(b"\n", b"\n" + stamp) + b"\n"
        if self._after.total or self._size + len(records) > self._limit:
            self._after.add(records)
        else:
            self._put(records)

    def finish(self) -> None:
        """Add how much was left out, and the end of it."""
        if not self._after.total:
            return
        end = self._after.data()
        if len(end) < self._after.total:
            end = end.partition(b"\n")[2]
        left_out = self._after.total - len(end)
        if left_out:
            self._put(b"%.6f l [%d bytes of the log left out]\n" % (time.time(), left_out))
        self._put(end)

    def _put(self, records: bytes) -> None:
        view = memoryview(records)
        try:
            while view:
                view = view[os.write(self._fd, view) :]
        except OSError:  # a full disk: the command goes on, and its end is told
            os.ftruncate(self._fd, self._size)
            self._after.add(records)
        else:
            self._size += len(records)


class Progress:
    """Takes the lines of progress out of standard output and keeps the last one where it is looked for."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._last = b""
        self.due: float | None = None  # when it must be written
        self._written = 0.0

    def take_out(self, lines: bytes) -> bytes:
        if b"::progress" not in lines:
            return lines
        return _PROGRESS.sub(self._seen, lines)

    def _seen(self, line: re.Match[bytes]) -> bytes:
        try:
            if not 0.0 <= float(line[1]) <= 1.0:
                return line[0]
        except ValueError:
            return line[0]
        self._last = line[0]
        if self.due is None:
            self.due = max(time.monotonic(), self._written + _PROGRESS_TIME)
        return b""

    def write(self) -> None:
        """Write the last one."""
        self.due, self._written = None, time.monotonic()
        try:  # noqa: SIM105 - contextlib takes 3 ms to import
            write_file(self._folder, PROGRESS, self._last)
        except OSError:
            pass  # the next may fit


class Stream:
    """One of the two streams of a command: masked, copied to a file, cut into lines, logged."""

    def __init__(
        self,
        name: bytes,
        log: Log,
        progress: Progress | None,
        copy: int | None,
        redactor: Redactor | None,
    ) -> None:
        self.tail = Tail(TAIL_SIZE)
        self._name = name
        self._log = log
        self._progress = progress
        self._copy = copy
        self._redactor = redactor
        self._lines = Lines()

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        if self._redactor is not None:
            data = self._redactor.feed(data)
        if data:
            self._keep(data)

    def finish(self) -> None:
        """Take the end of the stream into account."""
        if self._redactor is not None:
            self._keep(self._redactor.flush())
        self._log_lines(self._lines.finish())

    def _keep(self, data: bytes) -> None:
        self.tail.add(data)
        if self._copy is not None:
            self._write_copy(self._copy, data)
        self._log_lines(self._lines.feed(data))

    def _log_lines(self, lines: bytes) -> None:
        if lines and self._progress is not None:
            lines = self._progress.take_out(lines)
        if lines:
            self._log.write(self._name, lines)

    def _write_copy(self, fd: int, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(fd, view) :]
        except OSError as error:  # a full disk: the command goes on, and its end is told
            self._copy = None
            self._log.write(b"l", f"[the output file cannot be written: {error.strerror}]\n".encode())
