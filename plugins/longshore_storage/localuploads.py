"""Multipart uploads to files: a hidden file beside the target, and a record of the parts that are in it."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from contextlib import contextmanager, suppress
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Final

from longshore.heldfiles import NO_LINK
from longshore_storage import checksums
from longshore_storage.errors import ChecksumError, SourceError, UploadNotFoundError
from longshore_storage.localfaults import reading, writing
from longshore_storage.localwrites import real_target, replacing
from longshore_storage.locations import Location
from longshore_storage.protocol import Part, Upload
from longshore_storage.transfers.partials import SUFFIX, Partial, is_partial

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from longshore_storage.objects import Condition

_RECORD: Final = ".json"


def begin(at: Location, part_size: int, size: int) -> Upload:
    """Make the hidden file; its path is the upload's id."""
    real = real_target(at)
    kept = hashlib.sha256(os.fsencode(real.name)).hexdigest()[:16]
    path = real.with_name(f".{kept}-{uuid.uuid4().hex}{SUFFIX}")
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | NO_LINK, 0o600))
    return Upload(url=at.key, id=str(path), part_size=part_size, size=size)


def put_part(upload: Upload, number: int, data: memoryview, checksum: str) -> Part:
    """Write a part, then say in the record that it is there."""
    if checksums.of(checksum.partition(":")[0], data) != checksum:
        raise ChecksumError(
            f"cannot write part {number} of {upload.url!r}: the bytes do not have the checksum {checksum}"
        )
    with _opened(upload) as partial:
        partial.write_at((number - 1) * upload.part_size, data)
        line = f"{json.dumps([number, len(data), checksum])}\n".encode()
        record = os.open(_record(upload), os.O_WRONLY | os.O_APPEND | os.O_CREAT | NO_LINK, 0o600)
        try:
            os.write(record, line)  # one write, so that lines of several writers do not mix
        finally:
            os.close(record)
    return Part(number=number, size=len(data), checksum=checksum)


def parts(upload: Upload) -> Iterator[Part]:
    """Yield the parts that are there; each is read and compared with the record before it is believed."""
    with reading(upload.url), _opened(upload) as partial:
        for _, part in sorted(_recorded(upload).items()):
            if _holds(partial, (part.number - 1) * upload.part_size, part):
                yield part


def finish(upload: Upload, chosen: list[Part], checksum: str, condition: Condition) -> None:
    """Make the hidden file the target."""
    with _opened(upload) as partial:
        size = _whole(upload, chosen, checksum)
        os.ftruncate(partial.fileno(), size)
        with replacing(Location("file", "", upload.url), condition) as turn:
            turn.place(partial)


def abort(upload: Upload) -> None:
    """Remove what there is of an upload."""
    if is_partial(Path(upload.id).name):
        for path in (Path(upload.id), _record(upload)):
            with suppress(FileNotFoundError):
                path.unlink()


def _whole(upload: Upload, chosen: list[Part], checksum: str) -> int:
    """Return the size that chosen parts have together.

    Raises:
        ChecksumError: They are not the parts that arrived, or not the whole.
    """
    there = _recorded(upload)
    chosen = sorted(chosen, key=lambda part: part.number)
    algorithm, expected = checksums.parse(checksum)
    gaps = any(part.size != upload.part_size for part in chosen[:-1])
    missing = [part.number for at, part in enumerate(chosen, 1) if part.number != at or there.get(at) != part]
    if gaps or missing:
        raise ChecksumError(
            f"cannot finish {upload.url!r}: its parts are not those that arrived; send it again"
        )
    value = reduce(
        lambda whole, part: checksums.combine(algorithm, whole, checksums.parse(part.checksum)[1], part.size),
        chosen,
        0,
    )
    size = sum(part.size for part in chosen)
    if value != expected or upload.size not in (-1, size):
        raise ChecksumError(
            f"cannot finish {upload.url!r}: its parts together are not {checksum}; send it again"
        )
    return size


def _holds(partial: Partial, start: int, part: Part) -> bool:
    algorithm, expected = checksums.parse(part.checksum)
    buffer, value = memoryview(bytearray(min(part.size, 1 << 20))), 0
    try:
        for offset in range(0, part.size, 1 << 20):
            piece = buffer[: part.size - offset]
            partial.read_at(start + offset, piece)
            value = checksums.update(algorithm, piece, value)
    except SourceError:
        return False
    return value == expected


def _recorded(upload: Upload) -> dict[int, Part]:
    try:
        lines = _record(upload).read_text().splitlines()
    except FileNotFoundError:
        return {}
    found: dict[int, Part] = {}
    for line in lines:
        with suppress(ValueError):  # a line that a full disk has cut
            number, size, checksum = json.loads(line)
            found[number] = Part(number=number, size=size, checksum=checksum)
    return found


@contextmanager
def _opened(upload: Upload) -> Generator[Partial]:
    path = Path(upload.id)
    with writing(upload.url):
        try:
            descriptor = os.open(path, os.O_RDWR | NO_LINK)
        except FileNotFoundError as error:
            raise UploadNotFoundError(
                f"cannot go on with the upload to {upload.url!r}: it is finished, or was given up"
            ) from error
        partial = Partial(path, descriptor, Path(upload.url).resolve())
        try:
            yield partial
        finally:
            partial.close()


def _record(upload: Upload) -> Path:
    return Path(upload.id + _RECORD)
