"""What is to be gone."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from longshore import ConfigurationError, current
from longshore_storage.deletions import delete_all, remove_empty
from longshore_storage.errors import ConditionFailedError, ObjectNotFoundError
from longshore_storage.listings import entries, key_of
from longshore_storage.objects import Condition, ObjectInfo, Prefix
from longshore_storage.tasks.places import Place, StorageTask, folder_of, place_of
from longshore_storage.transfers import Patience

if TYPE_CHECKING:
    from collections.abc import Iterator

    from longshore_storage.locations import Location

_MOST_NAMED: Final = 1000


@dataclass(frozen=True, kw_only=True)
class Deleted:
    """What a task deleted.

    Args:
        objects: How many; of those given by their URLs also the ones that were not there.
        urls: The first thousand.
        dry_run: Whether they are all still there.
    """

    objects: int
    urls: tuple[str, ...]
    dry_run: bool = False


class DeleteTask(StorageTask[Deleted]):
    """Delete objects; one that is not there is no error.

    Args:
        missing_ok: Whether an object may be gone already; never asked with `recursive=True`.
        dry_run: Whether to tell what would be deleted, and delete nothing.
        whole_bucket: Whether `recursive=True` may be told of a bucket, and no folder in it.
    """

    missing_ok: bool = True
    dry_run: bool = False
    whole_bucket: bool = False

    def run(self, url: Place | Sequence[Place], *, recursive: bool = False) -> Deleted:
        """Delete them.

        Args:
            url: An object, or several. One that another task returned is deleted only if it is still that
                version.
            recursive: Whether each is a folder, all below which is deleted: `s3://lake/data` is
                `s3://lake/data/`, and never `s3://lake/database.csv`.

        Raises:
            ObjectNotFoundError: One is not there, and `missing_ok` is False; the others are deleted.
            ConditionFailedError: One is another version by now.
            ObjectsFailedError: Some could not be deleted; it names the first few.
        """
        several = [url] if isinstance(url, (str, ObjectInfo)) or not isinstance(url, Sequence) else list(url)
        noted = _Noted(self.dry_run)
        for place in several:
            if recursive:
                self._below(self._folder(place), noted)
        if not recursive:
            self._each(several, noted)
        return noted.told

    def _below(self, folder: Location, noted: _Noted) -> None:
        store = self._store(folder)

        def places() -> Iterator[Location]:
            for entry in entries(store, folder):
                if not isinstance(entry, Prefix):
                    noted.add(entry.url)
                    yield folder.with_key(key_of(folder, entry.url))

        if self.dry_run:
            for _ in places():
                pass
        else:
            delete_all(store, places(), functools.partial(_tidied, folder))

    def _each(self, several: Sequence[Place], noted: _Noted) -> None:
        missing: list[str] = []
        for place in several:
            at = place_of(place)
            if (self.dry_run or not self.missing_ok) and not self._is_there(at):
                missing.append(at.url)
                continue
            noted.add(at.url)
            if not self.dry_run:
                self._delete(at, place)
        if missing and not self.missing_ok:
            raise ObjectNotFoundError(f"cannot delete {', '.join(map(repr, missing[:5]))}: not there")

    def _is_there(self, at: Location) -> bool:
        store = self._store(at)
        try:
            Patience(store).call(lambda: store.head(at))
        except ObjectNotFoundError:
            return False
        return True

    def _delete(self, at: Location, place: Place) -> None:
        store = self._store(at)
        token = place.token if isinstance(place, ObjectInfo) else ""
        try:
            Patience(store).call(lambda: store.delete(at, condition=Condition(token=token)))
        except (ConditionFailedError, ObjectNotFoundError):
            if self._is_there(at):
                raise

    def _folder(self, place: Place) -> Location:
        folder = folder_of(place)
        if folder.scheme == "file" and folder.key == "/":
            raise ConfigurationError("cannot delete all below '/'")
        if not folder.key and not self.whole_bucket:
            raise ConfigurationError(
                f"cannot delete all of {folder.url!r}: it names a bucket and no folder in it; if that is "
                f"meant, write {type(self).__name__}(whole_bucket=True)"
            )
        return folder


def _tidied(folder: Location, at: Location) -> None:
    if at.scheme == "file":  # a service's folder is gone with what is in it
        remove_empty(at.path, folder.path.parent)


class _Noted:
    def __init__(self, dry_run: bool) -> None:
        self._dry_run = dry_run
        self._objects = 0
        self._urls: list[str] = []

    def add(self, url: str) -> None:
        self._objects += 1
        if len(self._urls) < _MOST_NAMED:
            self._urls.append(url)
            if self._dry_run:
                current.log.info("would delete %s", url)

    @property
    def told(self) -> Deleted:
        return Deleted(objects=self._objects, urls=tuple(self._urls), dry_run=self._dry_run)
