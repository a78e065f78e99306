"""The stored bytes of an object, read as they are, into the caller's memory."""

from __future__ import annotations

import re
from contextlib import contextmanager
from http.client import HTTPException
from typing import TYPE_CHECKING, Final

from longshore_gcs.client import sdk
from longshore_gcs.faults import Aim
from longshore_gcs.resources import object_path, stored_encoding
from longshore_storage import locations
from longshore_storage.errors import ObjectChangedError, ServiceError, StorageError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from urllib3 import BaseHTTPResponse

    from longshore_gcs.sessions import Session
    from longshore_storage.locations import Location
    from longshore_storage.objects import ObjectInfo

_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


class MediaBody:
    """The bytes of one answer.

    Args:
        session: Says what a broken connection means.
        response: Whose body.
        aim: What it is for.
        size: Bytes that must come.
    """

    def __init__(self, session: Session, response: BaseHTTPResponse, aim: Aim, size: int) -> None:
        self._session, self._response, self._aim = session, response, aim
        self._size = self._left = size
        self._broken = (sdk("urllib3").exceptions.HTTPError, OSError, HTTPException)
        # The response of http.client reads into memory that is there; urllib3 copies twice.
        self._raw: Callable[[memoryview], int] | None = getattr(
            getattr(response, "_fp", None), "readinto", None
        )

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill some of the buffer; return how many bytes, 0 only at the end."""
        if not self._left or not buffer:
            return 0
        view = buffer[: self._left]
        try:
            count = self._fill(view)
        except self._broken as error:
            raise self._session.broken(self._aim, error) from error
        if count == 0:
            raise UnreachableError(
                self._aim.cannot(
                    f"the connection broke after {self._size - self._left:,} of {self._size:,} bytes"
                )
            )
        self._left -= count
        return count

    def _fill(self, view: memoryview) -> int:
        if self._raw is not None:
            return self._raw(view)
        data = self._response.read(len(view), decode_content=False)
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Keep the connection if all was read, else cut it."""
        if self._left or self._response.headers.get("content-length") is None:
            self._response.close()
        else:
            self._response.release_conn()


class Nothing:
    """The body of an empty range, for which there is no request."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Return 0."""
        del buffer
        return 0


def opened(
    session: Session, at: Location, aim: Aim, *, generation: str = "", span: tuple[int, int] | None = None
) -> BaseHTTPResponse:
    """Ask for an object's stored bytes.

    `Accept-Encoding: gzip` keeps the service from unpacking an object that is stored compressed ("Transcoding
    of gzip-compressed files", Cloud Storage docs). An answer that is coded otherwise than the object, as one
    that was compressed on the way, is asked for again without.

    Args:
        session: Asks.
        at: The object.
        aim: What it is for.
        generation: The version; empty for the newest.
        span: The range, end exclusive; None for all.
    """
    for coding in ("gzip", "identity"):
        headers = {**session.encryption, "Accept-Encoding": coding}
        if span is not None:
            headers["Range"] = f"bytes={span[0]}-{span[1] - 1}"
        response = session.send(
            aim, "GET", f"/download{object_path(at)}", headers=headers, accept=(200, 206), stream=True,
            query={"alt": "media", **({"generation": generation} if generation else {})},
        )  # fmt: skip
        coded = response.headers.get("content-encoding", "")
        if coded.replace("identity", "") == stored_encoding(response.headers):
            return response
        response.close()
    raise ServiceError(aim.cannot("the service changes the bytes on the way (transcoding)"))


@contextmanager
def body_of(session: Session, info: ObjectInfo, start: int, stop: int) -> Generator[MediaBody | Nothing]:
    """Open a range of exactly this version."""
    if start >= stop:
        yield Nothing()
        return
    aim = Aim("read", info.url, pinned=True)
    whole = start == 0 and stop == info.size
    span = None if whole else (start, stop)
    response = opened(session, locations.parse(info.url), aim, generation=info.generation, span=span)
    body = MediaBody(session, response, aim, stop - start)
    try:
        _check(response, info, aim, start, stop)
        yield body
    finally:
        body.close()


def _check(response: BaseHTTPResponse, info: ObjectInfo, aim: Aim, start: int, stop: int) -> None:
    """Raise an error if the answer is not of this range, or not of this version."""
    generation = response.headers.get("x-goog-generation", info.generation)
    if info.generation and generation != info.generation:
        raise ObjectChangedError(aim.cannot(f"the service sent generation {generation}; run it again"))
    length = response.headers.get("content-length")
    if length is not None and int(length) != stop - start:
        raise _wrong(aim, f"{int(length):,} bytes came for bytes {start:,} to {stop:,}")
    if start == 0 and stop == info.size:
        if response.status != 200:
            raise _wrong(aim, "the service sent a part for the whole")
        return
    found = _RANGE.fullmatch(response.headers.get("content-range", "")) if response.status == 206 else None
    if found is None:
        raise _wrong(aim, "the service ignored the range")
    if (int(found[1]), int(found[2])) != (start, stop - 1) or found[3] not in (str(info.size), "*"):
        raise _wrong(aim, f"the service sent the range {found[0]!r} for bytes {start:,} to {stop:,}")


def _wrong(aim: Aim, reason: str) -> StorageError:
    error = ServiceError(aim.cannot(reason))
    error.retryable = True  # it is a fault of one server, or of a proxy
    return error
