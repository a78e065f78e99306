"""Writing an object with one request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from longshore_s3 import checking
from longshore_s3.api import crc64
from longshore_s3.options import conditions
from longshore_storage.errors import (
    ChecksumError,
    ConditionFailedError,
    ObjectExistsError,
    ObjectNotFoundError,
    StorageError,
)
from longshore_storage.objects import ObjectInfo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longshore_s3.api import Api
    from longshore_storage.locations import Location
    from longshore_storage.objects import Condition


def put(
    api: Api, at: Location, data: memoryview, *, checksum: str, said: dict[str, Any], condition: Condition
) -> ObjectInfo:
    """Write an object; a wrong one is deleted again.

    Args:
        api: Where.
        at: The object.
        data: All of it.
        checksum: Of the data.
        said: What the request says of the object.
        condition: What must be true of the place.
    """
    look_first(api, at, condition)
    try:
        answer = api.call_checked(
            "write", "put_object", at,
            {"ChecksumCRC64NVME": crc64(checksum)},
            Body=body_of(data), **said, **conditions(condition),
        )  # fmt: skip
    except (ConditionFailedError, ObjectNotFoundError) as error:  # with If-Match, a missing one is Not Found
        raise refused(at, condition, error) from error
    try:
        verified = checking.compare_sent(api, answer, data, checksum)
    except ValueError as error:
        raise wrong(api, at, answer, str(error)) from None
    return written(at, answer, len(data), checksum, verified, said)


def written(
    at: Location, answer: Mapping[str, Any], size: int, checksum: str, verified: str, said: Mapping[str, Any]
) -> ObjectInfo:
    """Return what is known of an object that was just written."""
    version = str(answer.get("VersionId") or "")
    return ObjectInfo(
        url=at.url,
        size=size,
        etag=checking.etag_of(answer),
        version="" if version == "null" else version,
        checksum=checksum,
        verified=verified,
        content_type=said.get("ContentType", ""),
        content_encoding=said.get("ContentEncoding", ""),
        storage_class=said.get("StorageClass", ""),
        metadata=dict(said.get("Metadata", {})),
    )


def body_of(data: memoryview) -> Any:
    """Return bytes as the SDK takes them: without a copy, where the view is of a whole buffer."""
    whole = data.obj
    if isinstance(whole, (bytes, bytearray)) and len(whole) == data.nbytes:
        return whole
    return bytes(data)


def refused(at: Location, condition: Condition, error: StorageError) -> StorageError:
    """Return the error for a condition that is not true."""
    if condition.absent:
        return ObjectExistsError(f"cannot write {at.url!r}: it is there, and overwrite='never'")
    if condition:
        return ConditionFailedError(
            f"cannot write {at.url!r}: somebody replaced or deleted it meanwhile; look at it and run it again"
        )
    return error


def wrong(api: Api, at: Location, answer: Mapping[str, Any], seen: str) -> ChecksumError:
    """Delete the object that came out wrong, and return the error."""
    version = str(answer.get("VersionId") or "")
    pin = {"VersionId": version} if version else {"IfMatch": f'"{checking.etag_of(answer)}"'}
    left = "it was deleted again"
    try:
        api.call("delete", "delete_object", at, **pin)
    except StorageError as error:
        left = f"it could not be deleted: {error}"
    return ChecksumError(f"cannot write {at.url!r}: other bytes arrived: {seen}; {left}")


def look_first(api: Api, at: Location, condition: Condition) -> None:
    """Look at the object before a request whose `If-Match` services of other makes read over.

    There it makes the window small in which somebody else's write is lost; at Amazon's there is none.

    Raises:
        ConditionFailedError: It is another one already.
    """
    if not condition.token or api.is_amazons():
        return
    try:
        there = checking.etag_of(api.call("look at", "head_object", at))
    except ObjectNotFoundError as error:
        raise refused(at, condition, error) from error
    if there != condition.token:
        raise refused(at, condition, ConditionFailedError())
