"""Reads: metadata, media with ranges, and the transcoding of what is stored with gzip."""

from __future__ import annotations

import gzip
import re
from datetime import datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final

from longshore_gcs.testing.answers import Answer, ApiError, Request, as_json
from longshore_gcs.testing.conditions import check, given_key, needs_key, shown

if TYPE_CHECKING:
    from longshore_gcs.testing.worlds import Bucket, Stored

_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")
_HEADERS: Final = {
    "contentType": "Content-Type", "contentDisposition": "Content-Disposition",
    "contentLanguage": "Content-Language", "cacheControl": "Cache-Control",
}  # fmt: skip


def metadata(request: Request, bucket: Bucket, key: str) -> Answer:
    """Return an object's resource."""
    stored = bucket.find(key, request.query.get("generation", ""))
    check(request.query, stored, read=True)
    return as_json(shown(stored, request))


def media(request: Request, bucket: Bucket, key: str) -> Answer:
    """Return an object's bytes."""
    stored = bucket.find(key, request.query.get("generation", ""))
    check(request.query, stored, read=True)
    needs_key(stored, given_key(request))
    headers = _headers(stored)
    data = stored.read()
    if _unpacks(stored, request):
        # "Transcoding of gzip-compressed files": ranges are ignored, the hashes are those of what is stored.
        headers |= {"Warning": "214 UploadServer gunzipped", "Transfer-Encoding": "chunked"}
        return Answer(200, headers, gzip.decompress(data))
    if stored.resource.get("contentEncoding"):
        headers["Content-Encoding"] = str(stored.resource["contentEncoding"])
    span = _span(request.header("range"), len(data))
    if span is None:
        return Answer(200, headers, data)
    start, stop = span
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(data)}"
    return Answer(206, headers, memoryview(data)[start:stop])


def _headers(stored: Stored) -> dict[str, str]:
    """Return what the headers of a media answer say ("HTTP headers", JSON API reference)."""
    resource = stored.resource
    hashes = [
        f"{name}={resource[word]}"
        for name, word in (("crc32c", "crc32c"), ("md5", "md5Hash"))
        if word in resource
    ]
    found = {
        "ETag": str(resource["etag"]),
        "Last-Modified": format_datetime(datetime.fromisoformat(resource["updated"]), usegmt=True),
        "Vary": "Accept-Encoding",
        "Accept-Ranges": "bytes",
        "X-Goog-Generation": str(resource["generation"]),
        "X-Goog-Metageneration": str(resource["metageneration"]),
        "X-Goog-Storage-Class": str(resource["storageClass"]),
        "X-Goog-Hash": ",".join(hashes),
        "X-Goog-Stored-Content-Encoding": str(resource.get("contentEncoding", "identity")),
        "X-Goog-Stored-Content-Length": str(resource["size"]),
    }
    found |= {header: str(resource[word]) for word, header in _HEADERS.items() if resource.get(word)}
    return found | {f"X-Goog-Meta-{name}": str(value) for name, value in resource.get("metadata", {}).items()}


def _unpacks(stored: Stored, request: Request) -> bool:
    packed = stored.resource.get("contentEncoding") == "gzip"
    kept = "no-transform" in str(stored.resource.get("cacheControl", ""))
    return packed and not kept and "gzip" not in request.header("accept-encoding")


def _span(header: str, size: int) -> tuple[int, int] | None:
    """Read a range; None for all of it, also where the header is none that is understood."""
    found = _RANGE.fullmatch(header.strip())
    if found is None or found[0] == "bytes=-":
        return None
    if not found[1]:
        start, stop = max(0, size - int(found[2])), size
    else:
        start, stop = int(found[1]), min(size, int(found[2]) + 1) if found[2] else size
    if start >= size or stop <= start:
        raise ApiError(
            "requestedRangeNotSatisfiable",
            "Request range not satisfiable",
            headers={"Content-Range": f"bytes */{size}"},
        )
    return start, stop
