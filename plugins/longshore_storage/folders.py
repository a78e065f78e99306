"""Objects below one URL by their names: where a run store keeps results."""

from __future__ import annotations

import bisect
import io
import itertools
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from longshore_storage.deletions import delete_all
from longshore_storage.errors import SourceError
from longshore_storage.listings import entries, key_of
from longshore_storage.locations import parse
from longshore_storage.objects import ObjectInfo
from longshore_storage.protocol import MIB
from longshore_storage.stores import store_for
from longshore_storage.transfers import Patience, Settings, download, upload

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from longshore_storage.locations import Location
    from longshore_storage.protocol import Connection, ObjectStore

_AT_ONCE: Final = 8 * MIB
"""Bytes up to which an object is fetched into memory; larger ones into a temporary file."""
_SETTINGS: Final = Settings(resume=False)


class ObjectFolder:
    """Objects below one URL, by what stands behind it in theirs.

    Args:
        connection: How to reach them.
        url: The URL, without a slash at its end.
    """

    def __init__(self, connection: Connection, url: str) -> None:
        self._connection = connection
        self._at = parse(url)
        self._prefix = f"{self._at.key.rstrip('/')}/" if self._at.key else ""
        store_for(connection)  # says now what is missing for it

    def write(self, name: str, pieces: Sequence[bytes | memoryview]) -> None:
        """Write an object, whole or not at all, checked by the service."""
        upload(_Pieces(name, pieces), self._store(), self._place(name), settings=_SETTINGS)

    @contextmanager
    def open(self, name: str) -> Generator[io.BufferedIOBase]:
        """Fetch an object, checked, to be read from anywhere in it."""
        store, at = self._store(), self._place(name)
        info, data = Patience(store).call(lambda: store.get(at, _AT_ONCE))
        if data is not None:
            yield io.BytesIO(data)
            return
        with tempfile.TemporaryDirectory(prefix="longshore-") as folder:
            path = Path(folder) / "object"
            download(store, info, path, settings=_SETTINGS)
            with path.open("rb") as file:
                yield file

    def names(self, beginning: str = "") -> Iterator[tuple[str, int, float]]:
        """Yield the names that begin so, their bytes, and when they were written, in seconds since 1970."""
        for info in entries(self._store(), self._place(beginning)):
            if isinstance(info, ObjectInfo):
                modified = info.modified.timestamp() if info.modified else 0.0
                yield key_of(self._at, info.url).removeprefix(self._prefix), info.size, modified

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects; one that is not there is no error."""
        delete_all(self._store(), (self._place(name) for name in names))

    def _store(self) -> ObjectStore:
        return store_for(self._connection)

    def _place(self, name: str) -> Location:
        return self._at.with_key(f"{self._prefix}{name}")


class _Pieces:
    """Pieces of bytes, one after the other."""

    def __init__(self, name: str, pieces: Sequence[bytes | memoryview]) -> None:
        self.name = name
        self.identity = ""
        self._pieces = [memoryview(piece).cast("B") for piece in pieces if len(piece)]
        self._ends = list(itertools.accumulate(map(len, self._pieces)))
        self.size = self._ends[-1] if self._ends else 0

    def read_at(self, offset: int, buffer: memoryview) -> None:
        if offset + len(buffer) > self.size:
            raise SourceError(f"cannot read {self.name!r}: it ends at {self.size}")
        place = bisect.bisect_right(self._ends, offset)
        while buffer:
            piece = self._pieces[place]
            part = piece[offset - (self._ends[place] - len(piece)) :][: len(buffer)]
            buffer[: len(part)] = part
            buffer, offset, place = buffer[len(part) :], offset + len(part), place + 1

    def check(self) -> None:
        pass

    def close(self) -> None:
        pass
