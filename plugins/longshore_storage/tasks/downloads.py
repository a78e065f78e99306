"""From an object to a file or memory."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from longshore import ConfigurationError, current
from longshore_storage.errors import ContentError, ObjectChangedError, TooLargeError
from longshore_storage.names import safe_path
from longshore_storage.objects import ObjectInfo, Overwrite
from longshore_storage.protocol import MIB
from longshore_storage.tasks.places import Place, StorageTask, TransferTask, place_of, said_read
from longshore_storage.transfers import Patience, Settings, download

if TYPE_CHECKING:
    from longshore_storage.locations import Location
    from longshore_storage.protocol import ObjectStore

R = TypeVar("R")

_AT_ONCE: Final = 16 * MIB
"""Bytes up to which an object is fetched with one request."""


class DownloadTask(TransferTask[ObjectInfo]):
    """Copy one object to a local file, whole or not at all.

    It is written to a hidden file beside the target, checked against the service's checksum and moved into
    place, so a reader never sees half of it, and a failed download leaves the old file as it was. Larger
    objects come in ranges, side by side; one that broke goes on from there, if the object is still the same.
    """

    def run(
        self,
        url: Place,
        target: str | Path,
        *,
        overwrite: Overwrite | ObjectInfo = "always",
        version: str = "",
    ) -> ObjectInfo:
        """Download it.

        Args:
            url: The object; one that another task returned is that very version.
            target: The file, whose folder is made if it is missing. Where a folder is, or the path ends in
                `/`, it gets the object's name.
            overwrite: What may become of a file that is there: `"always"`, `"never"`, `"if-unchanged"`,
                `"if-different"`, or the ObjectInfo of the file that may be replaced.
            version: Which version of the object, by `ObjectInfo.version` or `.generation`; the newest when
                empty.

        Returns:
            The object, with `path`, `checksum`, and in `verified` what it was compared with.

        Raises:
            ObjectNotFoundError: There is none.
            ObjectChangedError: The version is not there any more.
            TargetError: The file cannot be written.
            StorageError: It could not be downloaded.
        """
        at = place_of(url)
        store = self._store(at)
        exact = _exact(store, at, url, version)
        path = _target(at, target)
        info = said_read(download(store, exact, path, settings=self._settings(overwrite)))
        current.writes(path, bytes=info.size)
        return info


class _ToMemory(StorageTask[R]):
    """Fetch an object into memory.

    Args:
        max_size: Bytes that it may have; a larger one is an error before it is fetched.
    """

    max_size: int = 64 * MIB

    def check(self) -> None:
        if self.max_size < 0:
            raise ConfigurationError(f"{self.name}(max_size={self.max_size}): give a number of bytes")

    def _fetch(self, url: Place, version: str) -> bytes:
        at = place_of(url)
        store = self._store(at)
        exact = _exact(store, at, url, version)
        if isinstance(exact, ObjectInfo):
            return self._larger(store, exact)
        info, data = Patience(store).call(lambda: store.get(exact, min(self.max_size, _AT_ONCE)))
        if data is None:
            return self._larger(store, info)
        said_read(info)
        return bytes(data)

    def _larger(self, store: ObjectStore, info: ObjectInfo) -> bytes:
        if info.size > self.max_size:
            raise TooLargeError(
                f"cannot read {info.url!r} into memory: it has {info.size:,} bytes, and max_size is "
                f"{self.max_size:,}; raise it, or download it to a file"
            )
        with tempfile.TemporaryDirectory(prefix="longshore-") as folder:
            path = Path(folder) / "object"
            said_read(download(store, info, path, settings=Settings(resume=False)))
            return path.read_bytes()


class ReadTask(_ToMemory[bytes]):
    """Fetch the bytes of an object, checked; as they are stored, nothing is decompressed."""

    def run(self, url: Place, *, version: str = "") -> bytes:
        """Fetch them.

        Args:
            url: The object; one that another task returned is that very version.
            version: Which version, by `ObjectInfo.version` or `.generation`; the newest when empty.

        Raises:
            ObjectNotFoundError: There is none.
            TooLargeError: It has more than `max_size` bytes.
            StorageError: It could not be read.
        """
        return self._fetch(url, version)


class ReadTextTask(_ToMemory[str]):
    """Fetch the text of an object, checked.

    Args:
        encoding: Of its bytes.
    """

    encoding: str = "utf-8"

    def run(self, url: Place, *, version: str = "") -> str:
        """Fetch it.

        Args:
            url: The object; one that another task returned is that very version.
            version: Which version, by `ObjectInfo.version` or `.generation`; the newest when empty.

        Raises:
            ObjectNotFoundError: There is none.
            TooLargeError: It has more than `max_size` bytes.
            ContentError: It is no text in `encoding`.
            StorageError: It could not be read.
        """
        data = self._fetch(url, version)
        try:
            return data.decode(self.encoding)
        except UnicodeDecodeError as error:
            raise ContentError(
                f"cannot read {place_of(url).url!r} as text: byte {error.start} is no {self.encoding}; "
                "give its encoding, or read it as bytes"
            ) from error


def _exact(store: ObjectStore, at: Location, place: Place, version: str) -> Location | ObjectInfo:
    """Return which version to read; the place alone stands for the newest."""
    if version:
        return Patience(store).call(lambda: store.head_version(at, version))
    if not isinstance(place, ObjectInfo) or not place.token:
        return at
    if place.version or place.generation:
        return place
    # What another task was told of it may lack what only a look at the object shows.
    now = Patience(store).call(lambda: store.head(at))
    if now.token != place.token:
        raise ObjectChangedError(f"cannot read {at.url!r}: it was replaced since its version was looked at")
    return replace(now, checksum=now.checksum or place.checksum)


def _target(at: Location, target: str | Path) -> Path:
    path = Path(target)
    if str(target).endswith("/") or path.is_dir():
        return safe_path(path, at.key.rstrip("/").rpartition("/")[2])
    return path
