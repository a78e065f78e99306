"""What Google Cloud Storage and its library answer, as our errors."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from longshore import parse_retry_after
from longshore_storage.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    ChecksumError,
    ConditionFailedError,
    CredentialsError,
    ObjectChangedError,
    ObjectExistsError,
    ObjectNotFoundError,
    ServiceError,
    StorageError,
    ThrottledError,
    UploadNotFoundError,
)
from longshore_storage.objects import ANY, Condition

if TYPE_CHECKING:
    from collections.abc import Mapping

_THROTTLED: Final = {"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"}
_AGAIN: Final = {408, 500, 502, 503, 504}
_LONGEST: Final = 300
"""Characters of the service's message in ours."""


@dataclass(frozen=True)
class Aim:
    """What a request is for, for messages and for what an answer means.

    Args:
        verb: As in *cannot read*.
        url: The object, or bucket.
        condition: What must be true of the place.
        pinned: Whether one version is asked for, which was there.
        session: Whether an upload session is asked.
    """

    verb: str
    url: str
    condition: Condition = ANY
    pinned: bool = False
    session: bool = False

    def cannot(self, reason: str) -> str:
        """Return the message."""
        return f"cannot {self.verb} {self.url!r}: {reason}"


def translated(aim: Aim, status: int, headers: Mapping[str, str], body: bytes, caller: str) -> StorageError:
    """Return the error that an answer means.

    Args:
        aim: What was asked for.
        status: Of the answer.
        headers: Of the answer.
        body: The answer's JSON, or text where media was asked for.
        caller: Who we are.
    """
    message, reason = _said(body)
    error = _class_of(aim, status, message, reason)
    error.args = (aim.cannot(_why(error, aim, status, message, reason, caller)),)
    error.retryable = error.retryable or status in _AGAIN
    error.retry_after = parse_retry_after(headers.get("retry-after"))
    return error


def _said(body: bytes) -> tuple[str, str]:
    """Return the message and the reason ("HTTP status and error codes for JSON")."""
    try:
        error = cast("dict[str, Any]", json.loads(body))["error"]
        reasons = cast("list[dict[str, Any]]", error.get("errors") or [{}])
        return str(error["message"])[:_LONGEST], str(reasons[0].get("reason", ""))
    except (ValueError, LookupError, TypeError, AttributeError):
        return body[:_LONGEST].decode("utf-8", "replace").strip(), ""


def _class_of(aim: Aim, status: int, message: str, reason: str) -> StorageError:
    if aim.session and status in (404, 410, 499):
        return UploadNotFoundError()
    if status == 404:
        return _missing(aim, message)
    if status in (412, 304):
        return ObjectExistsError() if aim.condition.absent else ConditionFailedError()
    if status in (429, 503) or reason in _THROTTLED:
        return ThrottledError()
    if status == 400 and ("doesn't match" in message or "does not match" in message) and _of_hash(message):
        return ChecksumError()
    if "requester pays" in message.lower():
        return AccessDeniedError()
    return {401: CredentialsError, 403: AccessDeniedError, 407: CredentialsError}.get(status, ServiceError)()


def _of_hash(message: str) -> bool:
    return any(word in message.lower() for word in ("crc32c", "md5", "hash"))


def _missing(aim: Aim, message: str) -> StorageError:
    if "bucket" in message.lower() and not message.startswith("No such object"):
        return BucketNotFoundError()
    if aim.pinned:
        return ObjectChangedError()
    return ConditionFailedError() if aim.condition.token else ObjectNotFoundError()


def _why(error: StorageError, aim: Aim, status: int, message: str, reason: str, caller: str) -> str:
    said = f"the service answered {status}{f' {reason}' if reason else ''}: {message or 'nothing more'}"
    bucket = aim.url.removeprefix("gs://").partition("/")[0]
    if isinstance(error, BucketNotFoundError):
        return f"there is no bucket {bucket!r}; check its name, or run: gcloud storage buckets create gs://{bucket}"
    if isinstance(error, UploadNotFoundError):
        return f"the unfinished upload is gone (the service answered {status}); run it again"
    if isinstance(error, ObjectNotFoundError):
        return "there is no such object"
    if isinstance(error, ObjectChangedError):
        return "this version was replaced or deleted meanwhile; run it again"
    if isinstance(error, ObjectExistsError):
        return "there is an object already"
    if isinstance(error, ConditionFailedError):
        return "it is not the version that may be replaced; somebody wrote first"
    if isinstance(error, CredentialsError):
        return f"{said}; the caller is {caller}; run: gcloud auth application-default login"
    if isinstance(error, AccessDeniedError):
        return f"{said}; the caller is {caller}{_remedy(message)}"
    return said


def _remedy(message: str) -> str:
    if "requester pays" in message.lower():
        return "; name the project that pays: GCSConnection(user_project='PROJECT')"
    return ""
