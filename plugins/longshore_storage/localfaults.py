"""What the operating system says, as errors of objects."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from longshore_storage.errors import (
    AccessDeniedError,
    ObjectNotFoundError,
    SourceError,
    StorageError,
    TargetError,
    UnsafeNameError,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Generator

NOTHING_THERE: Final = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG}
_REMEDIES: Final = {
    errno.ENOSPC: "the disk is full; make room",
    errno.EDQUOT: "your quota of the disk is used up; make room",
    errno.EFBIG: "it is larger than a file may be here; see: ulimit -f",
    errno.EROFS: "the file system is read-only",
    errno.EISDIR: "it is a folder",
    errno.ENOTDIR: "what should be a folder on the way to it is a file",
    errno.EEXIST: "what should be a folder on the way to it is a file",
    errno.ENAMETOOLONG: "the name is longer than the file system takes",
    errno.ELOOP: "links lead in a circle",
    errno.EMFILE: "this process has too many files open; see: ulimit -n",
}


@contextmanager
def reading(path: str) -> Generator[None]:
    """Say what is wrong with a file that is read.

    Raises:
        UnsafeNameError: No file can have such a name.
        ObjectNotFoundError: There is none.
        AccessDeniedError: This user may not.
        SourceError: It cannot be read for another reason.
    """
    check_path(path)
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        if error.errno in NOTHING_THERE:
            raise ObjectNotFoundError(f"cannot find {path!r}: there is no such file") from error
        if isinstance(error, PermissionError):
            raise AccessDeniedError(f"cannot read {path!r}: {who()} may not") from error
        raise SourceError(f"cannot read {path!r}: {_why(error)}") from error


@contextmanager
def writing(path: str) -> Generator[None]:
    """Say what is wrong with a file that is written, or with its disk.

    Raises:
        UnsafeNameError: No file can have such a name.
        TargetError: It cannot be written.
    """
    check_path(path)
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        raise TargetError(f"cannot write {path!r}: {_why(error)}") from error


def check_path(path: str) -> None:
    """Raise UnsafeNameError if no file can have such a name."""
    try:
        bad = b"\0" in os.fsencode(path)
    except UnicodeEncodeError:
        bad = True
    if bad:
        raise UnsafeNameError(f"cannot use {path!r}: no file has a name with NUL or half a character in it")


def _why(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return f"{who()} may not"
    return _REMEDIES.get(error.errno or 0) or error.strerror or str(error)


def who() -> str:
    """Return what messages call the user of this process."""
    return f"user {os.geteuid()}" if hasattr(os, "geteuid") else "this user"
