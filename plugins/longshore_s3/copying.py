"""Copying on the server's side, of any size, with what the source was given."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from longshore_s3 import checking, multipart, writing
from longshore_s3.options import S3WriteOptions, conditions, described, tagging
from longshore_s3.reading import head_answer, info_of
from longshore_storage import checksums
from longshore_storage.errors import (
    ConditionFailedError,
    ObjectChangedError,
    ObjectNotFoundError,
    StorageError,
)
from longshore_storage.locations import parse
from longshore_storage.protocol import GIB, MIB, Limits, Part

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore_s3.api import Api
    from longshore_storage.locations import Location
    from longshore_storage.objects import Condition, ObjectInfo, WriteOptions
    from longshore_storage.protocol import Upload

_PART: Final = 512 * MIB
_LARGEST_PART: Final = 5 * GIB
_AT_ONCE: Final = 8
_KEPT: Final = (
    "ContentType", "ContentEncoding", "ContentDisposition", "ContentLanguage", "CacheControl", "Metadata",
    "StorageClass", "WebsiteRedirectLocation",
)  # fmt: skip
"""Encryption is the target bucket's, as with S3's own copies: the source's key may be of another region."""


def copy(
    api: Api, info: ObjectInfo, at: Location, *, options: WriteOptions | None, condition: Condition,
    limits: Limits, repeat: Callable[[Callable[[], Part]], Part],
) -> ObjectInfo:  # fmt: skip
    """Copy exactly one version.

    Args:
        api: Whose buckets.
        info: The version.
        at: Where to.
        options: What the copy is given; None for what the source has.
        condition: What must be true of the place.
        limits: What one request may copy.
        repeat: Repeats the copy of one part, of many.
    """
    # Services of other makes know the conditions of a finished upload, and read over those of a copy.
    kept = not condition or (api.is_amazons() and api.takes("copy_object", "IfNoneMatch"))
    in_parts = info.size > limits.largest_copy or not kept
    if not in_parts and api.is_amazons():
        return _at_once(api, info, at, options, condition)
    about = _source_now(api, info, at)  # other makes may read over what pins the source, too
    if not in_parts:
        return _at_once(api, info, at, options, condition)
    said = _said(api, parse(info.url), at, info, about, options)
    if not info.size:
        nothing = checksums.of("crc64nvme", b"")
        return writing.put(api, at, memoryview(b""), checksum=nothing, said=said, condition=condition)
    return _in_parts(api, info, at, said, condition, repeat)


def _at_once(
    api: Api, info: ObjectInfo, at: Location, options: WriteOptions | None, condition: Condition
) -> ObjectInfo:
    said: dict[str, Any] = {"StorageClass": info.storage_class}  # S3 would make it STANDARD
    if options is not None:
        said = {"MetadataDirective": "REPLACE", **described(at.key, options)}
        if "Tagging" in said:
            said["TaggingDirective"] = "REPLACE"
    try:
        answer = api.call(
            f"copy {info.url!r} to", "copy_object", at,
            **_source(info), **said, **conditions(condition),
        )  # fmt: skip
    except (ConditionFailedError, ObjectNotFoundError) as error:
        raise _why(api, info, at, condition, error) from error
    result = answer["CopyObjectResult"]
    version = str(answer.get("VersionId") or "")
    return _compared(api, info, at, result, version, checking.told(result))


def _source(info: ObjectInfo) -> dict[str, Any]:
    source = parse(info.url)
    place = {"Bucket": source.bucket, "Key": source.key}
    if info.version:
        place["VersionId"] = info.version
    pinned = {"CopySourceIfMatch": f'"{info.etag}"'} if info.etag else {}
    return {"CopySource": place, **pinned}


def _source_now(api: Api, info: ObjectInfo, at: Location) -> dict[str, Any]:
    pin = {"VersionId": info.version, "IfMatch": f'"{info.etag}"' if info.etag else ""}
    try:
        return head_answer(api, parse(info.url), **pin)
    except (ConditionFailedError, ObjectNotFoundError) as error:
        raise _changed(info, at) from error


def _changed(info: ObjectInfo, at: Location) -> ObjectChangedError:
    return ObjectChangedError(
        f"cannot copy {info.url!r} to {at.url!r}: the source was replaced or deleted meanwhile"
    )


def _why(api: Api, info: ObjectInfo, at: Location, condition: Condition, error: StorageError) -> StorageError:
    """Tell a source that changed from a target that did: the answer is the same."""
    try:
        _source_now(api, info, at)
    except ObjectChangedError as changed:
        return changed
    except StorageError:
        return error
    return writing.refused(at, condition, error)


def _compared(
    api: Api, info: ObjectInfo, at: Location, result: dict[str, Any], version: str, told: str
) -> ObjectInfo:
    """Compare a copy with its source, by what the service says of both."""
    pin = {"VersionId": version} if version and version != "null" else {}
    about = head_answer(api, at, **pin)
    made = info_of(at, about)
    etag = checking.etag_of(result)
    answer = {"ETag": etag, "VersionId": version}
    if made.etag == etag and made.size != info.size:
        raise writing.wrong(api, at, answer, f"the copy has {made.size:,} bytes, the source {info.size:,}")
    said = told or made.checksum
    if info.checksum and said.partition(":")[0] == info.checksum.partition(":")[0]:
        if said != info.checksum:
            raise writing.wrong(api, at, answer, f"the copy has {said}, the source {info.checksum}")
        return replace(made, etag=etag, size=info.size, checksum=said, verified=said.partition(":")[0])
    same = etag == info.etag and checking.is_md5({**about, "ETag": etag})
    return replace(made, etag=etag, size=info.size, verified="md5" if same else "size")


def _said(
    api: Api, source: Location, at: Location, info: ObjectInfo, about: dict[str, Any],
    options: WriteOptions | None,
) -> dict[str, Any]:  # fmt: skip
    """Return what a request must say for the copy to be given what the source has."""
    if options is not None:
        said = described(at.key, options)
        tagged = isinstance(options, S3WriteOptions) and bool(options.object_tags)
    else:
        said = {name: about[name] for name in _KEPT if about.get(name)}
        tagged = False
    if not tagged and about.get("TagCount", 0):
        found = api.call("read the tags of", "get_object_tagging", source, VersionId=info.version)
        said["Tagging"] = tagging({tag["Key"]: tag["Value"] for tag in found["TagSet"]})
    return said


def _in_parts(
    api: Api, info: ObjectInfo, at: Location, said: dict[str, Any], condition: Condition,
    repeat: Callable[[Callable[[], Part]], Part],
) -> ObjectInfo:  # fmt: skip
    size = part_size(info.size)
    upload = multipart.open_upload(api, at, part_size=size, size=info.size, said=said)
    try:
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="longshore-s3-copy") as pool:
            numbers = range(1, -(-info.size // size) + 1)
            waiting = [
                pool.submit(copy_context().run, repeat, partial(_copy_part, api, info, upload, number))
                for number in numbers
            ]
            try:
                parts = [part.result() for part in waiting]
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        known = info.checksum if info.checksum.startswith("crc64nvme:") else _combined(parts)
        made = multipart.finish(api, upload, parts, checksum=known, condition=condition)
    except BaseException:
        multipart.abort(api, upload)
        raise
    return made


def part_size(size: int) -> int:
    """Return the bytes of each part of a copy: as few parts as go side by side well, and 10,000 at most."""
    chosen = max(_PART, -(-size // Limits().most_parts))
    return min(_LARGEST_PART, -(-chosen // MIB) * MIB)


def _copy_part(api: Api, info: ObjectInfo, upload: Upload, number: int) -> Part:
    at = parse(upload.url)
    start = (number - 1) * upload.part_size
    stop = min(info.size, start + upload.part_size)
    try:
        answer = api.call(
            f"copy {info.url!r} to", "upload_part_copy", at,
            UploadId=upload.id, PartNumber=number, CopySourceRange=f"bytes={start}-{stop - 1}",
            **_source(info),
        )  # fmt: skip
    except (ConditionFailedError, ObjectNotFoundError) as error:
        raise _changed(info, at) from error
    result = answer["CopyPartResult"]
    return Part(
        number=number, size=stop - start, etag=checking.etag_of(result), checksum=checking.told(result)
    )


def _combined(parts: list[Part]) -> str:
    """Return the checksum of the whole from those of the parts; empty if the service does not tell them."""
    value = 0
    for part in parts:
        if not part.checksum.startswith("crc64nvme:"):
            return ""
        value = checksums.combine("crc64nvme", value, checksums.parse(part.checksum)[1], part.size)
    return checksums.encode("crc64nvme", value)
