"""Files that show whether their writer lives: it holds a lock, which the system takes from the dead."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

if sys.platform != "win32":
    import fcntl

NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""Open the file itself, as it is, and in this process alone."""


def hold(descriptor: int, path: Path) -> bool:
    """Lock an open file until it is closed or its process dies; return False when somebody took it away."""
    return _lock(descriptor) and _is_at(descriptor, path)


def is_abandoned(path: Path, *, old: bool) -> bool:
    """Whether the writer of a file has died: nobody holds it, or it is old where there are no locks."""
    if sys.platform == "win32":
        return old
    try:
        descriptor = os.open(path, os.O_RDONLY | NO_LINK)
    except OSError:
        return False
    try:
        return hold(descriptor, path)
    finally:
        os.close(descriptor)


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
