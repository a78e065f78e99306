"""`LocalStore`: the file system as an object store."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Final

from longshore_storage import checksums, localuploads
from longshore_storage.errors import ChecksumError, ConditionFailedError
from longshore_storage.localfaults import check_path, reading, writing
from longshore_storage.localreads import Range, check_still, info_of, opened
from longshore_storage.localwrites import clone, real_target, refuse_unless, replacing
from longshore_storage.locations import Location
from longshore_storage.objects import ANY, Condition, ObjectInfo, Prefix, WriteOptions
from longshore_storage.protocol import PLAIN, Connection, Limits, ObjectStore, Part, Upload
from longshore_storage.transfers.comparing import checksum_of
from longshore_storage.walks import walk

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from longshore_storage.sources import Source

_ENDLESS: Final = 1 << 62


@dataclass(frozen=True)
class LocalConnection(Connection):
    """The file system of this machine.

    Example:
        >>> store_for(LocalConnection()).head(parse("readme.txt")).size
        1024
    """

    scheme: ClassVar[str] = "file"

    def open(self) -> LocalStore:
        """Return a store."""
        return LocalStore()


class LocalStore(ObjectStore):
    """Files as objects: each is whole or not there, and what is read is one version of it.

    A file's etag is made of its time of change, size and number in the file system. A file has content alone,
    so what `WriteOptions` say is let go of, and the content type is guessed from the name. Folders are made
    when they are missing, stay when they become empty, and are never objects.

    A link that is named is followed: the file behind it is read, or replaced. `delete` removes the link
    itself. In listings a link to a file counts as the file, and links to folders are left out.

    Conditions: `absent` is kept by the file system itself, against anybody. `token` is looked at under a lock
    that all writers of Longshore on this machine take, and then the file is renamed into place: another
    program that writes in the microseconds between is not noticed.
    """

    scheme: ClassVar[str] = "file"
    limits: Limits = Limits(
        smallest_part=1, largest_part=_ENDLESS, most_parts=1_000_000, largest_put=_ENDLESS,
        largest_object=_ENDLESS, largest_copy=_ENDLESS,
    )  # fmt: skip

    def __init__(self) -> None:
        self.algorithm = checksums.best()

    def head(self, at: Location) -> ObjectInfo:
        with reading(at.key):
            return info_of(at.key, os.stat(at.key))  # noqa: PTH116 - a slash at the end counts

    def list(
        self, prefix: Location, *, recursive: bool = True, after: str = ""
    ) -> Iterator[ObjectInfo | Prefix]:
        check_path(prefix.key)
        for found in walk(prefix.key, after=after, deep=recursive):
            if found.status is not None:
                yield info_of(found.path, found.status)
            elif not recursive:
                yield Prefix(found.path)

    @contextmanager
    def read(self, info: ObjectInfo, start: int = 0, stop: int | None = None) -> Generator[Range]:
        with opened(info) as source:
            yield Range(source, info, start, source.size if stop is None else min(stop, source.size))

    def get(self, at: Location, limit: int) -> tuple[ObjectInfo, bytes | None]:
        info = self.head(at)
        if info.size > limit:
            return info, None
        data = bytearray(info.size)
        with self.read(info) as body:
            view = memoryview(data)
            while view:
                view = view[body.readinto(view) :]
        return replace(info, checksum=checksums.of(self.algorithm, memoryview(data)), verified="size"), bytes(
            data
        )

    def put(
        self, at: Location, data: memoryview, *, checksum: str, options: WriteOptions = PLAIN,
        condition: Condition = ANY,
    ) -> ObjectInfo:  # fmt: skip
        if checksums.of(checksum.partition(":")[0], data) != checksum:
            raise ChecksumError(f"cannot write {at.key!r}: the bytes do not have the checksum {checksum}")
        with writing(at.key), replacing(at, condition) as turn:
            turn.partial.write_at(0, data)
            turn.place()
        return self._written(at, checksum)

    def begin(
        self, at: Location, *, part_size: int, size: int, options: WriteOptions = PLAIN,
        condition: Condition = ANY,
    ) -> Upload:  # fmt: skip
        with writing(at.key):
            refuse_unless(condition, real_target(at), at.key)
            return localuploads.begin(at, part_size, size)

    def put_part(self, upload: Upload, number: int, data: memoryview, *, checksum: str, last: bool) -> Part:
        return localuploads.put_part(upload, number, data, checksum)

    def parts(self, upload: Upload) -> Iterator[Part]:
        yield from localuploads.parts(upload)

    def finish(
        self, upload: Upload, parts: Iterable[Part], *, checksum: str, options: WriteOptions = PLAIN,
        condition: Condition = ANY,
    ) -> ObjectInfo:  # fmt: skip
        localuploads.finish(upload, list(parts), checksum, condition)
        return self._written(Location(self.scheme, "", upload.url), checksum)

    def abort(self, upload: Upload) -> None:
        localuploads.abort(upload)

    def copy(
        self, info: ObjectInfo, at: Location, *, options: WriteOptions | None = None,
        condition: Condition = ANY,
    ) -> ObjectInfo:  # fmt: skip
        with opened(info) as source, writing(at.key), replacing(at, condition) as turn:
            clone(source, turn.partial)
            checksum = checksum_of(source, self.algorithm)
            check_still(source, info)
            if turn.partial.size != source.size or checksum_of(turn.partial, self.algorithm) != checksum:
                raise ChecksumError(f"cannot copy {info.url!r} to {at.key!r}: the copy has other bytes")
            turn.place()
        return self._written(at, checksum)

    def delete(self, at: Location, *, condition: Condition = ANY) -> None:
        with writing(at.key):
            if not condition:
                _unlink(at)
                return
            if not os.path.lexists(at.key):
                raise ConditionFailedError(f"cannot delete {at.key!r}: it is not there any more")
            with replacing(at, condition) as turn:
                turn.look()
                _unlink(at)

    def confirm(self, info: ObjectInfo, source: Source) -> str:
        with opened(info) as own:
            checksum = checksum_of(own, self.algorithm)
            check_still(own, info)
        if checksum_of(source, self.algorithm) != checksum:
            raise ChecksumError(f"cannot rely on {source.name!r}: it has other bytes than {info.url!r}")
        return self.algorithm

    def _written(self, at: Location, checksum: str) -> ObjectInfo:
        return replace(self.head(at), checksum=checksum, verified=checksum.partition(":")[0])


def _unlink(at: Location) -> None:
    try:
        os.unlink(at.key)  # noqa: PTH108 - a slash at the end counts: what has one is no file
    except FileNotFoundError:
        return
