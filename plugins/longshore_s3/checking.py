"""Comparing bytes with what S3 says of them: CRCs where it knows them, MD5 in ETags where it does not."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, Final

from longshore_storage import checksums
from longshore_storage.errors import ChecksumError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from longshore_s3.api import Api
    from longshore_storage.locations import Location
    from longshore_storage.objects import ObjectInfo
    from longshore_storage.protocol import Part
    from longshore_storage.sources import Source

_CRCS: Final = {
    "ChecksumCRC64NVME": "crc64nvme",
    "ChecksumCRC32C": "crc32c",
    "ChecksumCRC32": "crc32",
}
_MD5: Final = re.compile(r"[0-9a-f]{32}")
_PIECE: Final = 1 << 20


def told(answer: Mapping[str, Any]) -> str:
    """Return the checksum of the whole that an answer tells, as `ObjectInfo` has it; empty if none."""
    if answer.get("ChecksumType", "FULL_OBJECT") != "FULL_OBJECT":
        return ""
    for member, algorithm in _CRCS.items():
        value = str(answer.get(member) or "")
        if value and "-" not in value:  # with a number of parts behind it, it is a checksum of checksums
            return f"{algorithm}:{value}"
    return ""


def etag_of(answer: Mapping[str, Any]) -> str:
    """Return an answer's ETag without its quotes."""
    return str(answer.get("ETag") or "").strip('"')


def is_md5(answer: Mapping[str, Any]) -> bool:
    """Tell whether an ETag is the MD5 of the bytes; under keys of KMS or our own it only looks like one.

    See "Object" in the Amazon S3 API Reference.
    """
    encrypted = str(answer.get("ServerSideEncryption") or "").startswith("aws:kms")
    own_key = bool(answer.get("SSECustomerAlgorithm"))
    return not encrypted and not own_key and _MD5.fullmatch(etag_of(answer)) is not None


def md5_of(data: memoryview | bytes) -> str:
    """Return the MD5 in hexadecimal."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def multipart_etag(parts: Iterable[Part]) -> str:
    """Return the ETag that S3 gives an object of these parts; empty if their ETags are none of MD5."""
    etags = [part.etag for part in parts]
    if not all(_MD5.fullmatch(etag) for etag in etags):
        return ""
    joined = b"".join(bytes.fromhex(etag) for etag in etags)
    return f"{md5_of(joined)}-{len(etags)}"


def compare_sent(api: Api, answer: Mapping[str, Any], data: memoryview, checksum: str) -> str:
    """Compare what was sent with what a write's answer tells of it.

    Returns:
        What was compared: `"crc64nvme"`, `"md5"`, or `"size"` if the answer tells nothing.

    Raises:
        ValueError: It is not the same; the message says what was told.
    """
    said = told(answer)
    if said.partition(":")[0] == checksum.partition(":")[0]:
        api.checksums = True
        _same(said, checksum)
        return said.partition(":")[0]
    if api.checksums is None:
        api.checksums = False
    if is_md5(answer):
        _same(etag_of(answer), md5_of(data))
        return "md5"
    return "size"


def _same(said: str, ours: str) -> None:
    if said != ours:
        raise ValueError(f"S3 has {said}, sent was {ours}")


def confirm(api: Api, at: Location, info: ObjectInfo, source: Source) -> str:
    """Compare bytes with an object's ETag, also where it is one of parts.

    Returns:
        `"md5"`, or `"size"` if the ETag is no MD5.

    Raises:
        ChecksumError: They are not the object's.
    """
    pinned = {"VersionId": info.version, "IfMatch": f'"{info.etag}"' if info.etag else ""}
    about = api.call("look at", "head_object", at, **pinned)
    if is_md5(about):
        ours = _md5_of_source(source, 0, source.size).hexdigest()
    else:
        size = _part_size(api, at, about, info.version)
        if not size:
            return "size"
        offsets = range(0, source.size, size)
        each = [_md5_of_source(source, start, min(source.size, start + size)).digest() for start in offsets]
        ours = f"{md5_of(b''.join(each))}-{len(each)}"
        if ours.partition("-")[2] != etag_of(about).partition("-")[2]:
            return "size"  # its parts are of several sizes
    if ours != etag_of(about):
        raise ChecksumError(
            f"cannot rely on what came of {at.url!r}: its MD5 is {ours}, the object's ETag {etag_of(about)}"
        )
    return "md5"


def _part_size(api: Api, at: Location, about: Mapping[str, Any], version: str) -> int:
    """Return the size of an object's parts, if their MD5s make its ETag; 0 if not, or if nobody says it."""
    plain, _, count = etag_of(about).partition("-")
    if not count.isdigit() or not is_md5({**about, "ETag": plain}):
        return 0
    try:
        # No `If-Match`: services of other makes compare it with the part's own ETag.
        first = api.call("look at", "head_object", at, PartNumber=1, VersionId=version)
    except StorageError:  # a service that knows no parts of finished objects
        return 0
    return int(first.get("ContentLength") or 0) if first.get("PartsCount") else 0


def _md5_of_source(source: Source, start: int, stop: int) -> Any:
    digest = hashlib.md5(usedforsecurity=False)
    buffer = memoryview(bytearray(min(_PIECE, max(0, stop - start))))
    for offset in range(start, stop, _PIECE):
        piece = buffer[: stop - offset]
        source.read_at(offset, piece)
        digest.update(piece)
    return digest


def compare_bytes(checksum: str, data: memoryview) -> str:
    """Return the algorithm by which bytes were found right; empty if it cannot be computed here.

    Raises:
        ValueError: They are wrong.
    """
    algorithm = checksum.partition(":")[0]
    if not algorithm or not checksums.available(algorithm):
        return ""
    _same(checksum, checksums.of(algorithm, data))
    return algorithm
