"""Listings that survive a broken connection: they go on after the last key that came."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from longshore_storage.errors import StorageError
from longshore_storage.transfers import Patience

if TYPE_CHECKING:
    from collections.abc import Iterator

    from longshore_storage.locations import Location
    from longshore_storage.objects import ObjectInfo, Prefix
    from longshore_storage.protocol import ObjectStore

_PAGE: Final = 1000


def entries(store: ObjectStore, prefix: Location, *, recursive: bool = True) -> Iterator[ObjectInfo | Prefix]:
    """Yield what a prefix begins, in the order of the keys' UTF-8 bytes, with a thousand of them in memory.

    Args:
        store: Where.
        prefix: Matches as text.
        recursive: Otherwise what is below the next `/` is one `Prefix`.
    """
    pages = _Pages(store, prefix, recursive)
    patience = Patience(store)
    while page := patience.call(pages.next):
        yield from page


class _Pages:
    def __init__(self, store: ObjectStore, prefix: Location, recursive: bool) -> None:
        self._store, self._prefix, self._recursive = store, prefix, recursive
        self._found = store.list(prefix, recursive=recursive)
        self._broken = False

    def next(self) -> list[ObjectInfo | Prefix]:
        """Return the next entries; empty at the end."""
        if self._broken:
            self._found = self._store.list(self._prefix, recursive=self._recursive, after=self._last)
            self._broken = False
        page: list[ObjectInfo | Prefix] = []
        try:
            page.extend(islice(self._found, _PAGE))
        except StorageError:
            self._broken = True  # a generator that raised has ended
            if not page:
                raise
        if page:
            self._last = key_of(self._prefix, page[-1].url)
        return page

    _last = ""


def key_of(place: Location, url: str) -> str:
    """Return the key in the URL of an object in the bucket of a place."""
    return url if place.scheme == "file" else url[len(place.scheme) + 3 + len(place.bucket) + 1 :]
