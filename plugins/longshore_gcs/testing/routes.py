"""Which request is answered by what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from longshore_gcs.testing import batches, listings, reads, signatures, writes
from longshore_gcs.testing.answers import Answer, ApiError, Request, answer_error, as_json
from longshore_gcs.testing.conditions import NotModifiedError
from longshore_gcs.testing.worlds import now

if TYPE_CHECKING:
    from longshore_gcs.testing.copies import Copies
    from longshore_gcs.testing.sessions import UploadSessions
    from longshore_gcs.testing.tokens import Tokens
    from longshore_gcs.testing.worlds import Bucket, World


@dataclass
class Routes:
    """The service, but for its sockets."""

    world: World
    uploads: UploadSessions
    copies: Copies
    tokens: Tokens
    page_size: int
    denied: set[str]

    def handle(self, request: Request, raw_path: str = "") -> Answer:
        """Answer a request."""
        media = request.path[:1] == ("download",) or request.query.get("alt") == "media"
        try:
            with self.world.lock:
                return self._answer(request, raw_path)
        except ApiError as error:
            return error.answer(media=media)
        except NotModifiedError:
            return Answer(304)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return answer_error(400, "invalid", f"Invalid Value: {error!r}", {})

    def _answer(self, request: Request, raw_path: str) -> Answer:
        path = request.path
        if path == ("token",):
            return self.tokens.exchange(request)
        if "X-Goog-Signature" in request.query:
            return signatures.signed(self.world, self.tokens, request, raw_path)
        if request.query.get("upload_id"):  # a session's URL is all that it needs
            return self.uploads.go_on(request)
        caller = self.tokens.caller(request)
        if path == ("batch", "storage", "v1"):
            return batches.batch(request, self.handle)
        upload = path[:1] == ("upload",)
        download = path[:1] == ("download",)
        rest = path[1:] if upload or download else path
        if rest[:2] != ("storage", "v1") or rest[2:3] != ("b",):
            raise ApiError("notImplemented", "The test server does not have this.")
        return self._buckets(request, rest[3:], caller, upload=upload, download=download)

    def _buckets(
        self, request: Request, rest: tuple[str, ...], caller: str, *, upload: bool, download: bool
    ) -> Answer:
        if not rest:
            return self._all_buckets(request)
        self._may(rest[0], caller)
        bucket = self.world.bucket(rest[0], request)
        if len(rest) == 1:
            return self._one_bucket(request, bucket)
        if rest[1] != "o":
            raise ApiError("notImplemented", "The test server does not have this.")
        if len(rest) == 2:
            return self._objects(request, bucket, upload=upload)
        if len(rest) == 3:
            return self._object(request, bucket, rest[2], download=download)
        return self._copy(request, bucket, rest[2:], caller)

    def _may(self, bucket: str, caller: str) -> None:
        if bucket in self.denied:
            who = caller or "Anonymous caller"
            raise ApiError(
                "forbidden",
                f"{who} does not have storage.objects.get access to the Google Cloud Storage object. "
                "Permission 'storage.objects.get' denied on resource (or it may not exist).",
            )

    def _all_buckets(self, request: Request) -> Answer:
        if request.method == "POST":
            if not request.query.get("project"):
                raise ApiError("required", "Required parameter: project")
            return as_json(self.world.make_bucket(request.json()).resource)
        found = [bucket.resource for _, bucket in sorted(self.world.buckets.items())]
        return as_json({"kind": "storage#buckets", "items": found})

    def _one_bucket(self, request: Request, bucket: Bucket) -> Answer:
        if request.method == "DELETE":
            if bucket.live or any(bucket.old.values()):
                raise ApiError("conflict", "The bucket you tried to delete is not empty.")
            del self.world.buckets[bucket.name]
            return Answer(204)
        if request.method in ("PATCH", "PUT"):
            grown = str(int(bucket.resource["metageneration"]) + 1)
            bucket.resource |= {**request.json(), "updated": now(), "metageneration": grown}
        return as_json(bucket.resource)

    def _objects(self, request: Request, bucket: Bucket, *, upload: bool) -> Answer:
        if request.method == "GET":
            return listings.listed(request, bucket, self.page_size)
        kind = request.query.get("uploadType", "")
        if request.method == "POST" and upload:
            if kind == "resumable":
                return self.uploads.begin(request, bucket)
            insert = {"media": writes.insert_media, "multipart": writes.insert_multipart}.get(kind)
            if insert is not None:
                return insert(self.world, request, bucket)
        raise ApiError("invalid", "uploadType must be media, multipart or resumable.")

    def _object(self, request: Request, bucket: Bucket, key: str, *, download: bool) -> Answer:
        if request.method in ("GET", "HEAD"):
            read = reads.media if download or request.query.get("alt") == "media" else reads.metadata
            return read(request, bucket, key)
        if request.method == "DELETE":
            return writes.delete(self.world, request, bucket, key)
        return writes.change(self.world, request, bucket, key, patch=request.method != "PUT")

    def _copy(self, request: Request, bucket: Bucket, rest: tuple[str, ...], caller: str) -> Answer:
        key, verb = rest[0], rest[1]
        if verb == "compose" and len(rest) == 2:
            return self.copies.compose(request, bucket, key)
        if verb in ("rewriteTo", "copyTo") and len(rest) == 6 and (rest[2], rest[4]) == ("b", "o"):
            self._may(rest[3], caller)
            copy = self.copies.rewrite if verb == "rewriteTo" else self.copies.copy
            return copy(request, (bucket, key), (self.world.bucket(rest[3], request), rest[5]))
        raise ApiError("notImplemented", "The test server does not have this.")
