"""`HttpDownload`: one object to one file, whole or not at all."""

from __future__ import annotations

import stat
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from longshore import ConfigurationError, Delay, Exponential, Secret, Task, current
from longshore_http.bodies import Fields, pairs
from longshore_http.client import Request
from longshore_http.connections import HttpConnection, checked_headers
from longshore_http.digests import parse_checksum
from longshore_http.errors import (
    ConnectionFailed,
    HttpError,
    ReadTimedOut,
    RequestCancelled,
    StatusError,
    TargetFailed,
)  # fmt: skip
from longshore_http.partials import Partial, partial_for
from longshore_http.receiving import Downloaded, Order, Receiver
from longshore_http.request import NO_HEADERS

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

_BREAKS: Final = (ConnectionFailed, ReadTimedOut, RequestCancelled)


class HttpDownload(Task[Downloaded]):
    """Copy one object to a local file, whole or not at all.

    The object is written to a hidden file beside the target and moved into place when all of it has come and
    its checksum is right, so a reader never sees half of it and a failed download leaves the old file as it
    was. A download that broke, or was killed, goes on where it stopped, if the server can tell versions apart
    (a strong ETag, or a Last-Modified over a minute old) and still has the same one.

    Checked are the length, `checksum`, and what the server announces in Repr-Digest, Content-Digest, Digest,
    Content-MD5, X-Goog-Hash or X-Amz-Checksum-Sha256. Retries are as in `HttpCall`.

    Args:
        connection: How to reach the server, and who we are.
        headers: Sent over the connection's; values may be a `Secret`.
        resume: Whether to keep what came of a download that broke, and go on from there.
        max_size: Bytes that the object may have; None for any number.
        allow_unknown_length: Whether to take an object for whole when neither length nor checksum nor an end
            mark says so.

    Example:
        >>> HttpDownload()("https://example.com/2013.csv.gz", "2013.csv.gz", checksum="sha256:9f86d0...").size
        52428800
    """

    connection: HttpConnection = HttpConnection()
    headers: Mapping[str, str | Secret] = NO_HEADERS
    resume: bool = True
    max_size: int | None = None
    allow_unknown_length: bool = False
    retries: int = 3
    retry_delay: Delay = Exponential(base=0.5, cap=30.0)

    def check(self) -> None:
        object.__setattr__(self, "headers", checked_headers(self.headers, self.name))

    def run(
        self,
        url: str | Secret,
        target: str | Path,
        *,
        checksum: str | None = None,
        params: Fields | None = None,
    ) -> Downloaded:
        """Download the object.

        Args:
            url: Absolute, or relative to the connection's `base_url`; a `Secret` where the URL is a
                credential.
            target: The file, whose folder is made if it is missing. A link is followed. The server has no say
                in it.
            checksum: Algorithm and hexadecimal digest, as `"sha256:9f86d0..."`; md5, sha1, sha384 and sha512
                too.
            params: Added to the URL's query.

        Raises:
            ChecksumMismatch: The bytes are not those that were meant.
            LengthUnknown: A cut download could not be told from a whole one.
            TargetFailed: The file cannot be written.
            HttpError: The object could not be had.
        """
        expected = parse_checksum(checksum)
        request = Request(
            connection=self.connection,
            url=self.connection.resolve(url),
            params=tuple(pairs(params or {})),
            headers=self.headers,
            encoding="identity",
        )
        order = Order(
            request=request,
            expected=dict([expected] if expected else []),
            resume=self.resume,
            max_size=self.max_size,
            allow_unknown_length=self.allow_unknown_length,
        )
        with _writing(Path(target)):
            real = _real_target(Path(target))
            with partial_for(real) as partial, _tidied(partial):
                came = replace(Receiver(order, partial).receive(real), path=Path(target))
        if "://" in came.url:  # one that is a secret is masked as a whole
            current.reads(came.url, bytes=came.size, version=came.etag)
        current.writes(came.path, bytes=came.size)
        return came


def _real_target(target: Path) -> Path:
    """Return the file to write, behind any links, in a folder that exists."""
    if not target.name or "\0" in str(target):
        raise ConfigurationError(f"cannot download to {str(target)!r}: it names no file")
    try:
        real = target.resolve()
    except RuntimeError as error:  # links in a circle, until Python 3.12
        raise TargetFailed(f"cannot write {str(target)!r}: {error}") from error
    real.parent.mkdir(parents=True, exist_ok=True)
    if real.exists() and not stat.S_ISREG(real.stat().st_mode):
        raise TargetFailed(f"cannot write {str(target)!r}: it is there, and no plain file")
    return real


@contextmanager
def _writing(target: Path) -> Generator[None]:
    """Say what is wrong with the file or the disk."""
    try:
        yield
    except HttpError:
        raise
    except OSError as error:
        raise TargetFailed(f"cannot write {str(target)!r}: {error.strerror or error}") from error


@contextmanager
def _tidied(partial: Partial) -> Generator[None]:
    """Keep what came only if the next attempt can go on from there."""
    try:
        yield
    except BaseException as error:
        if partial.version is None or not _may_go_on(error):
            partial.discard()
        raise


def _may_go_on(error: BaseException) -> bool:
    if isinstance(error, StatusError):
        return error.retryable or error.status in (401, 403, 407)
    return isinstance(error, _BREAKS) or not isinstance(error, Exception)
