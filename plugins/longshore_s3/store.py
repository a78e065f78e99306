"""`S3Store`: what the transfer engine asks of S3, each topic in a file of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from longshore import ConfigurationError
from longshore_s3 import (
    buckets,
    checking,
    copying,
    deleting,
    listing,
    multipart,
    presigning,
    reading,
    writing,
)
from longshore_s3.api import Api
from longshore_s3.fast import Fast
from longshore_s3.options import described
from longshore_storage.locations import parse
from longshore_storage.objects import ANY
from longshore_storage.protocol import PLAIN, ObjectStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager
    from datetime import timedelta

    from longshore_s3.connections import S3Connection
    from longshore_storage.locations import Location
    from longshore_storage.objects import Condition, ObjectInfo, Prefix, WriteOptions
    from longshore_storage.protocol import Body, Part, Upload
    from longshore_storage.sources import Source


class S3Store(ObjectStore):
    """S3, or a service that speaks like it, through one connection."""

    scheme: ClassVar[str] = "s3"

    def __init__(self, connection: S3Connection) -> None:
        self.connection = connection
        self._api = Api(connection)
        self._fast = Fast(self._api)

    def head(self, at: Location) -> ObjectInfo:
        return reading.head(self._api, at)

    def head_version(self, at: Location, version: str) -> ObjectInfo:
        return reading.head(self._api, at, VersionId=version)

    def list(
        self, prefix: Location, *, recursive: bool = True, after: str = ""
    ) -> Iterator[ObjectInfo | Prefix]:
        return listing.entries(self._api, prefix, recursive=recursive, after=after)

    def read(self, info: ObjectInfo, start: int = 0, stop: int | None = None) -> AbstractContextManager[Body]:
        return reading.read(self._api, info, start, stop)

    def get(self, at: Location, limit: int) -> tuple[ObjectInfo, bytes | None]:
        found = self._fast.get(at, limit)
        if found is None:
            found = reading.get(self._api, at, limit)
            self._fast.seen(at, found[0])
        return found

    def put(
        self,
        at: Location,
        data: memoryview,
        *,
        checksum: str,
        options: WriteOptions = PLAIN,
        condition: Condition = ANY,
    ) -> ObjectInfo:
        said = described(at.key, options)
        done = self._fast.put(at, data, checksum=checksum, said=said, condition=condition)
        return done or writing.put(self._api, at, data, checksum=checksum, said=said, condition=condition)

    def begin(
        self, at: Location, *, part_size: int, size: int, options: WriteOptions = PLAIN,
        condition: Condition = ANY,
    ) -> Upload:  # fmt: skip
        return multipart.begin(self._api, at, part_size=part_size, size=size, options=options)

    def put_part(self, upload: Upload, number: int, data: memoryview, *, checksum: str, last: bool) -> Part:
        return multipart.put_part(self._api, upload, number, data, checksum=checksum)

    def parts(self, upload: Upload) -> Iterator[Part]:
        return multipart.parts(self._api, upload)

    def finish(
        self, upload: Upload, parts: Iterable[Part], *, checksum: str, options: WriteOptions = PLAIN,
        condition: Condition = ANY,
    ) -> ObjectInfo:  # fmt: skip
        return multipart.finish(self._api, upload, parts, checksum=checksum, condition=condition)

    def abort(self, upload: Upload) -> None:
        multipart.abort(self._api, upload)

    def copy(
        self, info: ObjectInfo, at: Location, *, options: WriteOptions | None = None,
        condition: Condition = ANY,
    ) -> ObjectInfo:  # fmt: skip
        from longshore_storage.transfers import Patience

        return copying.copy(
            self._api, info, at, options=options, condition=condition, limits=self.limits,
            repeat=Patience(self).call,
        )  # fmt: skip

    def delete(self, at: Location, *, condition: Condition = ANY) -> None:
        deleting.delete(self._api, at, condition=condition)

    def delete_many(self, places: Iterable[Location]) -> Iterator[tuple[Location, Exception | None]]:
        return deleting.delete_many(self._api, places)

    def presign(self, at: Location, *, method: str, expires: timedelta, **headers: str) -> str:
        return presigning.presign(self._api, at, method=method, expires=expires, headers=headers)

    def create_bucket(self, at: Location, **settings: Any) -> bool:
        """Make the bucket.

        Args:
            at: Any place in it.
            settings: `versioning=True`, `object_lock=True`.
        """
        unknown = set(settings) - {"versioning", "object_lock"}
        if unknown:
            raise ConfigurationError(
                f"cannot create the bucket {at.bucket!r} with {', '.join(sorted(unknown))}: "
                "there are versioning and object_lock"
            )
        versioning, lock = bool(settings.get("versioning")), bool(settings.get("object_lock"))
        return buckets.create(self._api, at, versioning=versioning, object_lock=lock)

    def confirm(self, info: ObjectInfo, source: Source) -> str:
        return checking.confirm(self._api, parse(info.url), info, source)

    def refresh(self) -> bool:
        return self._api.refresh()
