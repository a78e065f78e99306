"""What the SDK raises, as errors of object stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from longshore import ConfigurationError, redact, require
from longshore_s3 import faults
from longshore_storage.errors import CredentialsError, ServiceError, StorageError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore_storage.locations import Location

NO_CREDENTIALS: Final = (
    "boto3 looked in the environment (AWS_ACCESS_KEY_ID), ~/.aws/credentials, ~/.aws/config, "
    "and for a container's and an instance's role; run: aws configure, or write S3Connection(profile=...)"
)
_CREDENTIALS: Final = (
    "NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "TokenRetrievalError",
    "SSOError", "NoAuthTokenError", "RefreshWithMFAUnsupportedError", "LoginError",
)  # fmt: skip
_BROKEN: Final = ("HTTPClientError", "ConnectionError", "ResponseStreamingError", "IncompleteReadError")
_CONFIGURED: Final = (
    "ProfileNotFound", "ParamValidationError", "NoRegionError", "InvalidRegionError", "ConfigNotFound",
    "ConfigParseError", "InvalidConfigError", "UnknownSignatureVersionError", "InvalidS3AddressingStyleError",
    "UnsupportedS3ConfigurationError", "InfiniteLoopConfigError", "InvalidEndpointConfigurationError",
)  # fmt: skip


def translated(error: Exception, verb: str, at: Location, caller: Callable[[], str]) -> Exception | None:
    """Return the error of ours that one of the SDK's is; None if it is none of the SDK's."""
    names = {cls.__name__ for cls in type(error).__mro__ if cls.__module__.startswith("botocore.")}
    start = f"cannot {verb} {at.url!r}"
    if isinstance(error, (StorageError, ConfigurationError)) or not names:
        return broken(error, start)
    if "ClientError" in names:
        response: Any = getattr(error, "response", {})
        return faults.fault(faults.from_sdk(response), verb, at, caller)
    said = redact(str(error)).rstrip(".")
    if names & {"NoCredentialsError"}:
        return CredentialsError(f"{start}: no credentials were found; {NO_CREDENTIALS}")
    if names & set(_CREDENTIALS):
        return CredentialsError(f"{start}: no credentials could be had: {said}; run: longshore doctor")
    if "SSLError" in names:
        return _not_again(
            f"{start}: {said}; for an authority of your own write S3Connection(verify='ca.pem')"
        )
    if "ResponseParserError" in names:  # half an answer, or a proxy's page
        return UnreachableError(f"{start}: the answer cannot be read: {said[:300]}")
    if names & set(_BROKEN):
        return UnreachableError(f"{start}: {said}")
    if names & set(_CONFIGURED):
        return ConfigurationError(f"{start}: {said}")
    return ServiceError(f"{start}: {said}")


def broken(error: Exception, start: str) -> UnreachableError | None:
    """Return the error for a connection that broke outside the SDK's own care; None if it is not that."""
    urllib3 = require("urllib3", extra="s3")
    http = require("http.client", extra="s3")
    if isinstance(error, (urllib3.exceptions.HTTPError, http.HTTPException)):
        return UnreachableError(f"{start}: {redact(str(error))}")
    if isinstance(error, (ConnectionError, TimeoutError)) and not isinstance(error, StorageError):
        return UnreachableError(f"{start}: {redact(str(error)) or type(error).__name__}")
    return None


def _not_again(message: str) -> UnreachableError:
    error = UnreachableError(message)
    error.retryable = False
    return error
