"""What a command writes: kept in part, masked, written to a file, logged; in bounded memory."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final, Protocol

from longshore import OutputsError, StreamRedactor, has_secrets
from longshore_shell.tails import Tail

if TYPE_CHECKING:
    from longshore_shell.linelogs import LineLog


def last_line(text: str) -> str:
    """Return the last line with something in it, as a terminal would show it."""
    for line in reversed(text.rstrip().split("\n")):
        shown = [part for part in line.split("\r") if part.strip()]
        if shown:
            return shown[-1]
    return ""


class Stream:
    """One of the two streams of a command: kept, masked, written, logged."""

    def __init__(self, log: LineLog, file: OutputFile | None = None, capture: Capture | None = None) -> None:
        self.tail = Tail()
        self.log = log
        self._file = file
        self._capture = capture
        self._redactor: StreamRedactor | None = None

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        if self._capture is not None:
            self._capture.add(data)
        if self._redactor is None and has_secrets():
            self._redactor = StreamRedactor()
        if self._redactor is not None:
            data = self._redactor.feed(data)
        self._keep(data)

    def finish(self) -> None:
        """Take the end of the stream into account."""
        if self._redactor is not None:
            self._keep(self._redactor.flush())
        self.log.finish(time.monotonic())

    def _keep(self, data: bytes) -> None:
        if data:
            self.tail.add(data)
            if self._file is not None:
                self._file.write(data)
            self.log.feed(data, time.monotonic())


class OutputFile:
    """The file that gets everything that a command writes, secrets masked."""

    def __init__(self, fd: int, path: str) -> None:
        self._fd = fd
        self._path = path

    def write(self, data: bytes) -> None:
        try:
            written = os.write(self._fd, data)
            while written < len(data):
                written += os.write(self._fd, data[written:])
        except OSError as error:
            raise OSError(
                error.errno, f"cannot write the output file: {error.strerror}", self._path
            ) from error

    def close(self) -> None:
        os.close(self._fd)


class Capture(Protocol):
    """What keeps a stream's bytes as they are, for a result."""

    def add(self, data: bytes) -> None:
        """Take the next bytes."""

    def data(self) -> bytes:
        """Return what was kept."""
        ...


class Whole:
    """Keeps all of a stream, up to a limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = bytearray()

    def add(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            OutputsError: They are more than the limit.
        """
        if len(self._kept) + len(data) > self._limit:
            raise OutputsError(
                f"cannot keep the output: it is more than {self._limit} bytes; raise max_output, "
                "or write to a file"
            )
        self._kept += data

    def data(self) -> bytes:
        """Return the whole."""
        return bytes(self._kept)


class Ending:
    """Keeps the end of a stream, of any length, for its last line."""

    SIZE: Final = 1024 * 1024

    def __init__(self) -> None:
        self._tail = Tail(self.SIZE)

    def add(self, data: bytes) -> None:
        """Take the next bytes."""
        self._tail.add(data)

    def data(self) -> bytes:
        """Return whole lines from the end.

        Raises:
            OutputsError: The last line alone is longer than what is kept.
        """
        data = self._tail.data()
        if self._tail.total == len(data):
            return data
        lines = data.partition(b"\n")[2]
        if not lines.strip():
            raise OutputsError(
                f"cannot keep the last line: it is longer than {self.SIZE} bytes; write it to a file"
            )
        return lines
