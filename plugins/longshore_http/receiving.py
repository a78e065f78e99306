"""One attempt of a download: go on where the partial file ends, or begin anew; check; move into place."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from longshore import current
from longshore.heldfiles import boot_id
from longshore_http.client import Answer, Request, exchange
from longshore_http.digests import Digests, announced
from longshore_http.errors import BodyTruncated, ChecksumMismatch, LengthUnknown, TooLarge
from longshore_http.headers import Headers
from longshore_http.partials import Partial, Version, url_digest
from longshore_http.request import refused
from longshore_http.statuses import moment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_GZIP_TYPES: Final = ("application/gzip", "application/x-gzip")
_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_PROGRESS_EVERY: Final = 0.5


@dataclass(frozen=True, kw_only=True)
class Downloaded:
    """A file that has come whole.

    Args:
        path: Where it is.
        size: Bytes.
        sha256: In hexadecimal.
        etag: The server's name for this version; empty if it gave none.
        url: What answered, without passwords, tokens and signatures in it.
    """

    path: Path
    size: int
    sha256: str
    etag: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to download, and by which rules."""

    request: Request
    expected: Mapping[str, str]
    resume: bool
    max_size: int | None
    allow_unknown_length: bool


class Receiver:
    """Fills one partial file."""

    def __init__(self, order: Order, partial: Partial) -> None:
        self._order = order
        self._partial = partial
        self._label = order.request.label
        self._key = url_digest(order.request.url, order.request.params)
        self.resumed = False

    def receive(self, target: Path) -> Downloaded:
        """Do one attempt.

        Raises:
            HttpError: Something is wrong; what came may have been kept for the next attempt.
            OSError: The file could not be written.
        """
        version = self._partial.load(self._key) if self._order.resume else None
        while True:
            offset = _offset(self._partial, version)
            with exchange(_ranged(self._order.request, version, offset)) as answer:
                if offset and answer.status in (206, 416) and not _continues(answer, version, offset):
                    version = None  # of another version, another place, or there is no such place any more
                    continue
                if answer.status not in ((206,) if offset else ()) + (200, 203):
                    raise refused(answer)
                if answer.status != 206:
                    version, offset = self._begin(answer), 0
                elif version is not None:
                    version = replace(version, total=_total(answer) or version.total)
                digests = self._fill(answer, offset)
            if version is not None and self._partial.size < (version.total or 0):
                if self._partial.size <= offset:
                    raise BodyTruncated(
                        f"cannot {self._label}: the server sends no more of it after {offset} bytes"
                    )
                continue  # the server may send less than was asked for
            return self._finish(answer, digests, target)

    def _begin(self, answer: Answer) -> Version | None:
        """Empty the file for a whole object and return the version that it is."""
        self.resumed = False
        checked = bool(self._order.expected or self._expected(answer))
        if not (_ends_visibly(answer) or checked or self._order.allow_unknown_length):
            raise LengthUnknown(
                f"cannot {self._label}: the server gives no length, so a cut would look like the end"
                "; give checksum=..., or allow_unknown_length=True"
            )
        self._refuse_size(answer.length or 0)
        version = _version(answer, self._key) if self._order.resume else None
        self._partial.restart(version)
        return version

    def _fill(self, answer: Answer, offset: int) -> Digests:
        """Write what comes from an offset on, and return the digests of the whole."""
        digests = Digests({*self._order.expected, *self._expected(answer)})
        self._partial.truncate(offset)
        for data in self._partial.read() if offset else ():
            digests.update(data)
        self.resumed = self.resumed or offset > 0
        progress = _Progress(answer, offset)
        for data in answer.chunks(decode=_is_encoded(answer)):
            self._refuse_size(offset + len(data))
            self._partial.write(data, offset)
            digests.update(data)
            offset += len(data)
            progress.tell(offset)
        return digests

    def _finish(self, answer: Answer, digests: Digests, target: Path) -> Downloaded:
        try:
            digests.check(self._label, self._order.expected, "checksum=")
            digests.check(self._label, self._expected(answer), "the server")
        except ChecksumMismatch as error:
            # One more time, from the beginning: a third would bring the same.
            error.retryable = self.resumed or current.attempt == 1
            raise
        size = self._partial.size
        self._partial.move_to(target)
        etag = answer.headers.get("ETag", "")
        return Downloaded(path=target, size=size, sha256=digests["sha256"], etag=etag, url=answer.url)

    def _expected(self, answer: Answer) -> dict[str, str]:
        return {} if _is_encoded(answer) else announced(answer.headers, whole=answer.status != 206)

    def _refuse_size(self, size: int) -> None:
        most = self._order.max_size
        if most is not None and size > most:
            raise TooLarge(f"cannot {self._label}: it has more than {most} bytes; raise max_size to allow it")


class _Progress:
    """Tells `current` how far the download is, now and then."""

    def __init__(self, answer: Answer, offset: int) -> None:
        self._total = None if answer.length is None or _is_encoded(answer) else answer.length + offset
        self._next = 0.0

    def tell(self, done: int) -> None:
        if self._total and (done == self._total or time.monotonic() >= self._next):
            self._next = time.monotonic() + _PROGRESS_EVERY
            current.progress(done=done, total=self._total, unit="B")


def _offset(partial: Partial, version: Version | None) -> int:
    """Return where to go on: at the end, or at the last byte of a whole file, to see if it is current."""
    if version is None:
        return 0
    return partial.size - 1 if partial.size == version.total else partial.size


def _ranged(request: Request, version: Version | None, offset: int) -> Request:
    if version is None or not offset:
        return request
    headers = {**request.headers, "Range": f"bytes={offset}-", "If-Range": version.validator}
    return replace(request, headers=Headers(headers))


def _continues(answer: Answer, version: Version | None, offset: int) -> bool:
    """Whether a 206 is what was asked for, this version from this byte on; servers send others too."""
    found = _RANGE.fullmatch(answer.headers.get("Content-Range", "").strip())
    if answer.status != 206 or version is None or found is None or _is_encoded(answer):
        return False
    first, last = int(found[1]), int(found[2])
    return (
        first == offset
        and answer.length in (None, last - first + 1)
        and (version.total is None or _total(answer) in (None, version.total))
        and (not version.etag or answer.headers.get("ETag") == version.etag)
        and (bool(version.etag) or answer.headers.get("Last-Modified", version.modified) == version.modified)
    )


def _total(answer: Answer) -> int | None:
    """Return the whole object's size, as a 206 tells it."""
    found = _RANGE.fullmatch(answer.headers.get("Content-Range", "").strip())
    return int(found[3]) if found and found[3] != "*" else None


def _version(answer: Answer, key: str) -> Version | None:
    """Return which version an answer is; None if a part of it could not be asked for."""
    if _is_encoded(answer) or answer.headers.get("Accept-Ranges", "").lower() == "none":
        return None
    etag = answer.headers.get("ETag", "")
    version = Version(
        url=key,
        etag="" if etag.startswith("W/") else etag,
        modified=_strong_date(answer),
        total=answer.length,
        boot=boot_id(),
    )
    return version if version.validator else None


def _strong_date(answer: Answer) -> str:
    """Return Last-Modified if the object cannot have changed twice in that second (RFC 9110, 8.8.2.2)."""
    text = answer.headers.get("Last-Modified", "")
    modified, date = moment(text), moment(answer.headers.get("Date", ""))
    return text if modified is not None and date is not None and date - modified >= 60 else ""


def _is_encoded(answer: Answer) -> bool:
    """Whether the bytes on the wire are not those of the object.

    Servers that were not told about .gz files call such a file's own compression a Content-Encoding; browsers
    know.
    """
    encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return encoding not in ("identity", "") and media_type not in _GZIP_TYPES


def _ends_visibly(answer: Answer) -> bool:
    return answer.length is not None or answer.chunked or _is_encoded(answer)
