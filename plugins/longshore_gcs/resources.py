"""Objects as the JSON API describes them, and as we do."""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from longshore import ConfigurationError
from longshore_storage.objects import ObjectInfo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longshore_storage.locations import Location
    from longshore_storage.objects import Condition

FIELDS: Final = (
    "bucket,name,size,etag,generation,crc32c,timeCreated,contentType,contentEncoding,storageClass,metadata"
)
_LONGEST: Final = 1024
_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_META: Final = "x-goog-meta-"
_CRC: Final = re.compile(r"crc32c=([A-Za-z0-9+/=]+)")


def bucket_path(at: Location) -> str:
    """Return the bucket's path in the JSON API.

    Raises:
        ConfigurationError: No bucket can have this name.
    """
    if not _BUCKET.fullmatch(at.bucket):
        raise ConfigurationError(f"cannot use {at.url!r}: no bucket can be called {at.bucket!r}")
    return f"/storage/v1/b/{at.bucket}"


def object_path(at: Location) -> str:
    """Return the object's path in the JSON API; every `/` of a key is escaped.

    Raises:
        ConfigurationError: No object can have this key.
    """
    check_key(at)
    return f"{bucket_path(at)}/o/{quote(at.key, safe='')}"


def upload_path(at: Location) -> str:
    """Return where an object is uploaded to.

    Raises:
        ConfigurationError: No object can have this key.
    """
    check_key(at)
    return f"/upload{bucket_path(at)}/o"


def check_key(at: Location) -> None:
    """Refuse a key that the service does not allow ("About Cloud Storage objects", "Naming").

    `.` and `..` would also make another path of a request: that of the listing, or of the bucket.

    Raises:
        ConfigurationError: No object can have this key.
    """
    try:
        size = len(at.key.encode())
    except UnicodeEncodeError:
        raise ConfigurationError(f"cannot use {at.url!a}: its key is no Unicode text") from None
    if at.key in ("", ".", "..") or not size <= _LONGEST or "\n" in at.key or "\r" in at.key:
        raise ConfigurationError(
            f"cannot use {at.url!r}: a key has 1 to {_LONGEST} bytes and no line ends, and is not '.' or '..'"
        )


def preconditions(condition: Condition) -> dict[str, str]:
    """Return the query's words for a condition ("Request preconditions", Cloud Storage docs)."""
    if condition.absent:
        return {"ifGenerationMatch": "0"}
    return {"ifGenerationMatch": condition.token} if condition.token else {}


def described(resource: Mapping[str, Any], *, verified: str = "") -> ObjectInfo:
    """Return what a resource says. Objects with a customer's key show a checksum only to who has the key."""
    crc = str(resource.get("crc32c", ""))
    made = resource.get("timeCreated")
    return ObjectInfo(
        url=f"gs://{resource['bucket']}/{resource['name']}",
        size=int(resource.get("size", 0)),
        etag=str(resource.get("etag", "")).strip('"'),
        generation=str(resource.get("generation", "")),
        checksum=f"crc32c:{crc}" if crc else "",
        verified=verified,
        modified=datetime.fromisoformat(made) if made else None,
        content_type=str(resource.get("contentType", "")),
        content_encoding=str(resource.get("contentEncoding", "")),
        storage_class=str(resource.get("storageClass", "")),
        metadata=dict(resource.get("metadata") or {}),
    )


def described_by_headers(url: str, headers: Mapping[str, str], size: int) -> ObjectInfo:
    """Return what the headers of a media answer say ("HTTP headers", JSON API reference)."""
    crc = _CRC.search(headers.get("x-goog-hash", ""))
    made = headers.get("last-modified")
    return ObjectInfo(
        url=url,
        size=size,
        etag=headers.get("etag", "").strip('"'),
        generation=headers.get("x-goog-generation", ""),
        checksum=f"crc32c:{crc[1]}" if crc else "",
        modified=parsedate_to_datetime(made) if made else None,
        content_type=headers.get("content-type", ""),
        content_encoding=stored_encoding(headers),
        storage_class=headers.get("x-goog-storage-class", ""),
        metadata={
            name[len(_META) :]: value for name, value in headers.items() if name.lower().startswith(_META)
        },
    )


def stored_encoding(headers: Mapping[str, str]) -> str:
    """Return the content encoding of the stored bytes; empty for none."""
    found = headers.get("x-goog-stored-content-encoding", headers.get("content-encoding", ""))
    return "" if found == "identity" else found
