"""Uploads in parts: each part and the whole are compared with what S3 says of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from longshore_s3 import checking
from longshore_s3.api import crc64
from longshore_s3.options import conditions, described
from longshore_s3.reading import head_answer, info_of
from longshore_s3.writing import body_of, look_first, refused, wrong
from longshore_storage.errors import (
    ChecksumError,
    ConditionFailedError,
    ObjectNotFoundError,
    StorageError,
    UploadNotFoundError,
)
from longshore_storage.locations import parse
from longshore_storage.protocol import Part, Upload

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from longshore_s3.api import Api
    from longshore_storage.locations import Location
    from longshore_storage.objects import Condition, ObjectInfo, WriteOptions


def begin(api: Api, at: Location, *, part_size: int, size: int, options: WriteOptions) -> Upload:
    """Begin an upload whose checksum will be that of the whole."""
    return open_upload(api, at, part_size=part_size, size=size, said=described(at.key, options))


def open_upload(api: Api, at: Location, *, part_size: int, size: int, said: dict[str, Any]) -> Upload:
    """Begin an upload, with what the request says of the object."""
    answer = api.call_checked(
        "begin an upload to", "create_multipart_upload", at,
        {"ChecksumAlgorithm": "CRC64NVME", "ChecksumType": "FULL_OBJECT"},
        **said,
    )  # fmt: skip
    return Upload(url=at.url, id=str(answer["UploadId"]), part_size=part_size, size=size)


def put_part(api: Api, upload: Upload, number: int, data: memoryview, *, checksum: str) -> Part:
    """Send a part, and compare it with what arrived."""
    at = parse(upload.url)
    answer = api.call_checked(
        f"send part {number} of", "upload_part", at,
        {"ChecksumCRC64NVME": crc64(checksum)},
        UploadId=upload.id, PartNumber=number, Body=body_of(data),
    )  # fmt: skip
    try:
        checking.compare_sent(api, answer, data, checksum)
    except ValueError as error:
        raise ChecksumError(
            f"cannot send part {number} of {at.url!r}: other bytes arrived: {error}"
        ) from None
    return Part(number=number, size=len(data), etag=checking.etag_of(answer), checksum=checking.told(answer))


def parts(api: Api, upload: Upload) -> Iterator[Part]:
    """Yield the parts that arrived, a thousand a request."""
    at, marker = parse(upload.url), 0
    while True:
        answer = api.call(
            "list the parts of", "list_parts", at,
            UploadId=upload.id, PartNumberMarker=marker or None,
        )  # fmt: skip
        for part in answer.get("Parts", ()):
            yield Part(
                number=part["PartNumber"],
                size=part["Size"],
                etag=checking.etag_of(part),
                checksum=checking.told(part),
            )
        following = int(answer.get("NextPartNumberMarker") or 0)
        if not answer.get("IsTruncated") or following <= marker:
            return
        marker = following


def finish(
    api: Api, upload: Upload, parts: Iterable[Part], *, checksum: str, condition: Condition
) -> ObjectInfo:
    """Make the parts one object; one that came out wrong is deleted again."""
    at, sent = parse(upload.url), list(parts)
    look_first(api, at, condition)
    try:
        answer = _complete(api, upload, sent, checksum, condition)
    except (UploadNotFoundError, StorageError) as error:
        if isinstance(error, (ConditionFailedError, ObjectNotFoundError)):
            raise refused(at, condition, error) from error
        if not isinstance(error, UploadNotFoundError) and not error.retryable:
            raise
        # Perhaps only the answer was lost, of this request or of an earlier one.
        there = _finished_before(api, at, sent, checksum)
        if there is None:
            raise
        return there
    return _checked(api, at, answer, sent, checksum)


def _complete(
    api: Api, upload: Upload, sent: list[Part], checksum: str, condition: Condition
) -> dict[str, Any]:
    at = parse(upload.url)
    plain = [{"PartNumber": part.number, "ETag": f'"{part.etag}"'} for part in sent]
    known = all(crc64(part.checksum) for part in sent)
    listed = [
        {**said, "ChecksumCRC64NVME": crc64(part.checksum)} for said, part in zip(plain, sent, strict=True)
    ]
    whole = {"ChecksumCRC64NVME": crc64(checksum), "ChecksumType": "FULL_OBJECT"}
    return api.call(
        "finish the upload to", "complete_multipart_upload", at,
        UploadId=upload.id,
        MultipartUpload={"Parts": listed if known else plain},
        MpuObjectSize=sum(part.size for part in sent),
        **(whole if api.checksums is not False and checksum else {}),
        **conditions(condition),
    )  # fmt: skip


def _checked(api: Api, at: Location, answer: dict[str, Any], sent: list[Part], checksum: str) -> ObjectInfo:
    """Compare the object with what was sent, by what the service says of it now."""
    version = str(answer.get("VersionId") or "")
    pin = {"VersionId": version} if version and version != "null" else {}
    about = head_answer(api, at, **pin)
    info = info_of(at, about)
    size = sum(part.size for part in sent)
    if info.etag != checking.etag_of(answer):  # somebody else's, written after ours
        return replace(info, size=size, etag=checking.etag_of(answer), checksum=checksum, verified="size")
    if info.size != size:
        raise wrong(api, at, answer, f"S3 has {info.size:,} bytes, sent were {size:,}")
    said = checking.told(answer) or info.checksum
    if said and checksum and said.partition(":")[0] == checksum.partition(":")[0]:
        if said != checksum:
            raise wrong(api, at, answer, f"S3 has {said}, sent was {checksum}")
        if api.checksums is not False:
            return replace(info, checksum=checksum, verified=said.partition(":")[0])
    expected = checking.multipart_etag(sent)
    same = bool(expected) and expected == info.etag
    if expected and not same and checking.is_md5({**about, "ETag": info.etag.partition("-")[0]}):
        raise wrong(api, at, answer, f"S3 has the ETag {info.etag}, that of what was sent is {expected}")
    return replace(info, checksum=checksum or info.checksum, verified="md5" if same else "size")


def _finished_before(api: Api, at: Location, sent: list[Part], checksum: str) -> ObjectInfo | None:
    """Return the object if it is made of exactly these parts."""
    try:
        about = head_answer(api, at)
    except StorageError:
        return None
    info = info_of(at, about)
    if checksum and info.checksum == checksum and info.size == sum(part.size for part in sent):
        return replace(info, verified=checksum.partition(":")[0])
    if info.etag and info.etag == checking.multipart_etag(sent):
        return replace(info, checksum=checksum, verified="md5")
    return None


def abort(api: Api, upload: Upload) -> None:
    """Give an upload up."""
    at = parse(upload.url)
    try:
        api.call("give up the upload to", "abort_multipart_upload", at, UploadId=upload.id)
    except UploadNotFoundError:
        return
