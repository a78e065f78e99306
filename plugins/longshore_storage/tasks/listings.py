"""What objects there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longshore import ConfigurationError
from longshore_storage.errors import ObjectNotFoundError, TooLargeError
from longshore_storage.listings import entries, key_of
from longshore_storage.objects import ObjectInfo, Prefix
from longshore_storage.patterns import Pattern
from longshore_storage.tasks.places import Place, StorageTask, folder_of, is_marker, place_of
from longshore_storage.transfers import Patience

if TYPE_CHECKING:
    from collections.abc import Iterator


class ListTask(StorageTask[list[ObjectInfo]]):
    """Tell which objects are below a URL, in the order of their keys' UTF-8 bytes.

    `s3://lake/data` means `s3://lake/data/`, and never `s3://lake/database.csv`. Objects that only stand for
    a folder, as consoles make them (`data/`, empty), are left out. A listing says size, ETag and time; what
    else a service keeps of an object may be missing.

    Args:
        max_keys: Objects that the list may have; more are an error, never a list that is silently cut.
            `iterate` has no limit.
    """

    max_keys: int = 100_000

    def check(self) -> None:
        if self.max_keys < 1:
            raise ConfigurationError(f"{self.name}(max_keys={self.max_keys}): give a number above 0")

    def run(self, url: Place, *, recursive: bool = True, pattern: str = "") -> list[ObjectInfo]:
        """List the objects.

        Args:
            url: A folder, or a bucket.
            recursive: Whether to list what is in folders below it too.
            pattern: Such as `"*.csv"`, for the name; or, with a slash in it, `"2013/**/*.csv"` for all that
                follows the URL. `*` and `?` stand for anything but a slash, `**` for any folders.

        Raises:
            TooLargeError: There are more than `max_keys`.
            StorageError: They could not be listed.
        """
        found: list[ObjectInfo] = []
        for info in self.iterate(url, recursive=recursive, pattern=pattern):
            if len(found) == self.max_keys:
                raise TooLargeError(
                    f"cannot list {folder_of(url).url!r}: it has more than {self.max_keys:,} objects; raise "
                    f"max_keys, give a pattern, or go through {type(self).__name__}().iterate(url)"
                )
            found.append(info)
        return found

    def iterate(self, url: Place, *, recursive: bool = True, pattern: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects one by one, asking for a page when it is needed; in memory is one page.

        Args:
            url: As in `run`.
            recursive: As in `run`.
            pattern: As in `run`.

        Example:
            >>> sum(info.size for info in List().iterate("s3://lake/2013/"))
            4182331904
        """
        folder = folder_of(url)
        store = self._store(folder)
        wanted = Pattern(pattern) if pattern else None
        beginning = folder.with_key(folder.key + (wanted.beginning if wanted else ""))
        for entry in entries(store, beginning, recursive=recursive):
            if isinstance(entry, Prefix) or is_marker(entry):
                continue
            if wanted is None or wanted.fits(key_of(folder, entry.url)[len(folder.key) :]):
                yield entry

    def folders(self, url: Place) -> Iterator[str]:
        """Yield the URLs of the folders right below one, such as `s3://lake/2013/`.

        Args:
            url: As in `run`.
        """
        folder = folder_of(url)
        for entry in entries(self._store(folder), folder, recursive=False):
            if isinstance(entry, Prefix):
                yield entry.url


class ExistsTask(StorageTask[bool]):
    """Tell whether an object is there, or, where the URL ends in `/`, whether anything is below it."""

    def run(self, url: Place) -> bool:
        """Look.

        Args:
            url: The object, or a folder.

        Raises:
            BucketNotFoundError: There is no such bucket.
            AccessDeniedError: We may not look; that is no answer.
        """
        folder = folder_of(url)
        if isinstance(url, str) and url.endswith("/"):
            return next(iter(entries(self._store(folder), folder)), None) is not None
        at = place_of(url)
        store = self._store(at)
        try:
            Patience(store).call(lambda: store.head(at))
        except ObjectNotFoundError:
            return False
        return True
