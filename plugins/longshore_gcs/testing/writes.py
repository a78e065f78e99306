"""Writes of whole objects: media, multipart/related, patches, deletes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from longshore_gcs.testing.answers import Answer, ApiError, Request, as_json, parsed
from longshore_gcs.testing.conditions import check, keep_key, shown
from longshore_gcs.testing.worlds import WRITABLE, etag, now

if TYPE_CHECKING:
    from longshore_gcs.testing.worlds import Bucket, Json, World


def insert(world: World, request: Request, bucket: Bucket, given: Json, data: bytes) -> Answer:
    """Make bytes an object, if the preconditions hold and the checksums fit."""
    key = str(given.get("name") or request.query.get("name", ""))
    if not key or len(key.encode()) > 1024 or "\n" in key or "\r" in key:
        raise ApiError("required" if not key else "invalid", "Required" if not key else "Invalid object name")
    check(request.query, bucket.live.get(key))
    stored = world.store(bucket, key, data, given)
    keep_key(stored, request)
    return as_json(shown(stored, request))


def insert_media(world: World, request: Request, bucket: Bucket) -> Answer:
    """Take the body as the object ("Upload an object by using a single-request upload")."""
    given: Json = {"contentType": request.header("content-type"), **_hashes(request)}
    if request.query.get("contentEncoding"):
        given["contentEncoding"] = request.query["contentEncoding"]
    return insert(world, request, bucket, given, request.body)


def insert_multipart(world: World, request: Request, bucket: Bucket) -> Answer:
    """Take resource and bytes from one multipart/related body."""
    (_, resource), (kind, data) = related(request)
    given = {"contentType": kind, **parsed(resource), **_hashes(request)}
    return insert(world, request, bucket, given, data)


def related(request: Request) -> tuple[tuple[str, bytes], tuple[str, bytes]]:
    """Cut a multipart/related body in its two parts, each with its media type (RFC 2387)."""
    found = re.search(r'boundary="?([^";]+)"?', request.header("content-type"))
    if found is None:
        raise ApiError("invalid", "Missing boundary parameter in Content-Type.")
    mark = b"--" + found[1].encode()
    start = request.body.find(mark)
    middle = request.body.find(b"\r\n" + mark, start + len(mark))
    end = request.body.rfind(b"\r\n" + mark + b"--")
    if min(start, middle) < 0 or end <= middle:
        raise ApiError("invalid", "Malformed multipart body.")
    first = request.body[start + len(mark) : middle]
    second = request.body[middle + 2 + len(mark) : end]
    return _part(first), _part(second)


def _part(text: bytes) -> tuple[str, bytes]:
    head, _, body = text.partition(b"\r\n\r\n")
    found = re.search(rb"(?im)^content-type: *([^\r\n]+)", head)
    return found[1].decode() if found else "", body


def _hashes(request: Request) -> Json:
    """Return the checksums of the header x-goog-hash, which the API takes as well."""
    return hashes_of(request.header("x-goog-hash"))


def hashes_of(header: str) -> Json:
    """Read x-goog-hash: `crc32c=...,md5=...`."""
    words = {"crc32c": "crc32c", "md5": "md5Hash"}
    pairs = (piece.strip().partition("=") for piece in header.split(",") if piece.strip())
    return {words[name]: value for name, _, value in pairs if name in words}


def change(world: World, request: Request, bucket: Bucket, key: str, *, patch: bool) -> Answer:
    """Change metadata ("Objects: patch" and "Objects: update"); the bytes stay, the metageneration grows."""
    stored = bucket.find(key, request.query.get("generation", ""))
    check(request.query, stored)
    given = request.json()
    kept = stored.resource if patch else {}
    for word in WRITABLE:
        if word in given:
            merges = patch and word == "metadata" and given[word]
            _set(stored.resource, word, _merged(kept.get(word, {}), given[word]) if merges else given[word])
        elif not patch and word not in ("storageClass", "contentType"):
            _set(stored.resource, word, None)
    stored.resource["metageneration"] = str(int(stored.resource["metageneration"]) + 1)
    stored.resource["updated"] = now()
    stored.resource["etag"] = etag(stored.resource)
    return as_json(shown(stored, request))


def _merged(old: Json, new: Json) -> Json | None:
    """Return entries of both; those that are null are taken away."""
    return {name: text for name, text in {**old, **new}.items() if text is not None} or None


def _set(resource: Json, word: str, value: object) -> None:
    if value is None:
        resource.pop(word, None)
    else:
        resource[word] = value


def delete(world: World, request: Request, bucket: Bucket, key: str) -> Answer:
    """Delete the live version, or for ever the one of a generation ("Objects: delete")."""
    generation = request.query.get("generation", "")
    stored = bucket.find(key, generation)
    check(request.query, stored)
    if stored.resource.get("temporaryHold") or stored.resource.get("eventBasedHold"):
        raise ApiError(
            "forbidden", f"Object '{bucket.name}/{key}' is under active hold and cannot be deleted."
        )
    if generation:
        world.remove(bucket, key, stored)
    else:
        world.retire(bucket, key)
    return Answer(204)
