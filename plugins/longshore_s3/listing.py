"""Listing a bucket, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from longshore_s3 import checking
from longshore_s3.client import utc
from longshore_s3.errors import S3Error
from longshore_storage.objects import ObjectInfo, Prefix

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from longshore_s3.api import Api
    from longshore_storage.locations import Location


def entries(api: Api, prefix: Location, *, recursive: bool, after: str) -> Iterator[ObjectInfo | Prefix]:
    """Yield what a prefix begins, in the order of the keys; a thousand a request."""
    token, seen = "", ""
    while True:
        page = api.call(
            "list", "list_objects_v2", prefix,
            Prefix=prefix.key, Delimiter="" if recursive else "/",
            StartAfter="" if token else after, ContinuationToken=token,
        )  # fmt: skip
        for key, entry in sorted(_of_page(prefix, page), key=lambda pair: pair[0].encode()):
            if key <= after and after:  # a prefix that holds the key to begin after
                continue
            yield entry
        token, seen = str(page.get("NextContinuationToken") or ""), token
        if not page.get("IsTruncated"):
            return
        if not token or token == seen:
            raise S3Error(f"cannot list {prefix.url!r}: the service says there is more, and not where")


def _of_page(prefix: Location, page: Mapping[str, Any]) -> Iterator[tuple[str, ObjectInfo | Prefix]]:
    for found in page.get("Contents", ()):
        yield found["Key"], _info(prefix, found)
    for below in page.get("CommonPrefixes", ()):
        yield below["Prefix"], Prefix(prefix.with_key(below["Prefix"]).url)


def _info(prefix: Location, found: Mapping[str, Any]) -> ObjectInfo:
    storage_class = str(found.get("StorageClass") or "")
    return ObjectInfo(
        url=prefix.with_key(found["Key"]).url,
        size=int(found.get("Size") or 0),
        etag=checking.etag_of(found),
        modified=utc(found.get("LastModified")),
        storage_class="" if storage_class == "STANDARD" else storage_class,
    )
