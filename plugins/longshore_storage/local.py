"""Local files as objects: the same methods, the same promises."""

from __future__ import annotations

import mimetypes
import os
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from longshore_storage import checksums
from longshore_storage.errors import (
    ChecksumError,
    ConditionFailedError,
    ObjectNotFoundError,
)  # fmt: skip
from longshore_storage.localfiles import FileRange, growing_file, opened, reading, writing
from longshore_storage.locations import Location, parse
from longshore_storage.objects import ANY, Condition, ObjectInfo, Prefix, WriteOptions
from longshore_storage.protocol import PLAIN, TIB, Connection, Limits, ObjectStore, Part, Upload
from longshore_storage.sources import file_token
from longshore_storage.transfers.comparing import checksum_of
from longshore_storage.transfers.partials import SUFFIX, Partial, partial_for
from longshore_storage.walks import walk

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator


_PIECE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class LocalConnection(Connection):
    """The files of this machine; there is nothing to set."""

    scheme: ClassVar[str] = "file"

    def open(self) -> LocalStore:
        """Make the store."""
        return LocalStore()


class LocalStore(ObjectStore):
    """Files, with the token of a file (its time, size and inode) for an etag.

    `Condition(absent=True)` holds against every other writer: the file is linked into place. A token is
    compared under a lock that only Longshore's transfers take, so another program may slip in between. Files
    have no metadata: options are not kept.
    """

    scheme = "file"
    limits = Limits(
        smallest_part=1, largest_part=5 * TIB, most_parts=1 << 40, largest_put=5 * TIB,
        largest_object=1 << 62, largest_copy=1 << 62,
    )  # fmt: skip

    def __init__(self) -> None:
        self.algorithm = checksums.best()

    def head(self, at: Location) -> ObjectInfo:
        with reading(at.url):
            found = at.path.stat()
            if not stat.S_ISREG(found.st_mode):
                raise ObjectNotFoundError(f"cannot find {at.url!r}: it is there, and no plain file")
            return _info(at.url, found)

    def list(
        self, prefix: Location, *, recursive: bool = True, after: str = ""
    ) -> Iterator[ObjectInfo | Prefix]:
        folder, start = _split(prefix.key)
        beyond = after.removeprefix(folder) if after.startswith(folder) else ""
        with reading(prefix.url):
            for name, entry in walk(folder, start, recursive=recursive, after=beyond):
                if name.endswith("/"):
                    yield Prefix(folder + name)
                    continue
                with suppress(FileNotFoundError):  # gone meanwhile, or a link to nothing
                    found = entry.stat()
                    if stat.S_ISREG(found.st_mode):
                        yield _info(folder + name, found)

    @contextmanager
    def read(self, info: ObjectInfo, start: int = 0, stop: int | None = None) -> Generator[FileRange]:
        with opened(info) as source:
            yield FileRange(source, start, info.size if stop is None else min(stop, info.size))

    def get(self, at: Location, limit: int) -> tuple[ObjectInfo, bytes | None]:
        info = self.head(at)
        if info.size > limit:
            return info, None
        data = bytearray(info.size)
        with opened(info) as source:
            source.read_at(0, memoryview(data))
            source.check()
        checksum = checksums.of(self.algorithm, bytes(data))
        return _with_checksum(info, checksum, "size"), bytes(data)

    def put(
        self, at: Location, data: memoryview, *, checksum: str, options: WriteOptions = PLAIN,
        condition: Condition = ANY,
    ) -> ObjectInfo:  # fmt: skip
        _compare(at.url, checksum, checksums.of(checksum.partition(":")[0], data))
        with writing(at) as path, partial_for(path) as partial:
            try:
                partial.start({})
                partial.write_at(0, data)
                _allowed(at, path, condition)
                partial.place(replace=not condition.absent)
            except BaseException:
                partial.discard()
                raise
        return _with_checksum(self.head(at), checksum, checksum.partition(":")[0])

    def begin(
        self, at: Location, *, part_size: int, size: int, options: WriteOptions = PLAIN,
        condition: Condition = ANY,
    ) -> Upload:  # fmt: skip
        with writing(at) as path:
            growing = path.with_name(f".{os.urandom(8).hex()}{SUFFIX}")
            growing.touch(mode=0o600, exist_ok=False)
            return Upload(url=at.url, id=str(growing), part_size=part_size, size=size)

    def put_part(self, upload: Upload, number: int, data: memoryview, *, checksum: str, last: bool) -> Part:
        _compare(upload.url, checksum, checksums.of(checksum.partition(":")[0], data))
        with growing_file(upload) as descriptor:
            offset = (number - 1) * upload.part_size
            view = data
            while view:
                count = os.pwrite(descriptor, view, offset)
                view, offset = view[count:], offset + count
        with open(f"{upload.id}.json", "a") as record:  # noqa: PTH123 - beside the growing file
            record.write(f"{number} {len(data)} {checksum}\n")
        return Part(number=number, size=len(data), checksum=checksum)

    def parts(self, upload: Upload) -> Iterator[Part]:
        with growing_file(upload):
            pass
        lines: dict[int, Part] = {}
        with suppress(FileNotFoundError):
            for line in Path(f"{upload.id}.json").read_text().splitlines():
                number, size, checksum = line.split()
                lines[int(number)] = Part(number=int(number), size=int(size), checksum=checksum)
        yield from (lines[number] for number in sorted(lines))

    def finish(
        self, upload: Upload, parts: Iterable[Part], *, checksum: str, options: WriteOptions = PLAIN,
        condition: Condition = ANY,
    ) -> ObjectInfo:  # fmt: skip
        at = parse(upload.url)
        total = sum(part.size for part in parts)
        with growing_file(upload) as descriptor, writing(at) as path, partial_for(path) as lock:
            growing = Partial(Path(upload.id), os.dup(descriptor), path)
            try:
                os.ftruncate(descriptor, total)
                _compare(at.url, checksum, checksum_of(growing, checksum.partition(":")[0]))
                _allowed(at, path, condition)
                growing.place(replace=not condition.absent)
            finally:
                growing.close()
                lock.discard()
        return _with_checksum(self.head(at), checksum, checksum.partition(":")[0])

    def abort(self, upload: Upload) -> None:
        for name in (f"{upload.id}.json", upload.id):
            with reading(upload.url):
                Path(name).unlink(missing_ok=True)

    def copy(
        self, info: ObjectInfo, at: Location, *, options: WriteOptions | None = None,
        condition: Condition = ANY,
    ) -> ObjectInfo:  # fmt: skip
        with opened(info) as source, writing(at) as path, partial_for(path) as partial:
            try:
                partial.start({})
                for offset in range(0, source.size, _PIECE):
                    piece = memoryview(bytearray(min(_PIECE, source.size - offset)))
                    source.read_at(offset, piece)
                    partial.write_at(offset, piece)
                source.check()
                _allowed(at, path, condition)
                partial.place(replace=not condition.absent)
            except BaseException:
                partial.discard()
                raise
        return self.head(at)

    def delete(self, at: Location, *, condition: Condition = ANY) -> None:
        with writing(at, make=False) as path:
            _allowed(at, path, condition)
            with suppress(FileNotFoundError):
                path.unlink()


def _info(url: str, found: os.stat_result) -> ObjectInfo:
    kind, encoding = mimetypes.guess_type(url)
    return ObjectInfo(
        url=url,
        size=found.st_size,
        etag=file_token(found),
        modified=datetime.fromtimestamp(found.st_mtime, UTC),
        content_type=kind or "application/octet-stream",
        content_encoding="gzip" if encoding == "gzip" else "",
    )


def _with_checksum(info: ObjectInfo, checksum: str, verified: str) -> ObjectInfo:
    return replace(info, checksum=checksum, verified=verified)


def _split(key: str) -> tuple[str, str]:
    """Return the folder that a prefix begins with, with its `/`, and what names in it begin with."""
    folder, slash, start = key.rpartition("/")
    return folder + slash, start


def _compare(url: str, expected: str, seen: str) -> None:
    if seen != expected:
        raise ChecksumError(f"cannot write {url!r}: the bytes have the checksum {seen}, and not {expected}")


def _allowed(at: Location, path: Path, condition: Condition) -> None:
    """Raise ConditionFailedError if the condition is not true now."""
    try:
        token = file_token(path.stat())
    except FileNotFoundError:
        token = ""
    if (condition.absent and token) or (condition.token and condition.token != token):
        seen = "it changed meanwhile" if token else "it is not there any more"
        raise ConditionFailedError(f"cannot write {at.url!r}: {'it is there' if condition.absent else seen}")
