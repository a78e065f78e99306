"""One SQLite file: its one connection a process, its transactions, and what its errors mean.

`sqlite3` is imported when a store is first used.
"""

from __future__ import annotations

import os
import shlex
import shutil
import threading
import time
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

from longshore.stores.errors import StoreCorruptError, StoreError
from longshore.stores.schema import bring_up_to_date

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    T = TypeVar("T")

PATIENCE: Final = 15.0
"""Seconds to wait for another process that writes: below a lease, so that who waits can still renew it."""
_LARGEST_WAL: Final = 64 * 1024 * 1024
_NEARLY_NOTHING: Final = 256 * 1024
"""Bytes: a disk with less than this is full, whatever SQLite calls the error."""

_databases: weakref.WeakSet[Database] = weakref.WeakSet()


class Database:
    """A file with tables, used by all threads of a process, one transaction at a time.

    Args:
        path: The file; it and its folder are made when they are missing, for their owner alone.
        power: Whether a transaction is on the disk itself when it returns.
    """

    def __init__(self, path: Path, *, power: bool) -> None:
        self.path = path
        self._power = power
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        _databases.add(self)

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Call `work` in a transaction of its own, which nobody else's comes between.

        Raises:
            StoreError: The file cannot be written; nothing of it happened.
        """
        return self._transact("BEGIN IMMEDIATE", work)

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Call `work`, all of whose queries see one and the same moment.

        Raises:
            StoreError: The file cannot be read.
        """
        return self._transact("BEGIN", work)

    def alone(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Call `work` outside of a transaction."""
        return self._transact("", work)

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        with self._lock:
            self._drop()

    def _transact(self, begin: str, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock:
            connection = self._connection
            if connection is None:
                connection = self._open()
            try:
                if not begin:
                    return work(connection)
                connection.execute(begin)
                value = work(connection)
                connection.execute("COMMIT")
                return value
            except BaseException as error:
                self._undo(connection)
                failure = self._translated(error)
                if failure is None:
                    raise
                raise failure from error

    def _undo(self, connection: sqlite3.Connection) -> None:
        import sqlite3

        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._drop()

    def _translated(self, error: BaseException) -> StoreError | None:
        """Return what an error of SQLite means; forget the connection it may have spoilt."""
        import sqlite3

        if not isinstance(error, sqlite3.Error):
            return None
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            self._drop()
        return meaning(error, self.path)

    def _open(self) -> sqlite3.Connection:
        import sqlite3

        try:
            _prepare(self.path)
            self._connection = _connect(self.path, power=self._power)
        except OSError as error:
            raise StoreError(
                f"cannot open run store {str(self.path)!r}: {error.strerror or error}; "
                "make its folder writable, or give another path"
            ) from error
        except sqlite3.Error as error:
            raise meaning(error, self.path) from error
        return self._connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                connection.close()

    # SQLite forbids to use, or to close, in a child what its parent opened; and what it knows of a file's
    # locks is copied by a fork though the locks are not. So a fork finds the file closed.

    def before_fork(self) -> None:
        """Wait for the transaction under way, and close the connection."""
        self._lock.acquire()
        self._drop()

    def after_fork(self, *, child: bool) -> None:
        """Let others at the store again."""
        if child:
            self._lock = threading.RLock()
        else:
            self._lock.release()


def _prepare(path: Path) -> None:
    """Make the file, readable by nobody else; SQLite gives those beside it the same rights.

    A file that is there is never opened: closing it would drop the locks that SQLite has on it here.
    """
    missing = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
    if not path.exists():
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _connect(path: Path, *, power: bool) -> sqlite3.Connection:
    import sqlite3

    connection = sqlite3.connect(
        path, timeout=PATIENCE, isolation_level=None, check_same_thread=False, cached_statements=64
    )
    try:
        _use_wal(connection)
        connection.execute(f"PRAGMA synchronous = {'FULL' if power else 'NORMAL'}")
        connection.execute(f"PRAGMA journal_size_limit = {_LARGEST_WAL}")
        bring_up_to_date(connection, str(path))
    except BaseException:
        connection.close()
        raise
    return connection


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
            busy = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            if not busy or time.monotonic() > give_up:
                raise
            time.sleep(0.005)


def meaning(error: sqlite3.Error, path: Path) -> StoreError:
    """Return the error that says what one of SQLite's means for a store's file, and what to do."""
    import sqlite3

    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
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
            f"cannot write run store {file!r}: it is read-only; make the file and its folder writable, "
            "or give another path"
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
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


_forking: dict[int, list[Database]] = {}
"""By thread: two may fork at once."""


def _before_fork() -> None:
    databases = _forking[threading.get_ident()] = sorted(_databases, key=id)
    for database in databases:
        database.before_fork()


def _after_fork(*, child: bool) -> None:
    databases = _forking.pop(threading.get_ident(), [])
    for database in list(_databases) if child else databases:
        database.after_fork(child=child)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=lambda: _after_fork(child=False),
        after_in_child=lambda: _after_fork(child=True),
    )
