"""Files that grow under a name of their own until they are whole: held by their writer, safe on the disk.

For plugins too. A writer holds a lock on its file, which the system takes from the dead: so it shows whether
the writer lives, and what it left can be removed or gone on with.
"""

from __future__ import annotations

import os
import stat
import sys
from functools import cache
from pathlib import Path
from typing import Final

if sys.platform != "win32":
    import fcntl

NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""Flags of `os.open`: the file itself, as it is, and in this process alone."""


def hold(descriptor: int, path: Path) -> bool:
    """Lock an open file until it is closed or its process dies.

    Returns:
        False when somebody else holds it, or has taken it away from its place.
    """
    return lock(descriptor) and is_at(descriptor, path)


def lock(descriptor: int) -> bool:
    """Lock an open file, wherever it is; return False when somebody else holds it.

    Where there are no locks, on Windows and on some file systems, it is always True.
    """
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def is_at(descriptor: int, path: Path) -> bool:
    """Tell whether an open file is the one that has this name now."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def remove_abandoned(path: Path, *, old: bool) -> int | None:
    """Remove a file whose writer has died: nobody holds it, or it is old where there are no locks.

    Returns:
        Its bytes; None when it is being written.

    Raises:
        OSError: The system did not let it be removed.
    """
    if sys.platform == "win32":
        return remove(path) if old else None
    try:
        descriptor = os.open(path, os.O_RDONLY | NO_LINK)
    except OSError:
        return None
    try:
        # Removed while it is held: a writer that opened it and has not locked it yet makes another one.
        return remove(path) if hold(descriptor, path) else None
    finally:
        os.close(descriptor)


def remove(path: Path) -> int:
    """Remove a file; return its bytes, 0 when there is none."""
    try:
        size = path.lstat().st_size
        path.unlink()
    except FileNotFoundError:
        return 0
    return size


def flush_folder(path: Path) -> None:
    """Have the names of the files in a folder survive the loss of power."""
    if sys.platform == "win32":
        return  # it has no way to
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def mode_for(target: Path) -> int:
    """Return the permissions of the file that is to be replaced, or those that a new one gets."""
    try:
        return stat.S_IMODE(target.stat().st_mode) & 0o777
    except FileNotFoundError:
        return 0o666 & ~_umask()


def _umask() -> int:
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("\nUmask:")[2].split()[0], 8)
    except (OSError, IndexError, ValueError):
        mask = os.umask(0o077)  # there is no other way to ask
        os.umask(mask)
        return mask


@cache
def boot_id() -> str:
    """Return the id of the machine's current boot; empty where there is none.

    What was not flushed before the machine failed may be missing after it, so what is gone on with is of the
    same boot.
    """
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
