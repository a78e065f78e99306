"""Files replaced as a whole, one writer after the other, under conditions."""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Final

from longshore_storage.errors import ConditionFailedError, ObjectExistsError, TargetError
from longshore_storage.localfaults import NOTHING_THERE
from longshore_storage.sources import FileSource, file_token
from longshore_storage.transfers.partials import Partial, partial_for

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from longshore_storage.locations import Location
    from longshore_storage.objects import Condition

if sys.platform != "win32":
    import fcntl

_LONGEST_TURN: Final = 5.0  # seconds
_PAUSE: Final = 0.005  # seconds
_PIECE: Final = 1 << 20
_CLONE: Final = 0x40049409
"""FICLONE of `ioctl_ficlone(2)`: the same for all architectures that Python runs on."""
_CANNOT_SHARE: Final = {
    errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EPERM, errno.EBADF,
}  # fmt: skip


def real_target(at: Location) -> Path:
    """Return the file to write, behind any links, in a folder that is there.

    Raises:
        TargetError: It names a folder, or something else that is no plain file.
    """
    if at.key.endswith("/"):
        raise TargetError(f"cannot write {at.key!r}: it names a folder; give the path of a file")
    try:
        real = at.path.resolve()
    except RuntimeError as error:  # links in a circle, until Python 3.12
        raise TargetError(f"cannot write {at.key!r}: links lead in a circle") from error
    real.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        mode = real.stat().st_mode
        if not stat.S_ISREG(mode):
            what = "a folder" if stat.S_ISDIR(mode) else "no plain file"
            raise TargetError(f"cannot write {at.key!r}: there is {what} already; choose another name")
    return real


@contextmanager
def replacing(at: Location, condition: Condition) -> Generator[Replacement]:
    """Have an empty growing file for a place, alone of all writers; it goes at the end unless it was placed.

    Raises:
        ConditionFailedError: The condition is not true now.
        TargetError: It is a folder, or others write to it for seconds already.
    """
    real = real_target(at)
    with ExitStack() as stack:
        replacement = Replacement(_turn(stack, real), at, real, condition)
        try:
            replacement.look()
            replacement.partial.start({})
            yield replacement
        finally:
            if not replacement.placed:
                replacement.partial.discard()


class Replacement:
    """The growing file of one writer whose turn it is."""

    def __init__(self, partial: Partial, at: Location, real: Path, condition: Condition) -> None:
        self.partial, self.placed = partial, False
        self._at, self._real, self._condition = at, real, condition

    def look(self) -> None:
        """Raise ConditionFailedError if the condition is not true now."""
        refuse_unless(self._condition, self._real, self._at.key)

    def place(self, partial: Partial | None = None) -> None:
        """Make the growing file, or another one beside the target, the target.

        Raises:
            ConditionFailedError: The condition is not true any more.
        """
        self.look()
        (partial or self.partial).place(replace=not self._condition.absent)
        self.placed = partial is None


def refuse_unless(condition: Condition, real: Path, name: str) -> None:
    """Look whether a condition is true of a file.

    Raises:
        ConditionFailedError: It is not.
    """
    if not condition:
        return
    try:
        token = file_token(real.stat())
    except OSError as error:
        if error.errno not in NOTHING_THERE:
            raise
        token = ""
    if condition.absent and token:
        raise ObjectExistsError(f"cannot write {name!r}: it is there, and must not be replaced")
    if condition.token and token != condition.token:
        what = "it changed meanwhile" if token else "it is not there any more"
        raise ConditionFailedError(f"cannot write {name!r}: {what}; look at it again")


def clone(source: FileSource, partial: Partial) -> None:
    """Copy a file's bytes inside the system: shared until one changes, or else copied by the kernel."""
    if not (_shared(source, partial) or _copied(source, partial)):
        buffer = memoryview(bytearray(min(_PIECE, source.size)))
        for offset in range(0, source.size, _PIECE):
            piece = buffer[: source.size - offset]
            source.read_at(offset, piece)
            partial.write_at(offset, piece)


def _shared(source: FileSource, partial: Partial) -> bool:
    if sys.platform != "linux":
        return False
    try:
        fcntl.ioctl(partial.fileno(), _CLONE, source.fileno())
    except OSError as error:
        if error.errno not in _CANNOT_SHARE:
            raise
        return False
    return True


def _copied(source: FileSource, partial: Partial) -> bool:
    if sys.platform != "linux":
        return False
    offset = 0
    try:
        while offset < source.size:
            count = os.copy_file_range(
                source.fileno(), partial.fileno(), source.size - offset, offset, offset
            )
            if count == 0:
                return False
            offset += count
    except OSError as error:
        if error.errno not in _CANNOT_SHARE:
            raise
        return False
    return True


def _turn(stack: ExitStack, real: Path) -> Partial:
    """Wait until no other writer has the growing file of a target."""
    end = time.monotonic() + _LONGEST_TURN
    while True:
        try:
            return stack.enter_context(partial_for(real))
        except TargetError as error:
            if not error.retryable or time.monotonic() > end:
                raise
        time.sleep(_PAUSE)
