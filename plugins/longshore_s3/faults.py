"""What an answer that is no success means, whichever library it came through."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from longshore import parse_retry_after, redact
from longshore_s3.errors import S3Error
from longshore_storage.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    ChecksumError,
    ClockError,
    ConditionFailedError,
    CredentialsError,
    ObjectNotFoundError,
    StorageError,
    ThrottledError,
    UnreachableError,
    UploadNotFoundError,
    WrongRegionError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from longshore_storage.locations import Location

_MISSING: Final = {
    "NoSuchKey": ObjectNotFoundError,
    "NoSuchVersion": ObjectNotFoundError,
    "NoSuchBucket": BucketNotFoundError,
    "NoSuchUpload": UploadNotFoundError,
}
_THROTTLED: Final = {
    "SlowDown", "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled",
    "RequestThrottledException", "RequestLimitExceeded", "TooManyRequests", "TooManyRequestsException",
    "BandwidthLimitExceeded", "ServiceUnavailable", "503", "429",
}  # fmt: skip
_REPEATABLE: Final = {
    "InternalError", "InternalServerError", "RequestTimeout", "RequestTimeoutException", "OperationAborted",
    "ConditionalRequestConflict", "PriorRequestNotComplete",
}  # fmt: skip
_CREDENTIALS: Final = {
    "ExpiredToken": "they have expired; log in again, or give credentials that are renewed, as a role's are",
    "ExpiredTokenException": "they have expired; log in again",
    "TokenRefreshRequired": "they have expired; log in again",
    "RequestExpired": "they have expired; log in again",
    "InvalidToken": "the session token is not the one of the key; log in again",
    "InvalidAccessKeyId": "there is no such key there; look for it: aws configure list",
    "InvalidClientTokenId": "there is no such key there; look for it: aws configure list",
    "UnrecognizedClientException": "there is no such key there; look for it: aws configure list",
    "SignatureDoesNotMatch": "the secret key does not belong to the key, or a proxy changed the request",
    "AuthFailure": "they are not valid there; look at them: aws configure list",
    "MissingSecurityHeader": "the request was not signed; give credentials",
}
_ALTERED: Final = {"BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"}
_CUT: Final = {"IncompleteBody", "MissingContentLength", "RequestBodyTooShort"}
_MOVED: Final = {
    "PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "Redirect", "301", "307",
    "IllegalLocationConstraintException",
}  # fmt: skip
STATUS_OF: Final = {"AccessDenied": 403, "InternalError": 500, "SlowDown": 503, "ServiceUnavailable": 503}
"""The statuses of codes that come inside of an answer, without one of their own."""
_DENIED: Final = {"AccessDenied", "AllAccessDisabled", "AccountProblem", "Forbidden", "403", "401"}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a service said instead of doing what it was asked.

    Args:
        status: The HTTP status.
        code: S3's word; the status where there was no body.
        message: S3's sentence.
        request_id: What S3 calls the request in its logs.
        retry_after: Seconds that it asked to wait.
        region: Where the bucket is.
        date: The service's clock.
    """

    status: int
    code: str = ""
    message: str = ""
    request_id: str = ""
    retry_after: float | None = None
    region: str = ""
    date: str = ""

    def __str__(self) -> str:
        code = self.code if self.code != str(self.status) else ""
        said = [f"request id {self.request_id}"] if self.request_id else []
        if self.message and self.message != code:
            said.insert(0, redact(self.message)[:300].rstrip("."))
        return " ".join(filter(None, [str(self.status), code])) + (f" ({'; '.join(said)})" if said else "")


def from_sdk(response: Mapping[str, Any]) -> Answer:
    """Read the answer out of an SDK's ClientError."""
    error: Mapping[str, Any] = response.get("Error", {})
    about: Mapping[str, Any] = response.get("ResponseMetadata", {})
    headers: Mapping[str, str] = about.get("HTTPHeaders", {})
    return Answer(
        status=int(about.get("HTTPStatusCode") or 0),
        code=str(error.get("Code", "")),
        message=str(error.get("Message", "")),
        request_id=str(about.get("RequestId") or headers.get("x-amz-request-id", "")),
        retry_after=parse_retry_after(headers.get("retry-after")),
        region=str(error.get("Region") or headers.get("x-amz-bucket-region", "")),
        date=headers.get("date", ""),
    )


def fault(answer: Answer, verb: str, at: Location, caller: Callable[[], str]) -> StorageError:
    """Return the error for an answer.

    Args:
        answer: What the service said.
        verb: What could not be done, as `"read"`.
        at: The object.
        caller: Says who we are; asked only where that helps.
    """
    start = f"cannot {verb} {at.url!r}: S3 answered {answer}"
    kind = _kind(answer)
    if kind is BucketNotFoundError:
        error: StorageError = kind(f"{start}; there is no bucket {at.bucket!r}, or S3 has it elsewhere")
    elif kind is AccessDeniedError:
        error = kind(f"{start}; the caller is {caller()}; its policy, or the bucket's, must allow this")
    elif kind is CredentialsError:
        remedy = _CREDENTIALS[answer.code]
        error = kind(f"{start}; the credentials were refused: {remedy}")
    elif kind is WrongRegionError:
        where = f"in {answer.region!r}; write S3Connection(region={answer.region!r})"
        error = kind(f"{start}; bucket {at.bucket!r} is " + (where if answer.region else "in another region"))
    elif kind is ClockError:
        here = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
        error = kind(f"{start}; the service's clock says {answer.date or '?'}, ours {here}; set it")
    elif kind is S3Error:
        error = S3Error(start, answer.code, answer.status)
        error.retryable = _is_repeatable(answer)
    else:
        error = kind(start)
    error.retry_after = answer.retry_after
    return error


def _kind(answer: Answer) -> type[StorageError]:
    code, status = answer.code, answer.status
    if code in _MISSING:
        return _MISSING[code]
    if code == "RequestTimeTooSkewed":
        return ClockError
    if code in _CREDENTIALS:
        return CredentialsError
    if code in _MOVED or status in (301, 307):
        return WrongRegionError
    if code in _ALTERED:
        return ChecksumError
    if code in _CUT:
        return UnreachableError
    if code in _THROTTLED or status in (429, 503):
        return ThrottledError
    if status == 412:
        return ConditionFailedError
    if code in _DENIED or status in (401, 403):
        return AccessDeniedError
    if code in ("404", "NotFound"):
        return ObjectNotFoundError
    return S3Error


def _is_repeatable(answer: Answer) -> bool:
    return answer.code in _REPEATABLE or answer.status in (408, 500, 502, 504)
