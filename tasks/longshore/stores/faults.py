"""What an error of SQLite means for a run store, and what to do about it."""

from __future__ import annotations

import shlex
import shutil
from typing import TYPE_CHECKING, Final

from longshore.stores.errors import StoreCorruptError, StoreError

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

PATIENCE: Final = 15.0
"""Seconds to wait for another process that writes: below a lease, so that who waits can still renew it."""
_NEARLY_NOTHING: Final = 256 * 1024
"""Bytes: a disk with less than this is full, whatever SQLite calls the error."""


def is_busy(error: sqlite3.Error) -> bool:
    """Tell whether an error says no more than that somebody else is at the file."""
    import sqlite3

    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def meaning(error: sqlite3.Error, path: Path) -> StoreError:
    """Return the error that says what one of SQLite's means for a store's file, and what to do."""
    import sqlite3

    code = _code(error)
    file = str(path)
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        aside = shlex.quote(str(path.parent / "damaged"))
        return StoreCorruptError(
            f"cannot use run store {file!r}: it is damaged, or no run store ({error}); to start a new one "
            f"and keep this: mkdir {aside} && mv {shlex.quote(file)}* {aside}"
        )
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _is_full(path)):
        return StoreError(f"cannot write run store {file!r}: its disk is full; free some space")
    if code == sqlite3.SQLITE_READONLY:
        return StoreError(
            f"cannot use run store {file!r}: it is read-only; make the file and its folder writable, "
            "or give another path"
        )
    if is_busy(error):
        return StoreError(
            f"cannot use run store {file!r}: another process has kept it locked for {PATIENCE:g} s; "
            f"to see which: fuser -v {shlex.quote(file)}"
        )
    if code == sqlite3.SQLITE_CANTOPEN:
        return StoreError(
            f"cannot open run store {file!r}: {error}; make the file and its folder writable, "
            "or give another path"
        )
    return StoreError(f"cannot use run store {file!r}: {error}; look at its disk, or give another path")


def _is_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < _NEARLY_NOTHING
    except OSError:
        return False


def _code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
