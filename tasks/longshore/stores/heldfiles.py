"""Files that show whether their writer lives: it holds a lock, which the system takes from the dead."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from longshore.stores.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

if sys.platform != "win32":
    import fcntl

NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""Open the file itself, as it is, and in this process alone."""


def hold(descriptor: int, path: Path) -> bool:
    """Lock an open file until it is closed or its process dies; return False when somebody took it away."""
    return _lock(descriptor) and _is_at(descriptor, path)


def remove_abandoned(path: Path, *, old: bool) -> int | None:
    """Remove a file whose writer has died: nobody holds it, or it is old where there are no locks.

    Returns:
        Its bytes; None when it is being written.
    """
    if sys.platform == "win32":
        return unlink(path) if old else None
    try:
        descriptor = os.open(path, os.O_RDONLY | NO_LINK)
    except OSError:
        return None
    try:
        # Removed while it is held: a writer that opened it and has not locked it yet makes another one.
        return unlink(path) if hold(descriptor, path) else None
    finally:
        os.close(descriptor)


def unlink(path: Path) -> int:
    """Remove a file; return its bytes, 0 when there is none.

    Raises:
        StoreError: The system did not let it be removed.
    """
    try:
        size = path.lstat().st_size
        path.unlink()
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise StoreError(
            f"cannot remove {str(path)!r}: {error.strerror or error}; let this user write there"
        ) from error
    return size


def _lock(descriptor: int) -> bool:
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False
