"""Two listings side by side, in one pass: which names are here, there, or at both places."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from longshore_storage.errors import ServiceError
from longshore_storage.listings import entries, key_of
from longshore_storage.objects import ObjectInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from longshore_storage.locations import Location
    from longshore_storage.protocol import ObjectStore


class Pair(NamedTuple):
    """A name, and what has it at the source and at the target; at least one of them."""

    name: str
    source: ObjectInfo | None
    target: ObjectInfo | None


def named(
    store: ObjectStore, folder: Location, concerns: Callable[[str], bool]
) -> Iterator[tuple[str, ObjectInfo]]:
    """Yield the objects below a folder by their names in it; without those that only stand for a folder.

    Raises:
        ServiceError: The service lists them in another order than that of their names' bytes.
    """
    last, start = b"", len(folder.key)
    for entry in entries(store, folder):
        if not isinstance(entry, ObjectInfo):
            continue
        name = key_of(folder, entry.url)[start:]
        order = os.fsencode(name) if not name.isascii() else name.encode()
        if order < last:
            raise ServiceError(
                f"cannot compare {folder.url!r} with another place: {store.scheme}:// does not list it in "
                f"the order of the names, {name!r} comes too late"
            )
        last = order
        if name and not (name.endswith("/") and entry.size == 0) and concerns(name):
            yield name, entry


def merged(
    sources: Iterable[tuple[str, ObjectInfo]], targets: Iterable[tuple[str, ObjectInfo]]
) -> Iterator[Pair]:
    """Yield every name of two listings, in order, with what has it."""
    left, right = iter(sources), iter(targets)
    source, target = next(left, None), next(right, None)
    while source is not None or target is not None:
        if target is None or (source is not None and _before(source[0], target[0])):
            assert source is not None
            yield Pair(source[0], source[1], None)
            source = next(left, None)
        elif source is None or source[0] != target[0]:
            yield Pair(target[0], None, target[1])
            target = next(right, None)
        else:
            yield Pair(source[0], source[1], target[1])
            source, target = next(left, None), next(right, None)


def _before(one: str, other: str) -> bool:
    if one.isascii() and other.isascii():
        return one < other
    # Names of files that are no UTF-8 have surrogates in them, whose bytes are in another order.
    return os.fsencode(one) < os.fsencode(other)
