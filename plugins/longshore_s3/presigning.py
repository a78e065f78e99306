"""URLs that allow one kind of request without credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

from longshore import ConfigurationError, register_secret
from longshore_s3 import sdkerrors
from longshore_s3.client import make_client

if TYPE_CHECKING:
    from datetime import timedelta

    from longshore_s3.api import Api
    from longshore_storage.locations import Location

_OPERATIONS: Final = {
    "GET": "get_object",
    "HEAD": "head_object",
    "PUT": "put_object",
    "DELETE": "delete_object",
}
_LONGEST: Final = 604_800
"""Seconds; see "Authenticating Requests: Using Query Parameters" in the Amazon S3 API Reference."""


def presign(api: Api, at: Location, *, method: str, expires: timedelta, headers: dict[str, str]) -> str:
    """Return the URL; it, and what makes it valid, are masked from now on."""
    operation = _OPERATIONS.get(method.upper())
    if operation is None:
        known = ", ".join(map(repr, _OPERATIONS))
        raise ConfigurationError(f"cannot presign {at.url!r} for {method!r}: there are {known}")
    seconds = int(expires.total_seconds())
    if not 0 < seconds <= _LONGEST:
        raise ConfigurationError(
            f"cannot presign {at.url!r} for {seconds:,} s: S3 allows 1 s to 7 days (604,800 s)"
        )
    parameters = {"Bucket": at.bucket, "Key": at.key, **_parameters(api, at, operation, headers)}
    # Without saying so, the SDK signs as S3 did until 2014.
    client = make_client(api.connection, api.session, signature_version="s3v4")
    try:
        url: str = client.generate_presigned_url(operation, Params=parameters, ExpiresIn=seconds)
    except Exception as error:
        raise sdkerrors.translated(error, "presign", at, api.who) or error from error
    register_secret(url)
    for name in ("X-Amz-Signature", "X-Amz-Security-Token"):
        for value in parse_qs(urlsplit(url).query).get(name, ()):
            register_secret(value)
    return url


def _parameters(api: Api, at: Location, operation: str, headers: dict[str, str]) -> dict[str, Any]:
    given = {"".join(map(str.capitalize, name.split("_"))): value for name, value in headers.items()}
    for name in given:
        if not api.takes(operation, name):
            word = next(word for word in headers if "".join(map(str.capitalize, word.split("_"))) == name)
            raise ConfigurationError(f"cannot presign {at.url!r}: {operation} has nothing called {word!r}")
    if api.connection.requester_pays:
        given["RequestPayer"] = "requester"
    return given
