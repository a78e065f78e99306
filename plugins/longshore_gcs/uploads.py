"""Resumable uploads: one session takes an object's bytes in order, and says how far it is.

A session's URL works without credentials, so it is never shown. Source of the rules: "Resumable uploads" and
"Perform resumable uploads", Cloud Storage docs.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

from longshore import register_secret
from longshore_gcs.faults import Aim
from longshore_gcs.options import described, queried
from longshore_gcs.resources import preconditions, upload_path
from longshore_storage import checksums
from longshore_storage.errors import (
    ChecksumError,
    ConditionFailedError,
    ServiceError,
    UploadNotFoundError,
)
from longshore_storage.protocol import Part, Upload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from urllib3 import BaseHTTPResponse

    from longshore_gcs.sessions import Session
    from longshore_storage.locations import Location
    from longshore_storage.objects import Condition, WriteOptions

_GOES_ON: Final = 308
_CANCELLED: Final = 499
_RANGE: Final = re.compile(r"bytes=0-(\d+)")


@dataclass
class Progress:
    """What this process knows of a session.

    Args:
        stored: Bytes that the service has.
        sure: Whether it was asked, and no answer was lost since.
        sum: CRC of the bytes up to `summed`.
        summed: Up to where this process sent them all itself.
        resource: The object, once all of it is there.
        refused: Why the service did not make it an object.
    """

    stored: int = 0
    sure: bool = False
    sum: int = 0
    summed: int = 0
    resource: dict[str, Any] | None = None
    refused: ConditionFailedError | None = None


class Uploads:
    """The resumable uploads of one session of requests."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._progress: dict[str, Progress] = {}

    def begin(
        self, at: Location, *, part_size: int, size: int, options: WriteOptions, condition: Condition
    ) -> Upload:
        """Open a session."""
        aim = Aim("upload", at.url, condition)
        resource = described(options, at.key)
        headers = {**self._session.encryption, "Content-Type": "application/json; charset=UTF-8"}
        headers["X-Upload-Content-Type"] = resource["contentType"]
        if size >= 0:
            headers["X-Upload-Content-Length"] = str(size)
        response = self._session.send(
            aim, "POST", upload_path(at),
            query={"uploadType": "resumable", **preconditions(condition), **queried(options)},
            headers=headers, body=json.dumps(resource).encode(),
        )  # fmt: skip
        url = response.headers.get("location", "")
        if not url:
            raise ServiceError(aim.cannot("the service opened no upload session"))
        _keep_secret(url)
        self._progress[url] = Progress(sure=True)
        return Upload(url=at.url, id=url, part_size=part_size, size=size)

    def put(self, upload: Upload, number: int, data: memoryview, checksum: str, *, last: bool) -> Part:
        """Send a part, or what the service does not have of it."""
        progress = self._of(upload)
        offset = (number - 1) * upload.part_size
        end = offset + len(data)
        whole = self._sum(progress, offset, len(data), checksum)
        if not progress.sure:
            self._ask(upload, progress)
        if progress.stored < offset:
            raise UploadNotFoundError(
                self._aim(upload).cannot(
                    f"the service has lost all but {progress.stored:,} bytes; run it again"
                )
            )
        while progress.resource is None and (progress.stored < end or last):
            self._send(upload, progress, data[progress.stored - offset :], end if last else None, whole)
            if progress.refused is not None:
                break
        if whole is not None:
            progress.sum, progress.summed = whole, end
        return Part(number=number, size=len(data))

    def parts(self, upload: Upload) -> Iterator[Part]:
        """Yield the one piece that the service has as parts."""
        progress = self._of(upload)
        self._ask(upload, progress)
        size = upload.size
        if progress.resource is not None:
            size = progress.stored = int(progress.resource["size"])
        stored, number = 0, 0
        while stored < progress.stored:
            step = min(upload.part_size, size - stored) if size >= 0 else upload.part_size
            if stored + step > progress.stored:
                break  # the rest of this part is sent when its turn comes
            stored, number = stored + step, number + 1
            yield Part(number=number, size=step)

    def finished(self, upload: Upload) -> dict[str, Any]:
        """Return the object that the session has become."""
        progress = self._of(upload)
        if progress.refused is not None:
            raise progress.refused
        if progress.resource is None:
            self._ask(upload, progress)
        if progress.resource is None:
            raise ServiceError(
                self._aim(upload).cannot(f"the service has {progress.stored:,} bytes, not all")
            )
        self.forget(upload)
        return progress.resource

    def abort(self, upload: Upload) -> None:
        """Cancel the session."""
        self.forget(upload)
        _keep_secret(upload.id)
        try:
            self._session.send(
                replace(self._aim(upload), verb="abort the upload to"), "DELETE", upload.id,
                headers={"Content-Length": "0"}, accept=(200, 204, _CANCELLED),
            )  # fmt: skip
        except UploadNotFoundError:
            return

    def forget(self, upload: Upload) -> None:
        """Keep nothing of an upload that is over."""
        self._progress.pop(upload.id, None)

    def _of(self, upload: Upload) -> Progress:
        found = self._progress.get(upload.id)
        if found is None:  # another process began it
            _keep_secret(upload.id)
            found = self._progress.setdefault(upload.id, Progress())
        return found

    def _sum(self, progress: Progress, offset: int, size: int, checksum: str) -> int | None:
        """Return the CRC up to the end of a part; None where this process did not see all before it."""
        if progress.summed != offset:
            return None
        return checksums.combine("crc32c", progress.sum, checksums.parse(checksum)[1], size)

    def _ask(self, upload: Upload, progress: Progress) -> None:
        """Ask the session how far it is."""
        size = str(upload.size) if upload.size >= 0 else "*"
        response = self._request(upload, progress, {"Content-Range": f"bytes */{size}"}, b"")
        self._note(progress, response)

    def _send(
        self, upload: Upload, progress: Progress, data: memoryview, total: int | None, whole: int | None
    ) -> None:
        before, end = progress.stored, progress.stored + len(data)
        headers = {"Content-Range": _content_range(before, end, total if total is not None else upload.size)}
        if total is not None and whole is not None:
            # The service compares it before there is an object ("x-goog-hash", Cloud Storage docs).
            headers["x-goog-hash"] = f"crc32c={checksums.digest('crc32c', whole)}"
        try:
            response = self._request(upload, progress, headers, data)
        except ConditionFailedError as error:
            progress.refused = error  # `finish` is where the engine expects it
            return
        except ChecksumError as error:
            error.retryable = False  # the session is over; only the whole can be sent again
            raise
        self._note(progress, response)
        if progress.resource is None and progress.stored <= before:
            progress.sure = False
            stuck = ServiceError(self._aim(upload).cannot("the service took nothing of what was sent"))
            stuck.retryable = True
            raise stuck

    def _request(
        self, upload: Upload, progress: Progress, headers: dict[str, str], body: memoryview | bytes
    ) -> BaseHTTPResponse:
        given = {**self._session.encryption, **headers, "Content-Length": str(len(body))}
        progress.sure = False
        try:
            response = self._session.send(
                self._aim(upload), "PUT", upload.id, headers=given, body=body, accept=(200, 201, _GOES_ON)
            )
        except UploadNotFoundError:
            self.forget(upload)
            raise
        progress.sure = True
        return response

    def _note(self, progress: Progress, response: BaseHTTPResponse) -> None:
        """Note how far the session is: 308 with a Range, or without while it has nothing; else complete."""
        if response.status == _GOES_ON:
            found = _RANGE.fullmatch(response.headers.get("range", ""))
            progress.stored = int(found[1]) + 1 if found else 0
        else:
            progress.resource = self._session.parsed(Aim("upload", "the object"), response)

    def _aim(self, upload: Upload) -> Aim:
        return Aim("upload", upload.url, session=True)


def _content_range(start: int, end: int, total: int) -> str:
    whole = str(total) if total >= 0 else "*"
    return f"bytes {start}-{end - 1}/{whole}" if end > start else f"bytes */{whole}"


def _keep_secret(url: str) -> None:
    """Mask the part of a session's URL that makes it a credential."""
    for name, values in parse_qs(urlsplit(url).query).items():
        if name == "upload_id":
            register_secret(values[0])
