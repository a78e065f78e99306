"""What all tasks on objects have: a connection, and patience."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

from longshore import ConfigurationError, Delay, Exponential, Task, current, field
from longshore_storage.locations import parse
from longshore_storage.names import safe_path
from longshore_storage.objects import ObjectInfo, Overwrite, WriteOptions
from longshore_storage.stores import connection_for, store_for
from longshore_storage.transfers import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longshore_storage.locations import Location
    from longshore_storage.protocol import Connection, ObjectStore

R = TypeVar("R")

Place = str | os.PathLike[str] | ObjectInfo
"""A URL, a path, or an object that another task returned."""


class StorageTask(Task[R]):
    """Do something with objects.

    A subclass declares `connection: SomeConnection = SomeConnection()` and takes the URLs of its scheme, or
    `connections: Mapping[str, Connection]`, by the beginning of URLs, and takes those of every scheme.

    Requests are repeated for half a minute or so within an attempt; the retries are for what lasts longer.
    An error that another attempt cannot mend, such as a missing object or bucket, is not retried.
    """

    retries: int = 3
    retry_delay: Delay = Exponential(base=1.0, cap=30.0)

    def _connection(self, at: Location) -> Connection:
        """Return how to reach a place."""
        own: Connection | None = getattr(self, "connection", None)
        if own is None:
            return connection_for(at, getattr(self, "connections", None))
        if own.scheme == at.scheme:
            return own
        if self._takes_files() and at.scheme == "file":
            return connection_for(at)
        raise ConfigurationError(
            f"cannot use {at.url!r} in {self.name}: it takes {own.scheme}://BUCKET/KEY; "
            "for other places there are the tasks of longshore_storage"
        )

    def _takes_files(self) -> bool:
        """Tell whether a task that has one service's connection takes paths too."""
        return False

    def _store(self, at: Location) -> ObjectStore:
        """Return the store that has a place."""
        return store_for(self._connection(at))


class TransferTask(StorageTask[R]):
    """Move bytes of objects.

    Args:
        part_size: Bytes of a part; what is no larger goes in one request. 0 for 16 MiB. It grows where the
            service wants it.
        concurrency: Parts that are under way at once. Memory is `part_size * concurrency`.
        resume: Whether to keep what came of a transfer that broke, and go on from there.
    """

    part_size: int = 0
    concurrency: int = 4
    resume: bool = True

    def check(self) -> None:
        self._settings("always")

    def _settings(self, overwrite: Overwrite | ObjectInfo) -> Settings:
        return Settings(
            part_size=self.part_size, concurrency=self.concurrency, overwrite=overwrite, resume=self.resume
        )


class WritingTask(TransferTask[R]):
    """Make objects.

    Args:
        content_type: The media type; guessed from the key when empty.
        content_encoding: Said of the bytes as they are, such as `"gzip"`; nothing is compressed.
        content_disposition: How a browser presents it.
        content_language: Such as `"en"`.
        cache_control: Such as `"no-store"`.
        metadata: Your own entries.
    """

    content_type: str = ""
    content_encoding: str = ""
    content_disposition: str = ""
    content_language: str = ""
    cache_control: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])

    def _options(self) -> WriteOptions:
        """Return what a new object is given; a service's mixin returns its own class, with more in it."""
        return WriteOptions(**self._common())

    def _common(self) -> dict[str, Any]:
        """Return what every service's options have, for `SomeWriteOptions(**self._common(), ...)`."""
        return {
            "content_type": self.content_type,
            "content_encoding": self.content_encoding,
            "content_disposition": self.content_disposition,
            "content_language": self.content_language,
            "cache_control": self.cache_control,
            "metadata": dict(self.metadata),
        }


def place_of(place: Place) -> Location:
    """Return where an object is.

    Raises:
        ConfigurationError: It is no object's place, but a bucket or a folder.
    """
    at = parse(place.url if isinstance(place, ObjectInfo) else place)
    if not at.key or at.key == "/":
        raise ConfigurationError(f"cannot use {at.url!r}: it names a bucket and no object in it")
    return at


def target_of(source: Place, target: Place) -> Location:
    """Return where a copy goes: the target, or the source's own name in it where that is a folder."""
    at = parse(target.url if isinstance(target, ObjectInfo) else target)
    name = place_of(source).key.rstrip("/").rpartition("/")[2]
    if at.scheme == "file" and (at.key.endswith("/") or at.path.is_dir()):
        return parse(safe_path(at.path, name))
    if at.key.endswith("/") or not at.key:
        return at.with_key(at.key + name)
    return at


def folder_of(place: Place) -> Location:
    """Return the prefix of what is below a URL: `s3://lake/data` is `s3://lake/data/`.

    So that it does not match `s3://lake/database.csv`.
    """
    at = parse(place.url if isinstance(place, ObjectInfo) else place)
    return at.with_key(f"{at.key}/") if at.key and not at.key.endswith("/") else at


def said_read(info: ObjectInfo) -> ObjectInfo:
    """Say, for lineage, that an object was read, and return it."""
    current.reads(info.url, bytes=info.size, version=_version(info))
    return info


def said_written(info: ObjectInfo) -> ObjectInfo:
    """Say, for lineage, that an object was written, and return it."""
    current.writes(info.url, bytes=info.size, version=_version(info))
    return info


def _version(info: ObjectInfo) -> str:
    """Return what a service calls the version; the token of a file means nothing elsewhere."""
    return info.version or (info.token if "://" in info.url else "")


def is_marker(info: ObjectInfo) -> bool:
    """Tell whether an object only stands for a folder, as consoles make them: `data/`, empty."""
    return info.size == 0 and info.url.endswith("/")
