"""`GCSStore`: Google Cloud Storage as the transfer engine sees it."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

from longshore import ConfigurationError
from longshore_gcs import listings
from longshore_gcs.copies import Copies
from longshore_gcs.faults import Aim
from longshore_gcs.media import MediaBody, body_of, opened
from longshore_gcs.options import described, queried
from longshore_gcs.resources import FIELDS, object_path, preconditions, upload_path
from longshore_gcs.resources import described as info_of
from longshore_gcs.resources import described_by_headers as info_of_headers
from longshore_gcs.signing import signed
from longshore_gcs.uploads import Uploads
from longshore_storage import checksums, locations
from longshore_storage.errors import ChecksumError, ObjectNotFoundError, ServiceError
from longshore_storage.objects import ANY, Condition, ObjectInfo, Prefix, WriteOptions
from longshore_storage.protocol import MIB, PLAIN, TIB, Limits, ObjectStore, Part, Upload

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager
    from datetime import timedelta

    from longshore_gcs.media import Nothing
    from longshore_gcs.sessions import Session
    from longshore_storage.locations import Location

_KIB: Final = 1 << 10


class GCSStore(ObjectStore):
    """Google Cloud Storage, by its JSON API.

    Args:
        session: Sends the requests.
    """

    scheme: ClassVar[str] = "gs"
    algorithm: str = "crc32c"
    # A session's chunks are multiples of 256 KiB, in order ("Resumable uploads", Cloud Storage docs).
    limits: Limits = Limits(
        smallest_part=256 * _KIB, part_multiple=256 * _KIB, largest_part=5 * TIB, most_parts=1 << 31,
        largest_put=5 * TIB, largest_object=5 * TIB, largest_copy=5 * TIB, in_order=True,
    )  # fmt: skip

    def __init__(self, session: Session) -> None:
        self._session = session
        self._uploads = Uploads(session)
        self._copies = Copies(session)

    def head(self, at: Location) -> ObjectInfo:
        return self._head(Aim("look at", at.url), at)

    def head_version(self, at: Location, version: str) -> ObjectInfo:
        return self._head(Aim("look at", f"{at.url}#{version}"), at, version)

    def _head(self, aim: Aim, at: Location, generation: str = "") -> ObjectInfo:
        query = {"fields": FIELDS, **({"generation": generation} if generation else {})}
        return info_of(
            self._session.json(aim, "GET", object_path(at), query=query, headers=self._session.encryption)
        )

    def list(
        self, prefix: Location, *, recursive: bool = True, after: str = ""
    ) -> Iterator[ObjectInfo | Prefix]:
        return listings.listed(self._session, prefix, recursive=recursive, after=after)

    def read(
        self, info: ObjectInfo, start: int = 0, stop: int | None = None
    ) -> AbstractContextManager[MediaBody | Nothing]:
        return body_of(self._session, info, start, info.size if stop is None else min(stop, info.size))

    def get(self, at: Location, limit: int) -> tuple[ObjectInfo, bytes | None]:
        if limit <= 0:
            return self.head(at), None
        aim = Aim("read", at.url)
        response = opened(self._session, at, aim)
        length = response.headers.get("content-length")
        if length is None:  # its end could not be told from a cut; ranges can
            response.close()
            return self.head(at), None
        size = int(length)
        info = info_of_headers(at.url, response.headers, size)
        body = MediaBody(self._session, response, aim, size)
        try:
            data = _whole(body, size) if size <= limit else None
        finally:
            body.close()
        if not info.checksum or not info.generation:
            info = self._head(replace(aim, pinned=True), at, info.generation)
        if data is None:
            return info, None
        return self._verified(aim, info, data), data

    def _verified(self, aim: Aim, info: ObjectInfo, data: bytes) -> ObjectInfo:
        came = checksums.of(self.algorithm, data)
        if came != info.checksum:
            raise ChecksumError(
                aim.cannot(f"what came has the checksum {came}, the object {info.checksum or 'none'}")
            )
        return replace(info, verified=self.algorithm)

    def put(
        self, at: Location, data: memoryview, *, checksum: str, options: WriteOptions = PLAIN,
        condition: Condition = ANY,
    ) -> ObjectInfo:  # fmt: skip
        """Write an object with one request ("Multipart upload", Cloud Storage docs): resource and bytes."""
        aim = Aim("write", at.url, condition)
        resource = {**described(options, at.key), "crc32c": checksum.partition(":")[2]}
        boundary = secrets.token_hex(16)
        head = (
            f"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{json.dumps(resource)}\r\n"
            f"--{boundary}\r\nContent-Type: {resource['contentType']}\r\n\r\n"
        ).encode()
        tail = f"\r\n--{boundary}--\r\n".encode()
        headers = {
            **self._session.encryption,
            "Content-Type": f"multipart/related; boundary={boundary}",
            "Content-Length": str(len(head) + len(data) + len(tail)),
        }
        # A small body goes with its headers' packet, a large one is not copied.
        body = b"".join((head, data, tail)) if len(data) <= MIB else (head, data, tail)
        response = self._session.send(
            aim, "POST", upload_path(at), headers=headers, body=body,
            query={"uploadType": "multipart", **preconditions(condition), **queried(options)},
        )  # fmt: skip
        return self._compared(aim, at, self._session.parsed(aim, response), checksum, retryable=True)

    def begin(
        self, at: Location, *, part_size: int, size: int, options: WriteOptions = PLAIN,
        condition: Condition = ANY,
    ) -> Upload:  # fmt: skip
        return self._uploads.begin(at, part_size=part_size, size=size, options=options, condition=condition)

    def put_part(self, upload: Upload, number: int, data: memoryview, *, checksum: str, last: bool) -> Part:
        return self._uploads.put(upload, number, data, checksum, last=last)

    def parts(self, upload: Upload) -> Iterator[Part]:
        return self._uploads.parts(upload)

    def finish(
        self, upload: Upload, parts: Iterable[Part], *, checksum: str, options: WriteOptions = PLAIN,
        condition: Condition = ANY,
    ) -> ObjectInfo:  # fmt: skip
        """Ask for the object, which is there since the last part, and compare it."""
        del parts, options
        resource = self._uploads.finished(upload)
        aim = Aim("upload", upload.url, condition)
        return self._compared(aim, locations.parse(upload.url), resource, checksum, retryable=False)

    def abort(self, upload: Upload) -> None:
        self._uploads.abort(upload)

    def copy(
        self, info: ObjectInfo, at: Location, *, options: WriteOptions | None = None,
        condition: Condition = ANY,
    ) -> ObjectInfo:  # fmt: skip
        resource = self._copies.copy(info, at, options, condition)
        aim = Aim(f"copy {info.url!r} to", at.url, condition)
        expected = info.checksum or info_of(resource).checksum
        return self._compared(aim, at, resource, expected, retryable=True)

    def delete(self, at: Location, *, condition: Condition = ANY) -> None:
        try:
            self._session.send(
                Aim("delete", at.url, condition), "DELETE", object_path(at), query=preconditions(condition)
            )
        except ObjectNotFoundError:
            return

    def delete_many(self, places: Iterable[Location]) -> Iterator[tuple[Location, Exception | None]]:
        return listings.deleted(self._session, places)

    def presign(self, at: Location, *, method: str, expires: timedelta, **headers: str) -> str:
        return signed(self._session, at, method, expires, headers)

    def create_bucket(self, at: Location, **settings: Any) -> bool:
        """Make a bucket ("Buckets: insert", JSON API reference).

        Args:
            at: Its name is what counts.
            settings: What the bucket's resource is given, in the API's own words, as `location="EU"`.
        """
        aim = Aim("create the bucket of", at.url)
        project = self._session.client.project
        if not project:
            raise ConfigurationError(aim.cannot("no project is known; give GCSConnection(project='PROJECT')"))
        try:
            self._session.json(
                aim, "POST", "/storage/v1/b", query={"project": project}, body={"name": at.bucket, **settings}
            )
        except ServiceError as error:
            # "Your previous request to create the named bucket succeeded and you already own it."
            if "409" in str(error) and "you already own it" in str(error):
                return False
            raise
        return True

    def refresh(self) -> bool:
        return self._session.identity.refresh()

    def _compared(
        self, aim: Aim, at: Location, resource: dict[str, Any], checksum: str, *, retryable: bool
    ) -> ObjectInfo:
        """Return the new object, or take it away again if it is not what was sent."""
        info = info_of(resource)
        if info.checksum == checksum:
            return replace(info, verified=self.algorithm)
        self._session.send(
            Aim("delete", at.url, pinned=True), "DELETE", object_path(at),
            query={"generation": info.generation}, accept=(200, 204, 404),
        )  # fmt: skip
        error = ChecksumError(
            aim.cannot(f"what arrived has the checksum {info.checksum}, not {checksum}; it was deleted again")
        )
        error.retryable = retryable
        raise error


def _whole(body: MediaBody, size: int) -> bytes:
    data = bytearray(size)
    view = memoryview(data)
    while view:
        view = view[body.readinto(view) :]
    return bytes(data)
