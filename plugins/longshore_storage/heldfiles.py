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


def open_private(path: Path, *, make: bool) -> int | None:
    """Open a file of ours alone for reading and writing; None if it is not there and not to be made."""
    flags = os.O_RDWR | NO_LINK
    if not make:
        try:
            return os.open(path, flags)
        except FileNotFoundError:
            return None
    try:
        return os.open(path, flags | os.O_CREAT, 0o600)
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, flags | os.O_CREAT, 0o600)


def hold(descriptor: int, path: Path) -> bool:
    """Lock an open file until it is closed or its process dies.

    Returns:
        False when somebody else holds it, or has taken it away from its place.
    """
    return _lock(descriptor) and _is_at(descriptor, path)


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
