"""Opening a run store's file: made, private, in WAL mode, of this version."""

from __future__ import annotations

import os
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from longshore.heldfiles import flush_folder
from longshore.stores.faults import PATIENCE, is_busy
from longshore.stores.schema import MIGRATIONS, bring_up_to_date, version_of

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

_LARGEST_WAL: Final = 64 * 1024 * 1024


def prepare(path: Path, *, power: bool) -> None:
    """Make the file, readable by nobody else; SQLite gives those beside it the same rights.

    A file that is there is never opened: closing it would drop the locks that SQLite has on it here.
    """
    missing = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
    if path.exists():
        return
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    if power:
        for made in (path, *missing):
            flush_folder(made.parent)


def connect(path: Path, *, power: bool, sealed: bool) -> sqlite3.Connection:
    """Open a store's file, and bring it up to date.

    Args:
        path: The file.
        power: Whether a transaction is on the disk itself when it returns.
        sealed: Whether nobody can change the file, so that it is only read, without locks.

    Raises:
        StoreError: It is no store that this Longshore can use.
        sqlite3.Error: It cannot be opened.
    """
    import sqlite3

    name = f"file:{quote(str(path))}?immutable=1" if sealed else str(path)
    connection = sqlite3.connect(
        name,
        uri=sealed,
        timeout=PATIENCE,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=64,
    )
    try:
        version = version_of(connection, str(path))  # before anything in it is changed
        if not sealed:
            _use_wal(connection)
        elif 0 < version < len(MIGRATIONS):
            connection = _up_to_date_copy(connection, str(path))
        connection.execute(f"PRAGMA synchronous = {'FULL' if power else 'NORMAL'}")
        connection.execute(f"PRAGMA journal_size_limit = {_LARGEST_WAL}")
        bring_up_to_date(connection, str(path))
    except BaseException:
        connection.close()
        raise
    return connection


def _up_to_date_copy(connection: sqlite3.Connection, where: str) -> sqlite3.Connection:
    """Return a copy in memory, to be read only, of a file that cannot be brought up to date itself."""
    import sqlite3

    copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    try:
        with closing(connection):
            connection.backup(copy)
        bring_up_to_date(copy, where)
        copy.execute("PRAGMA query_only = ON")
    except BaseException:
        copy.close()
        raise
    return copy


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch a new file to WAL; when several do that at once, SQLite says `locked` without waiting."""
    import sqlite3

    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            [mode] = connection.execute("PRAGMA journal_mode").fetchone()
            if mode != "wal":
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
                connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > give_up:
                raise
            time.sleep(0.005)


def is_sealed(path: Path) -> bool:
    """Tell whether a file is on a file system that cannot be written, and nobody was writing to it.

    SQLite opens one like that only when it is told that nobody can change it.
    """
    if not hasattr(os, "statvfs"):
        return False
    wal = path.with_name(f"{path.name}-wal")
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY) and not wal.exists()
    except OSError:
        return False
