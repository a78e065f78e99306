"""Resumable uploads ("Resumable uploads" and "Perform resumable uploads", Cloud Storage docs)."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from longshore_gcs.testing.answers import Answer, ApiError, Request
from longshore_gcs.testing.conditions import check, given_key
from longshore_gcs.testing.writes import hashes_of, insert

if TYPE_CHECKING:
    from longshore_gcs.testing.worlds import Bucket, Json, World

UNIT: Final = 256 * 1024
_RANGE: Final = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


@dataclass
class UploadSession:
    """One session, until a week is over."""

    bucket: str
    given: Json
    query: dict[str, str]
    key: str
    data: bytearray = field(default_factory=bytearray)
    done: Answer | None = None
    gone: str = ""


class UploadSessions:
    """Every session by its id.

    Args:
        world: Where the objects go.
        chunk_limit: Bytes of a chunk that are kept; 0 for all.
    """

    def __init__(self, world: World, chunk_limit: int = 0) -> None:
        self._world, self._limit = world, chunk_limit
        self.open: dict[str, UploadSession] = {}

    def begin(self, request: Request, bucket: Bucket) -> Answer:
        """Open a session; its URL is the header Location."""
        given = request.json()
        given.setdefault("name", request.query.get("name", ""))
        given.setdefault("contentType", request.header("x-upload-content-type") or None)
        if not given["name"]:
            raise ApiError("required", "Required")
        check(request.query, bucket.live.get(given["name"]))
        number = secrets.token_urlsafe(32)
        self.open[number] = UploadSession(bucket.name, given, request.query, given_key(request))
        path = f"/upload/storage/v1/b/{quote(bucket.name, safe='')}/o?uploadType=resumable"
        name = quote(given["name"], safe="")
        return Answer(
            200,
            {
                "Location": f"{request.base}{path}&name={name}&upload_id={number}",
                "X-GUploader-UploadID": number,
            },
        )

    def go_on(self, request: Request) -> Answer:
        """Take a chunk, tell how far the session is, or cancel it."""
        number = request.query.get("upload_id", "")
        session = self.open.get(number)
        if session is None:
            raise ApiError("notFound", "Not Found")
        if session.gone:
            raise ApiError(session.gone, "The upload session is gone.")
        if session.done is not None:  # asked again after the end, it tells the object again
            return session.done
        if request.method == "DELETE":
            session.gone = "clientClosedRequest"
            session.data.clear()
            return Answer(499, {"Content-Length": "0"})
        return self._chunk(session, request)

    def _chunk(self, session: UploadSession, request: Request) -> Answer:
        if given_key(request) != session.key:
            raise ApiError("invalid", "The encryption key is not that of the session.")
        start, total = self._span(session, request)
        if start is not None:
            self._keep(session, request.body, start, total)
        if total is None or len(session.data) < total:
            return _so_far(session)
        return self._finish(session, request)

    def _span(self, session: UploadSession, request: Request) -> tuple[int | None, int | None]:
        """Return where the chunk begins, None for a question, and the total, None if it is not known yet."""
        header = request.header("content-range")
        if not header:
            return 0, len(request.body)
        found = _RANGE.fullmatch(header)
        if found is None:
            raise ApiError("invalid", "Failed to parse Content-Range header.")
        total = None if found[3] == "*" else int(found[3])
        if found[1] is None:
            return None, total
        start, size = int(found[1]), int(found[2]) + 1 - int(found[1])
        if size != len(request.body):
            raise ApiError(
                "invalid",
                f"Invalid request. There were {len(request.body)} byte(s) in the request body. There should "
                f"have been {size} byte(s) (starting at offset {start} and ending at offset {found[2]}) "
                "according to the Content-Range header.",
            )
        if start > len(session.data):
            raise ApiError("invalid", "Invalid request. The chunk does not begin where the last one ended.")
        return start, total

    def _keep(self, session: UploadSession, body: bytes, start: int, total: int | None) -> None:
        """Keep what is new of a chunk: a chunk but the last in multiples of 256 KiB."""
        new = memoryview(body)[len(session.data) - start :]
        if self._limit:
            new = new[: self._limit]
        if total is None or start + len(body) < total or self._limit:
            ends = total is not None and len(session.data) + len(new) == total
            if not ends and 0 < len(body) < UNIT:
                raise ApiError(
                    "invalid",
                    "Invalid request. The number of bytes uploaded is required to be equal or greater than "
                    f"{UNIT}, except for the final request (it's recommended to be the exact multiple of "
                    f"{UNIT}).",
                )
            new = new if ends else new[: len(new) // UNIT * UNIT]
        session.data += new

    def _finish(self, session: UploadSession, request: Request) -> Answer:
        """Make it an object; the preconditions of the beginning must hold at the end as well."""
        given = {**session.given, **hashes_of(request.header("x-goog-hash"))}
        whole = Request("POST", (), session.query, request.headers)
        bucket = self._world.bucket(session.bucket)
        try:
            session.done = insert(self._world, whole, bucket, given, bytes(session.data))
        except ApiError:
            session.gone = "gone"
            raise
        session.data = bytearray()
        return session.done


def _so_far(session: UploadSession) -> Answer:
    """Answer 308, with the bytes that are kept; without the header while there are none."""
    kept = len(session.data)
    return Answer(308, {"Range": f"bytes=0-{kept - 1}"} if kept else {})
