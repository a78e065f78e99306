"""The hidden file beside a target in which it grows, until it is whole and takes the target's place.

Its name is made from the target's, so a killed transfer leaves two files at most, and the next one to that
target takes them up: the record beside it says which version the parts belong to, and the checksum of each.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from longshore.heldfiles import NO_LINK, boot_id, flush_folder, hold, is_at, mode_for
from longshore_storage import checksums
from longshore_storage.errors import ObjectExistsError, SourceError, TargetError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

SUFFIX: Final = ".longshore-part"
_RECORD: Final = ".json"
_LONGEST_NAME: Final = 255
_PIECE: Final = 1 << 20


class Partial:
    """The growing file, open and locked. A source too: what was written can be read again."""

    def __init__(self, path: Path, descriptor: int, target: Path) -> None:
        self.path = path
        self.name = str(target)
        self.identity = ""
        self._target = target
        # A thread that hangs in a dead connection may outlive the transfer: the last one closes it.
        self._file = os.fdopen(descriptor, "r+b", buffering=0)
        self._record = path.with_name(path.name + _RECORD)
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """The bytes that are there."""
        return os.fstat(self._file.fileno()).st_size

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._file.fileno()

    def write_at(self, offset: int, data: memoryview) -> None:
        """Write all of the data at an offset."""
        while data:
            count = os.pwrite(self._file.fileno(), data, offset)
            data, offset = data[count:], offset + count

    def read_at(self, offset: int, buffer: memoryview) -> None:
        """Fill the buffer with the bytes from an offset."""
        while buffer:
            count = os.preadv(self._file.fileno(), [buffer], offset)
            if count == 0:
                raise SourceError(f"cannot read {str(self.path)!r}: it became shorter")
            buffer, offset = buffer[count:], offset + count

    def check(self) -> None:
        """Nobody else writes to it."""

    def close(self) -> None:
        """Let go of it, and of its lock."""
        self._file.close()

    def start(self, version: Mapping[str, object]) -> dict[int, int]:
        """Begin, or go on with what an earlier transfer of the same version left.

        Args:
            version: Says which version of which object, and `part_size` and `algorithm`; empty if it cannot
            be
                gone on with.

        Returns:
            The parts that are there, by number from 0, and their checksums. Each was read and compared.
        """
        header = {**version, "boot": boot_id()}
        found = self._load(header) if version else {}
        if not found:
            os.ftruncate(self._file.fileno(), 0)
            with suppress(FileNotFoundError):
                self._record.unlink()
        if version:
            self._write_record([header, *found.items()])
        return found

    def done(self, number: int, value: int) -> None:
        """Record that a part is there."""
        line = f"{json.dumps([number, value])}\n".encode()
        with self._lock, suppress(OSError), open(self._record, "ab") as file:  # noqa: PTH123 - one idiom here
            file.write(line)

    def place(self, *, replace: bool = True) -> None:
        """Make it the target, safe on the disk before it has the name.

        Args:
            replace: Otherwise a target that is there is an error, also one that came a moment ago.

        Raises:
            ObjectExistsError: There is a target, and it is not to be replaced.
        """
        os.fchmod(self._file.fileno(), mode_for(self._target))
        os.fsync(self._file.fileno())
        with suppress(FileNotFoundError):
            self._record.unlink()
        if replace:
            self.path.replace(self._target)
        else:
            self._link()
        flush_folder(self._target.parent)

    def _link(self) -> None:
        try:
            os.link(self.path, self._target)
        except FileExistsError as error:
            raise ObjectExistsError(
                f"cannot write {self.name!r}: it is there, and overwrite='never'"
            ) from error
        self.path.unlink()

    def discard(self) -> None:
        """Leave nothing behind."""
        for path in (self._record, self.path):
            with suppress(OSError):
                path.unlink()

    def _load(self, header: Mapping[str, object]) -> dict[int, int]:
        try:
            first, *lines = self._record.read_text().splitlines()
            if json.loads(first) != header:
                return {}
            said = dict(json.loads(line) for line in lines if line.endswith("]"))
        except (OSError, ValueError, TypeError):
            return {}
        return {number: value for number, value in sorted(said.items()) if self._holds(header, number, value)}

    def _holds(self, header: Mapping[str, object], number: int, value: int) -> bool:
        """Tell whether a part's bytes are what the record says."""
        size, part = int(str(header["size"])), int(str(header["part_size"]))
        start = number * part
        seen = 0
        try:
            for offset in range(start, min(size, start + part), _PIECE):
                piece = memoryview(bytearray(min(_PIECE, min(size, start + part) - offset)))
                self.read_at(offset, piece)
                seen = checksums.update(str(header["algorithm"]), piece, seen)
        except SourceError:
            return False
        return seen == value

    def _write_record(self, lines: list[object]) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | NO_LINK
        with os.fdopen(os.open(self._record, flags, 0o600), "w") as file:
            file.writelines(f"{json.dumps(line)}\n" for line in lines)


@contextmanager
def partial_for(target: Path) -> Generator[Partial]:
    """Open the growing file of a target; only one transfer at a time has it.

    Raises:
        TargetError: Another transfer to the target is under way, or the file cannot be made.
    """
    path = target.with_name(_name_for(target.name))
    partial = Partial(path, _open_locked(path, target), target)
    try:
        yield partial
    finally:
        partial.close()


def is_partial(name: str) -> bool:
    """Tell whether a file's name is that of an unfinished transfer, or of its record."""
    return name.startswith(".") and name.removesuffix(_RECORD).endswith(SUFFIX)


def _name_for(name: str) -> str:
    hidden = f".{name}{SUFFIX}"
    if len(os.fsencode(hidden)) + len(_RECORD) <= _LONGEST_NAME:
        return hidden
    return f".{hashlib.sha256(os.fsencode(name)).hexdigest()[:32]}{SUFFIX}"


def _open_locked(path: Path, target: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | NO_LINK, 0o600)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or (sys.platform != "win32" and found.st_uid != os.geteuid()):
                raise TargetError(
                    f"cannot write {str(target)!r}: {str(path)!r} is not a file of ours; remove it"
                )
            if hold(descriptor, path):
                os.fchmod(descriptor, 0o600)
                return descriptor
            if is_at(descriptor, path):
                busy = TargetError(f"cannot write {str(target)!r}: another transfer to it is under way")
                busy.retryable = True
                raise busy
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # another transfer has moved it into place between our open and our lock
