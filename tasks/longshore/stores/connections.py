"""One SQLite file: its one connection a process, its transactions, and what its errors mean.

`sqlite3` is imported when a store is first used.
"""

from __future__ import annotations

import os
import threading
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from longshore.stores.errors import StoreError
from longshore.stores.faults import is_busy, meaning
from longshore.stores.openings import connect, is_sealed, prepare

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    T = TypeVar("T")

_WRITING, _READING, _NEITHER = "BEGIN IMMEDIATE", "BEGIN", ""
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
        self._file: tuple[int, int] | None = None
        self._sealed = False
        _databases.add(self)

    def __del__(self) -> None:
        self._drop()

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Call `work` in a transaction of its own, which nobody else's comes between.

        Raises:
            StoreError: The file cannot be written; nothing of it happened.
        """
        return self._transact(_WRITING, work)

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Call `work`, all of whose queries see one and the same moment.

        Raises:
            StoreError: The file cannot be read.
        """
        return self._transact(_READING, work)

    def alone(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Call `work` outside of a transaction."""
        return self._transact(_NEITHER, work)

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        with self._lock:
            self._drop()

    def _transact(self, begin: str, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock:
            connection = self._connection
            if connection is None:
                connection = self._open()
            elif begin == _WRITING:
                self._check_in_place()
            try:
                if begin == _NEITHER:
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
            finally:
                if self._sealed:  # as long as it is open, SQLite does not look whether that is still so
                    self._drop()

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
        if not is_busy(error):
            self._drop()
        return meaning(error, self.path)

    def _open(self) -> sqlite3.Connection:
        import sqlite3

        try:
            prepare(self.path, power=self._power)
            self._sealed = is_sealed(self.path)
            self._connection = connect(self.path, power=self._power, sealed=self._sealed)
            self._file = _identity(self.path)
        except OSError as error:
            raise StoreError(
                f"cannot open run store {str(self.path)!r}: {error.strerror or error}; "
                "make its folder writable, or give another path"
            ) from error
        except sqlite3.Error as error:
            raise meaning(error, self.path) from error
        return self._connection

    def _check_in_place(self) -> None:
        """Refuse to write into a file that has no name any more: what is written there is lost."""
        if _identity(self.path) != self._file:
            self._drop()
            raise StoreError(
                f"cannot write run store {str(self.path)!r}: it was removed or replaced while it was in use; "
                "put it back, or start the run anew"
            )

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


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


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
