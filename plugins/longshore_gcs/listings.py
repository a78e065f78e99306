"""Listings, page by page, and deletes in batches."""

from __future__ import annotations

import re
import secrets
from email.parser import BytesParser
from email.policy import HTTP
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from longshore import ConfigurationError
from longshore_gcs.faults import Aim, translated
from longshore_gcs.resources import FIELDS, bucket_path, described, object_path
from longshore_storage.errors import ObjectNotFoundError, ServiceError, StorageError
from longshore_storage.objects import ObjectInfo, Prefix

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from longshore_gcs.sessions import Session
    from longshore_storage.locations import Location

_PAGE: Final = 1000
_BATCH: Final = 100
"""Requests of a batch at most ("Batch requests", Cloud Storage docs)."""
_STATUS: Final = re.compile(rb"HTTP/[\d.]+ (\d{3})[^\r\n]*\r?\n")


def listed(
    session: Session, prefix: Location, *, recursive: bool, after: str
) -> Iterator[ObjectInfo | Prefix]:
    """Yield objects in the order of their keys' bytes ("Objects: list", JSON API reference)."""
    query = {
        "prefix": prefix.key,
        "maxResults": str(_PAGE),
        "fields": f"nextPageToken,prefixes,items({FIELDS})",
        **({} if recursive else {"delimiter": "/"}),
        # It includes the key itself, which is left out below.
        **({"startOffset": after} if after else {}),
    }
    aim = Aim("list", prefix.url)
    while True:
        page = session.json(aim, "GET", f"{bucket_path(prefix)}/o", query=query)
        yield from _of_page(page, prefix, after)
        token = page.get("nextPageToken")
        if not token:
            return
        query["pageToken"] = str(token)


def _of_page(page: dict[str, Any], prefix: Location, after: str) -> Iterator[ObjectInfo | Prefix]:
    found: list[tuple[bytes, ObjectInfo | Prefix]] = [
        (str(item["name"]).encode(), described(item)) for item in page.get("items", [])
    ]
    found += [(str(name).encode(), Prefix(prefix.with_key(name).url)) for name in page.get("prefixes", [])]
    start = after.encode()
    for name, entry in sorted(found, key=lambda pair: pair[0]):
        if name > start or not start:
            yield entry


def deleted(session: Session, places: Iterable[Location]) -> Iterator[tuple[Location, Exception | None]]:
    """Delete objects by batches, and yield each place with what went wrong."""
    waiting = iter(places)
    while batch := list(islice(waiting, _BATCH)):
        wrong = {at: error for at in batch if (error := _wrong(at)) is not None}
        yield from wrong.items()
        batch = [at for at in batch if at not in wrong]
        try:
            yield from _batch(session, batch) if batch else ()
        except StorageError as error:
            yield from ((at, error) for at in batch)


def _wrong(at: Location) -> ConfigurationError | None:
    """Return why no object can be at a place."""
    try:
        object_path(at)
    except ConfigurationError as error:
        return error
    return None


def _batch(session: Session, batch: list[Location]) -> list[tuple[Location, Exception | None]]:
    boundary = secrets.token_hex(16)
    aim = Aim("delete", f"gs://{batch[0].bucket}/")
    response = session.send(
        aim, "POST", "/batch/storage/v1", body=_requests(batch, boundary),
        headers={"Content-Type": f"multipart/mixed; boundary={boundary}"},
    )  # fmt: skip
    answers = _answers(response.headers.get("content-type", ""), response.data)
    if len(answers) != len(batch):
        raise ServiceError(aim.cannot(f"a batch of {len(batch)} had {len(answers)} answers"))
    return [
        (at, _outcome(session, at, status, headers, body))
        for at, (status, headers, body) in zip(batch, answers, strict=True)
    ]


def _requests(batch: list[Location], boundary: str) -> bytes:
    parts = [
        f"--{boundary}\r\nContent-Type: application/http\r\nContent-ID: <{number}>\r\n\r\n"
        f"DELETE {object_path(at)} HTTP/1.1\r\n\r\n\r\n"
        for number, at in enumerate(batch)
    ]
    return "".join((*parts, f"--{boundary}--\r\n")).encode()


def _answers(content_type: str, body: bytes) -> list[tuple[int, dict[str, str], bytes]]:
    """Read the answers in a batch's answer, which come in the order of the requests."""
    parser = BytesParser(policy=HTTP)
    whole = parser.parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    found: list[tuple[int, dict[str, str], bytes]] = []
    for part in whole.iter_parts() if whole.is_multipart() else ():
        payload: Any = part.get_payload(decode=True)
        status = _STATUS.match(payload.lstrip())
        if status is None:
            continue
        answer = parser.parsebytes(payload.lstrip()[status.end() :])
        content: Any = answer.get_payload(decode=True)
        headers = {name.lower(): str(value) for name, value in answer.items()}
        found.append((int(status[1]), headers, content or b""))
    return found


def _outcome(
    session: Session, at: Location, status: int, headers: dict[str, str], body: bytes
) -> StorageError | None:
    if status in (200, 204):
        return None
    error = translated(Aim("delete", at.url), status, headers, body, session.identity.name)
    return None if isinstance(error, ObjectNotFoundError) else error
