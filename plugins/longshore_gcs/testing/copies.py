"""Copies inside the service: rewrite, copy, compose (JSON API reference, resource Objects)."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from longshore_gcs.testing.answers import Answer, ApiError, Request, as_json
from longshore_gcs.testing.conditions import check, given_key, keep_key, needs_key, shown
from longshore_gcs.testing.worlds import WRITABLE

if TYPE_CHECKING:
    from longshore_gcs.testing.worlds import Bucket, Json, Stored, World

_MOST_SOURCES = 32


class Copies:
    """The rewrites that are not done yet, by their token.

    Args:
        world: Where the objects are.
        step: Bytes that one rewrite request copies at most; 0 for all.
    """

    def __init__(self, world: World, step: int = 0) -> None:
        self._world, self._step = world, step
        self._under_way: dict[str, tuple[tuple[str, ...], str, int]] = {}

    def rewrite(self, request: Request, source: tuple[Bucket, str], target: tuple[Bucket, str]) -> Answer:
        """Copy some, and give a token for the rest ("Objects: rewrite")."""
        stored = self._source(request, source)
        size = int(stored.resource["size"])
        done = self._done_before(request, stored) + (self._step or size)
        if done < size:
            token = secrets.token_urlsafe(24)
            self._under_way[token] = (request.path, stored.generation, done)
            return as_json(_progress(done, size, {"rewriteToken": token}))
        check(request.query, target[0].live.get(target[1]))
        made = self._made(request, stored, target)
        return as_json(_progress(size, size, {"resource": shown(made, request)}))

    def _done_before(self, request: Request, stored: Stored) -> int:
        token = request.query.get("rewriteToken", "")
        if not token:
            check(request.query, None if "ifGenerationMatch" not in request.query else self._target(request))
            return 0
        path, generation, done = self._under_way.get(token, ((), "", 0))
        if (path, generation) != (request.path, stored.generation):
            raise ApiError("invalid", "The rewrite token is not of this request.")
        return done

    def _target(self, request: Request) -> Stored | None:
        bucket, key = request.path[-3], request.path[-1]
        return self._world.bucket(bucket).live.get(key)

    def copy(self, request: Request, source: tuple[Bucket, str], target: tuple[Bucket, str]) -> Answer:
        """Copy at once ("Objects: copy")."""
        stored = self._source(request, source)
        check(request.query, target[0].live.get(target[1]))
        return as_json(shown(self._made(request, stored, target), request))

    def _source(self, request: Request, source: tuple[Bucket, str]) -> Stored:
        stored = source[0].find(source[1], request.query.get("sourceGeneration", ""))
        check(request.query, stored, prefix="ifSource")
        needs_key(stored, given_key(request, "x-goog-copy-source-encryption-"))
        return stored

    def _made(self, request: Request, stored: Stored, target: tuple[Bucket, str]) -> Stored:
        given = request.json()
        # A resource in the request replaces the source's metadata; without one the copy has the source's.
        kept: Json = {word: given[word] for word in WRITABLE if word in given}
        if not kept:
            kept = {word: stored.resource[word] for word in WRITABLE if word in stored.resource}
            kept.pop("storageClass", None)
        components = int(stored.resource.get("componentCount", 0))
        made = self._world.store(target[0], target[1], stored.read(), kept, components=components)
        keep_key(made, request)
        return made

    def compose(self, request: Request, bucket: Bucket, key: str) -> Answer:
        """Make one object of up to 32 ("Objects: compose")."""
        given = request.json()
        names: list[Json] = given.get("sourceObjects", [])
        if not 0 < len(names) <= _MOST_SOURCES:
            raise ApiError("invalid", f"The number of source components provided ({len(names)}) > 32 or is 0")
        sources = [bucket.find(one["name"], str(one.get("generation", ""))) for one in names]
        for one, stored in zip(names, sources, strict=True):
            check({name: str(value) for name, value in one.get("objectPreconditions", {}).items()}, stored)
            needs_key(stored, given_key(request))
        check(request.query, bucket.live.get(key))
        components = sum(int(one.resource.get("componentCount", 1)) for one in sources)
        data = b"".join(one.read() for one in sources)
        made = self._world.store(bucket, key, data, given.get("destination", {}), components=components)
        keep_key(made, request)
        return as_json(shown(made, request))


def _progress(done: int, size: int, more: Json) -> Json:
    return {
        "kind": "storage#rewriteResponse",
        "totalBytesRewritten": str(done),
        "objectSize": str(size),
        "done": "resource" in more,
        **more,
    }
