"""Keys that are two objects and would be one file, found while a listing passes."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from longshore_storage.errors import UnsafeNameError
from longshore_storage.names import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Collisions:
    """Looks at keys in the order of their UTF-8 bytes, for those that cannot be files side by side.

    An object store may have both `a` and `a/b`; a file system has a file or a folder. One without a sense of
    case has no `a` beside `A`. Memory does not grow with the number of keys: where case counts, only the
    keys are kept that the current one begins with; elsewhere what was seen goes to a temporary file.

    Args:
        case_sensitive: Whether the file system tells `a` from `A`; see `is_case_sensitive`.

    Example:
        >>> for key in Collisions().checked(["a", "a/b"]):
        ...     pass
        Traceback (most recent call last):
        longshore_storage.errors.UnsafeNameError: cannot make files of the keys 'a' and 'a/b': ...
    """

    def __init__(self, *, case_sensitive: bool = True) -> None:
        self._beginnings: list[str] = []
        self._seen = None if case_sensitive else _Seen()

    def checked(self, keys: Iterable[str]) -> Iterator[str]:
        """Yield the keys again, each after it was looked at."""
        for key in keys:
            self.check(key)
            yield key

    def check(self, key: str) -> None:
        """Look at the next key.

        Raises:
            UnsafeNameError: It and an earlier one cannot both be files.
        """
        # Keys that begin alike stand together, so one that is no beginning of this key is none of later ones.
        while self._beginnings and not key.startswith(self._beginnings[-1]):
            self._beginnings.pop()
        for earlier in self._beginnings:
            if key == earlier or key.startswith(f"{earlier}/"):
                raise _clash(earlier, key, "a file cannot be a folder too")
        self._beginnings.append(key)
        if self._seen is not None:
            self._seen.add(key)


class _Seen:
    """Keys, and the folders above them, by what a file system without a sense of case makes of them."""

    def __init__(self) -> None:
        # No name: SQLite keeps a little in memory and the rest in a file, which goes with the connection.
        self._base = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._base.execute("PRAGMA journal_mode=OFF")
        self._base.execute("CREATE TABLE seen (folded TEXT PRIMARY KEY, name TEXT, key TEXT) WITHOUT ROWID")
        self._above: list[str] = []

    def add(self, key: str) -> None:
        segments = key.split("/")
        above = ["/".join(segments[:end]) for end in range(1, len(segments))]
        for name in (*above, key):
            if name not in self._above:
                self._add(name, key)
        self._above = above

    def _add(self, name: str, key: str) -> None:
        folded = fold(name)
        found = self._base.execute("SELECT name, key FROM seen WHERE folded = ?", [folded]).fetchone()
        if found is None:
            self._base.execute("INSERT INTO seen VALUES (?, ?, ?)", [folded, name, key])
        elif found[0] != name:
            raise _clash(found[1], key, "the file system takes upper and lower case for the same")

    def __del__(self) -> None:
        self._base.close()


def is_case_sensitive(folder: Path) -> bool:
    """Tell whether a folder, which must be there and writable, tells `a` from `A`; asks by making a file."""
    descriptor, name = tempfile.mkstemp(prefix=".case-a-", suffix=".longshore-part", dir=folder)
    os.close(descriptor)
    made = Path(name)
    try:
        return not made.with_name(made.name.replace(".case-a-", ".CASE-A-")).exists()
    finally:
        made.unlink()


def _clash(one: str, other: str, why: str) -> UnsafeNameError:
    return UnsafeNameError(
        f"cannot make files of the keys {one!r} and {other!r}: {why}; rename one or leave it out"
    )
