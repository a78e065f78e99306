"""Deleting objects, one by one or a thousand a request."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from longshore_s3 import faults
from longshore_s3.errors import S3Error
from longshore_s3.keys import fits_xml
from longshore_s3.options import conditions
from longshore_s3.writing import look_first, refused
from longshore_storage.errors import ConditionFailedError, ObjectNotFoundError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from longshore_s3.api import Api
    from longshore_storage.locations import Location
    from longshore_storage.objects import Condition

_BATCH: Final = 1000

Outcome = tuple["Location", Exception | None]


def delete(api: Api, at: Location, *, condition: Condition) -> None:
    """Delete one object, where it is the one that the condition names."""
    look_first(api, at, condition)
    try:
        api.call("delete", "delete_object", at, **conditions(condition))
    except (ConditionFailedError, ObjectNotFoundError) as error:
        raise refused(at, condition, error) from error
    except S3Error as error:
        if error.status != 501 or api.is_amazons():
            raise
        api.call("delete", "delete_object", at)  # another make without `If-Match`; it was looked at just now


def delete_many(api: Api, places: Iterable[Location]) -> Iterator[Outcome]:
    """Delete objects in batches; yield each place and what went wrong with it."""
    for bucket_places in groupby(places, key=lambda at: at.bucket):
        batch: list[Location] = []
        for at in bucket_places[1]:
            if not fits_xml(at.key):
                yield _alone(api, at)
                continue
            batch.append(at)
            if len(batch) == _BATCH:
                yield from _together(api, batch)
                batch = []
        if batch:
            yield from _together(api, batch)


def _alone(api: Api, at: Location) -> Outcome:
    try:
        api.call("delete", "delete_object", at)
    except StorageError as error:
        return at, error
    return at, None


def _together(api: Api, batch: list[Location]) -> Iterator[Outcome]:
    asked = {"Objects": [{"Key": at.key} for at in batch], "Quiet": True}
    try:
        answer = api.call("delete", "delete_objects", batch[0], Delete=asked)
    except StorageError as error:
        yield from ((at, error) for at in batch)
        return
    failed = {str(entry.get("Key")): entry for entry in answer.get("Errors", ())}
    for at in batch:
        yield at, _error(api, at, failed[at.key]) if at.key in failed else None


def _error(api: Api, at: Location, entry: dict[str, Any]) -> Exception | None:
    code = str(entry.get("Code", ""))
    if code == "NoSuchKey":  # another make's way to say that it is gone
        return None
    answer = faults.Answer(
        status=faults.STATUS_OF.get(code, 200), code=code, message=str(entry.get("Message", ""))
    )
    return faults.fault(answer, "delete", at, api.who)
