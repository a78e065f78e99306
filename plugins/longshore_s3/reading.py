"""Looking at objects, and reading ranges of exactly one version of them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from longshore_s3 import checking, sdkerrors
from longshore_s3.client import utc
from longshore_s3.errors import S3Error
from longshore_storage import checksums
from longshore_storage.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    ChecksumError,
    ConditionFailedError,
    ObjectChangedError,
    ObjectNotFoundError,
    StorageError,
    UnreachableError,
)
from longshore_storage.locations import parse
from longshore_storage.objects import ObjectInfo
from longshore_storage.sources import BytesSource

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from longshore_s3.api import Api
    from longshore_storage.locations import Location
    from longshore_storage.protocol import Body

ALGORITHM: Final = "crc64nvme"


def info_of(at: Location, answer: Mapping[str, Any]) -> ObjectInfo:
    """Return what an answer to HeadObject or GetObject says of an object."""
    version = str(answer.get("VersionId") or "")
    storage_class = str(answer.get("StorageClass") or "")
    return ObjectInfo(
        url=at.url,
        size=int(answer.get("ContentLength") or 0),
        etag=checking.etag_of(answer),
        version="" if version == "null" else version,
        checksum=checking.told(answer),
        modified=utc(answer.get("LastModified")),
        content_type=str(answer.get("ContentType") or ""),
        content_encoding=str(answer.get("ContentEncoding") or ""),
        storage_class="" if storage_class == "STANDARD" else storage_class,
        metadata=dict(answer.get("Metadata") or {}),
    )


def head(api: Api, at: Location, **pinned: str) -> ObjectInfo:
    """Look at an object, or at one version of it."""
    return info_of(at, head_answer(api, at, **pinned))


def head_answer(api: Api, at: Location, **pinned: str) -> dict[str, Any]:
    """Return the answer to HeadObject.

    Such an answer has no body, so a second request asks what is wrong, where there are several reasons.
    """
    try:
        return api.call("look at", "head_object", at, ChecksumMode="ENABLED", **pinned)
    except ObjectNotFoundError as error:
        _look_at_bucket(api, at, error)
        raise
    except (AccessDeniedError, S3Error) as error:
        if isinstance(error, S3Error) and error.status != 400:
            raise
        _ask_why(api, at, error)
        raise


def _look_at_bucket(api: Api, at: Location, error: StorageError) -> None:
    if at.bucket in api.known_buckets:
        return
    try:
        api.call("look at", "head_bucket", at)
    except ObjectNotFoundError:
        raise BucketNotFoundError(
            f"cannot look at {at.url!r}: there is no bucket {at.bucket!r}; look for it: aws s3 ls"
        ) from error
    except StorageError:
        return  # who may not look at the bucket may still look at its objects
    api.known_buckets.add(at.bucket)


def _ask_why(api: Api, at: Location, error: StorageError) -> None:
    try:
        answer = api.call("look at", "get_object", at, Range="bytes=0-0")
    except S3Error:
        return
    except StorageError as why:
        raise why from error
    answer["Body"].close()


@contextmanager
def read(api: Api, info: ObjectInfo, start: int, stop: int | None) -> Generator[Body]:
    """Open a range of exactly one version."""
    end = info.size if stop is None else min(stop, info.size)
    if start >= end:
        yield _Nothing()
        return
    at = parse(info.url)
    ranged = {} if (start, end) == (0, info.size) else {"Range": f"bytes={start}-{end - 1}"}
    answer = _get(api, at, info, ranged)
    body = _Body(at, answer["Body"], end - start)
    try:
        _check_range(at, answer, info, start, end, bool(ranged))
        yield body
    finally:
        body.close()


def _get(api: Api, at: Location, info: ObjectInfo, ranged: dict[str, str]) -> dict[str, Any]:
    pinned = {"VersionId": info.version, "IfMatch": f'"{info.etag}"' if info.etag else ""}
    try:
        return api.call("read", "get_object", at, **pinned, **ranged)
    except (ConditionFailedError, ObjectNotFoundError) as error:
        raise _changed(at) from error
    except S3Error as error:
        if error.status == 416:  # it became shorter
            raise _changed(at) from error
        raise


def _changed(at: Location) -> ObjectChangedError:
    return ObjectChangedError(
        f"cannot read {at.url!r}: it was replaced or deleted while it was read; run it again"
    )


def _check_range(
    at: Location, answer: Mapping[str, Any], info: ObjectInfo, start: int, end: int, ranged: bool
) -> None:
    """Refuse an answer with other bytes than those that were asked for."""
    etag, length = checking.etag_of(answer), answer.get("ContentLength")
    if info.etag and etag and etag != info.etag:
        raise _changed(at)
    said = str(answer.get("ContentRange") or "")
    if ranged and said != f"bytes {start}-{end - 1}/{info.size}":
        seen = f"with the range {said!r}" if said else "with the whole object"
        asked = f"bytes {start}-{end - 1} of {info.size}"
        raise S3Error(f"cannot read {at.url!r}: the service answered {seen}; asked were {asked}")
    if length is not None and length != end - start:
        raise S3Error(
            f"cannot read {at.url!r}: the service announced {length:,} bytes instead of {end - start:,}"
        )


class _Nothing:
    """No bytes."""

    def readinto(self, buffer: memoryview, /) -> int:
        return 0


class _Body:
    """The bytes of an answer, straight from the socket into the caller's buffer."""

    def __init__(self, at: Location, body: Any, size: int) -> None:
        self._at, self._left = at, size
        self._raw = body._raw_stream
        # What is below decodes and copies nothing; urllib3's own `readinto` copies twice.
        plain: Any = getattr(self._raw, "_fp", None)
        self._source: Any = plain if hasattr(plain, "readinto") else self._raw

    def readinto(self, buffer: memoryview, /) -> int:
        if not self._left or not buffer:
            return 0
        try:
            count: int = self._source.readinto(buffer[: self._left]) or 0
        except Exception as error:
            translated = sdkerrors.broken(error, f"cannot read {self._at.url!r}")
            raise (translated or error) from error
        if not count:
            raise UnreachableError(f"cannot read {self._at.url!r}: it broke off, {self._left:,} bytes early")
        self._left -= count
        return count

    def close(self) -> None:
        if self._left == 0 and (self._source.closed or getattr(self._source, "isclosed", bool)()):
            self._raw.release_conn()
        else:
            self._raw.close()  # what is left in the socket is of no use, and so neither is the socket


def get(api: Api, at: Location, limit: int) -> tuple[ObjectInfo, bytes | None]:
    """Fetch a small object whole, and verify it."""
    answer = api.call("read", "get_object", at, ChecksumMode="ENABLED")
    info = info_of(at, answer)
    if info.size > limit or answer.get("ContentLength") is None:
        answer["Body"].close()
        return (info if answer.get("ContentLength") is not None else head(api, at)), None
    body = _Body(at, answer["Body"], info.size)
    data = memoryview(bytearray(info.size))
    try:
        _fill(body, data)
    finally:
        body.close()
    verified = _verified(api, at, info, answer, data)
    checksum = info.checksum or (checksums.of(ALGORITHM, data) if checksums.available(ALGORITHM) else "")
    return replace(info, verified=verified, checksum=checksum), bytes(data)


def _fill(body: _Body, view: memoryview) -> None:
    while view:
        view = view[body.readinto(view) :]


def _verified(api: Api, at: Location, info: ObjectInfo, answer: Mapping[str, Any], data: memoryview) -> str:
    try:
        algorithm = checking.compare_bytes(info.checksum, data)
    except ValueError as error:
        raise ChecksumError(f"cannot rely on what came of {at.url!r}: {error}") from None
    if algorithm:
        return algorithm
    if checking.is_md5(answer):
        if checking.md5_of(data) != info.etag:
            raise ChecksumError(
                f"cannot rely on what came of {at.url!r}: its MD5 is not the object's ETag {info.etag}"
            )
        return "md5"
    return checking.confirm(api, at, info, BytesSource(data))
