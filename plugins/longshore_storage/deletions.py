"""Deleting many objects, in the service's batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from longshore_storage.errors import ObjectNotFoundError, ObjectsFailedError, StorageError
from longshore_storage.transfers import Patience

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from longshore_storage.locations import Location
    from longshore_storage.protocol import ObjectStore

_MOST_FAILURES: Final = 1000


def delete_all(
    store: ObjectStore, places: Iterable[Location], done: Callable[[Location], None] | None = None
) -> None:
    """Delete objects; those that a batch left for a passing reason one by one.

    Args:
        store: Where.
        places: Taken as they are needed.
        done: Called with each that is gone.

    Raises:
        ObjectsFailedError: Some are still there. After a thousand of those no more are tried.
    """
    patience = Patience(store)
    failures: list[tuple[str, Exception]] = []
    for at, error in store.delete_many(places):
        left = _again(patience, store, at, error) if error is not None else None
        if left is not None:
            failures.append((at.url, left))
            if len(failures) == _MOST_FAILURES:
                break
        elif done is not None:
            done(at)
    if failures:
        raise ObjectsFailedError.of("delete", failures)


def _again(patience: Patience, store: ObjectStore, at: Location, error: Exception) -> Exception | None:
    if isinstance(error, ObjectNotFoundError):
        return None
    if not (isinstance(error, StorageError) and error.retryable):
        return error
    try:
        patience.call(lambda: store.delete(at))
    except StorageError as another:
        return another
    return None


def remove_empty(file: Path, root: Path) -> None:
    """Remove the folders that a file leaves empty, up to the root, which stays."""
    for folder in file.parents:
        if folder == root:
            return
        try:
            folder.rmdir()
        except OSError:
            return
