"""Signed URLs, and the XML API's GET, PUT and DELETE that they allow.

Source: "V4 signing process with your own program", Cloud Storage docs.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from longshore_gcs.testing.answers import Answer, ApiError, Request
from longshore_gcs.testing.reads import media
from longshore_gcs.testing.writes import delete, hashes_of, insert

if TYPE_CHECKING:
    from longshore_gcs.testing.tokens import Tokens
    from longshore_gcs.testing.worlds import World

_TIME: Final = "%Y%m%dT%H%M%SZ"


def signed(world: World, tokens: Tokens, request: Request, raw_path: str) -> Answer:
    """Carry out a request that its URL allows: GET, HEAD, PUT or DELETE of one object."""
    _check(tokens, request, raw_path)
    bucket, key = world.bucket(request.path[0]), "/".join(request.path[1:])
    if request.method in ("GET", "HEAD"):
        return media(request, bucket, key)
    if request.method == "DELETE":
        return delete(world, request, bucket, key)
    given = {"contentType": request.header("content-type"), **hashes_of(request.header("x-goog-hash"))}
    given["metadata"] = {
        name.removeprefix("x-goog-meta-"): value
        for name, value in request.headers.items()
        if name.startswith("x-goog-meta-")
    }
    found = insert(world, Request("PUT", (), {"name": key}, request.headers), bucket, given, request.body)
    return Answer(200, {"ETag": found.headers.get("ETag", "")})


def _check(tokens: Tokens, request: Request, raw_path: str) -> None:
    query = request.query
    try:
        begins = datetime.strptime(query["X-Goog-Date"], _TIME).replace(tzinfo=UTC)
        until = begins + timedelta(seconds=int(query["X-Goog-Expires"]))
        email = query["X-Goog-Credential"].partition("/")[0]
        signature = bytes.fromhex(query["X-Goog-Signature"])
    except (KeyError, ValueError) as error:
        raise ApiError("invalid", "InvalidArgument: the URL is not signed as V4 wants it.") from error
    if datetime.now(UTC) > until:
        raise ApiError("invalid", "ExpiredToken: the provided token has expired.")
    if not tokens.verified(email, _string_to_sign(request, raw_path), signature):
        raise ApiError("forbidden", "SignatureDoesNotMatch: check your key and signing method.")


def _string_to_sign(request: Request, raw_path: str) -> bytes:
    """Return what was signed ("Signatures", Cloud Storage docs)."""
    query = {name: value for name, value in request.query.items() if name != "X-Goog-Signature"}
    names = query["X-Goog-SignedHeaders"].split(";")
    canonical = "\n".join(
        (
            request.method,
            raw_path,
            "&".join(f"{quote(name, safe='~')}={quote(query[name], safe='~')}" for name in sorted(query)),
            "".join(f"{name}:{' '.join(request.header(name).split())}\n" for name in names),
            query["X-Goog-SignedHeaders"],
            request.header("x-goog-content-sha256") or "UNSIGNED-PAYLOAD",
        )
    )
    scope = query["X-Goog-Credential"].partition("/")[2]
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return f"GOOG4-RSA-SHA256\n{query['X-Goog-Date']}\n{scope}\n{digest}".encode()
