"""A second scheme for tests of the storage kit: `shelf://bucket/key`, objects in this process's memory.

Conditions, versions and batches are as services have them. `requests` says what was asked, and `fail` has
requests raise.
"""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from longshore import hookimpl
from longshore_storage import checksums
from longshore_storage.errors import (
    BucketNotFoundError,
    ChecksumError,
    ConditionFailedError,
    ObjectChangedError,
    ObjectNotFoundError,
    UploadNotFoundError,
)
from longshore_storage.locations import Location, parse
from longshore_storage.objects import ANY, Condition, ObjectInfo, Prefix, WriteOptions
from longshore_storage.protocol import PLAIN, Connection, Limits, ObjectStore, Part, Upload

OLD = datetime(2013, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class ShelfConnection(Connection):
    """Objects in this process's memory.

    Args:
        number: Another number is another service.
    """

    scheme: ClassVar[str] = "shelf"
    number: int = 0

    def open(self) -> ShelfStore:
        return ShelfStore()


class Plugin:
    """What offers the scheme."""

    @hookimpl
    def longshore_storage(self) -> dict[str, Any]:
        return {"shelf": ShelfConnection}


class Bytes:
    """A range."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)

    def readinto(self, buffer: memoryview, /) -> int:
        count = min(len(buffer), len(self._data))
        buffer[:count] = self._data[:count]
        self._data = self._data[count:]
        return count


class ShelfStore(ObjectStore):
    """Buckets of objects; those whose name begins with `no` are not there."""

    scheme = "shelf"
    limits = Limits(smallest_part=1)

    def __init__(self) -> None:
        self.algorithm = checksums.best()
        self.objects: dict[tuple[str, str], tuple[bytes, ObjectInfo]] = {}
        self.older: dict[tuple[str, str], tuple[bytes, ObjectInfo]] = {}
        self.uploads: dict[str, tuple[Upload, dict[int, bytes], WriteOptions]] = {}
        self.requests: list[tuple[str, str]] = []
        self.fail: dict[tuple[str, str], list[Exception]] = {}
        self.listing_says_checksums = False
        self.in_order = True
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)

    def keys(self, bucket: str = "lake") -> list[str]:
        return sorted((key for place, key in self.objects if place == bucket), key=str.encode)

    def data(self, key: str, bucket: str = "lake") -> bytes:
        return self.objects[bucket, key][0]

    def fill(self, modified: datetime = OLD, /, **contents: bytes) -> None:
        """Write objects, whose keys may be given by `**{...}`, as if long ago."""
        for key, data in contents.items():
            made = self._made(Location("shelf", "lake", key), data, PLAIN)
            self.objects["lake", key] = data, replace(made, modified=modified)
        self.requests.clear()

    def asked(self, verb: str) -> list[str]:
        """The keys of all requests of one kind."""
        return [key for word, key in self.requests if word == verb]

    def _request(self, verb: str, at: Location) -> None:
        with self._lock:
            self.requests.append((verb, at.key))
            planned = self.fail.get((verb, at.key)) or self.fail.get((verb, "*"))
            if planned:
                raise planned.pop(0)
        if at.bucket.startswith("no"):
            raise BucketNotFoundError(f"cannot use {at.url!r}: there is no such bucket")

    def _found(self, at: Location) -> tuple[bytes, ObjectInfo]:
        try:
            return self.objects[at.bucket, at.key]
        except KeyError:
            raise ObjectNotFoundError(f"cannot find {at.url!r}: there is no such object") from None

    def head(self, at: Location) -> ObjectInfo:
        self._request("head", at)
        return self._found(at)[1]

    def head_version(self, at: Location, version: str) -> ObjectInfo:
        self._request("head", at)
        try:
            return self.older[at.url, version][1]
        except KeyError:
            raise ObjectNotFoundError(f"cannot find version {version!r} of {at.url!r}") from None

    def list(
        self, prefix: Location, *, recursive: bool = True, after: str = ""
    ) -> Iterator[ObjectInfo | Prefix]:
        self._request("list", prefix)
        last = ""
        for key in self.keys(prefix.bucket) if self.in_order else reversed(self.keys(prefix.bucket)):
            if not key.startswith(prefix.key) or (after and key.encode() <= after.encode()):
                continue
            folder, slash, _ = key[len(prefix.key) :].partition("/")
            if slash and not recursive:
                if folder != last:
                    yield Prefix(f"{prefix.url}{folder}/")
                last = folder
                continue
            found = self.objects[prefix.bucket, key][1]
            yield found if self.listing_says_checksums else replace(found, checksum="", metadata={})

    @contextmanager
    def read(self, info: ObjectInfo, start: int = 0, stop: int | None = None) -> Generator[Bytes]:
        at = parse(info.url)
        self._request("read", at)
        for found in (self.objects.get((at.bucket, at.key)), self.older.get((at.url, info.version))):
            if found is not None and found[1].token == info.token:
                yield Bytes(found[0][start:stop])
                return
        raise ObjectChangedError(f"cannot read {info.url!r}: it was replaced")

    def get(self, at: Location, limit: int) -> tuple[ObjectInfo, bytes | None]:
        self._request("get", at)
        data, info = self._found(at)
        return (info, None) if info.size > limit else (replace(info, verified=self.algorithm), data)

    def put(
        self, at: Location, data: memoryview, *, checksum: str, options: WriteOptions = PLAIN,
        condition: Condition = ANY,
    ) -> ObjectInfo:  # fmt: skip
        self._request("put", at)
        return self._write(at, bytes(data), checksum, options, condition)

    def begin(
        self, at: Location, *, part_size: int, size: int, options: WriteOptions = PLAIN,
        condition: Condition = ANY,
    ) -> Upload:  # fmt: skip
        self._request("begin", at)
        upload = Upload(url=at.url, id=f"upload-{next(self._numbers)}", part_size=part_size, size=size)
        self.uploads[upload.id] = upload, {}, options
        return upload

    def put_part(self, upload: Upload, number: int, data: memoryview, *, checksum: str, last: bool) -> Part:
        self._request("put_part", parse(upload.url))
        if checksums.of(self.algorithm, data) != checksum:
            raise ChecksumError("other bytes arrived")
        self._parts(upload)[number] = bytes(data)
        return Part(number=number, size=len(data), checksum=checksum)

    def _parts(self, upload: Upload) -> dict[int, bytes]:
        if upload.id not in self.uploads:
            raise UploadNotFoundError("it is gone")
        return self.uploads[upload.id][1]

    def parts(self, upload: Upload) -> Iterator[Part]:
        for number, data in sorted(self._parts(upload).items()):
            yield Part(number=number, size=len(data), checksum=checksums.of(self.algorithm, data))

    def finish(
        self, upload: Upload, parts: Iterable[Part], *, checksum: str, options: WriteOptions = PLAIN,
        condition: Condition = ANY,
    ) -> ObjectInfo:  # fmt: skip
        at = parse(upload.url)
        self._request("finish", at)
        found = self._parts(upload)
        data = b"".join(found[part.number] for part in parts)
        made = self._write(at, data, checksum, self.uploads[upload.id][2], condition)
        del self.uploads[upload.id]
        return made

    def abort(self, upload: Upload) -> None:
        self.uploads.pop(upload.id, None)

    def copy(
        self, info: ObjectInfo, at: Location, *, options: WriteOptions | None = None,
        condition: Condition = ANY,
    ) -> ObjectInfo:  # fmt: skip
        self._request("copy", at)
        data, there = self._found(parse(info.url))
        if there.token != info.token:
            raise ObjectChangedError(f"cannot copy {info.url!r}: it was replaced")
        given = options or WriteOptions(content_type=there.content_type, metadata=there.metadata)
        return self._write(at, data, checksums.of(self.algorithm, data), given, condition)

    def delete(self, at: Location, *, condition: Condition = ANY) -> None:
        self._request("delete", at)
        with self._lock:
            self._allowed(at, condition)
            self.objects.pop((at.bucket, at.key), None)

    def presign(self, at: Location, *, method: str, expires: timedelta, **headers: str) -> str:
        return f"https://shelf.example/{at.bucket}/{at.key}?{method}={expires.total_seconds():g}"

    def create_bucket(self, at: Location, **settings: Any) -> bool:
        self._request("create_bucket", at)
        return True

    def _write(
        self, at: Location, data: bytes, checksum: str, options: WriteOptions, condition: Condition
    ) -> ObjectInfo:
        if checksums.of(self.algorithm, data) != checksum:
            raise ChecksumError("other bytes arrived")
        with self._lock:
            self._allowed(at, condition)
            made = self._made(at, data, options)
            self.objects[at.bucket, at.key] = data, made
        return made

    def _made(self, at: Location, data: bytes, options: WriteOptions) -> ObjectInfo:
        made = ObjectInfo(
            url=at.url, size=len(data), etag=hashlib.md5(data, usedforsecurity=False).hexdigest(),
            version=f"v{next(self._numbers)}", checksum=checksums.of(self.algorithm, data),
            modified=datetime.now(UTC), content_type=options.content_type, metadata=dict(options.metadata),
        )  # fmt: skip
        self.older[at.url, made.version] = data, made
        return made

    def _allowed(self, at: Location, condition: Condition) -> None:
        there = self.objects.get((at.bucket, at.key))
        token = there[1].token if there else ""
        if (condition.absent and there) or (condition.token and condition.token != token):
            raise ConditionFailedError(f"cannot write {at.url!r}: somebody was faster")
