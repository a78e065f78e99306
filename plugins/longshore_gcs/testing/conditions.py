"""Preconditions and customer-supplied keys: what a request must know of an object."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Final

from longshore_gcs.testing.answers import ApiError, Request

if TYPE_CHECKING:
    from longshore_gcs.testing.worlds import Json, Stored

_WORDS: Final = ("generation", "metageneration")
_PREFIX: Final = "x-goog-encryption-"


class NotModifiedError(Exception):
    """A read whose `...NotMatch` does not hold is answered by 304."""


def check(query: dict[str, str], stored: Stored | None, *, read: bool = False, prefix: str = "if") -> None:
    """Refuse a request whose preconditions do not hold ("Request preconditions", Cloud Storage docs).

    Args:
        query: Of the request.
        stored: The object it is about; None if there is none.
        read: Whether it only reads.
        prefix: `ifSource` for a rewrite's source.
    """
    for word in _WORDS:
        name = prefix + word.capitalize()
        # Generation 0 stands for no live object.
        has = str(stored.resource[word]) if stored is not None else "0"
        if query.get(f"{name}Match", has) != has:
            raise ApiError(
                "conditionNotMet", "At least one of the pre-conditions you specified did not hold."
            )
        if query.get(f"{name}NotMatch") == has:
            if read:
                raise NotModifiedError
            raise ApiError(
                "conditionNotMet", "At least one of the pre-conditions you specified did not hold."
            )


def given_key(request: Request, prefix: str = _PREFIX) -> str:
    """Return the digest of the key that a request brings; empty for none.

    "Customer-supplied encryption keys", Cloud Storage docs.
    """
    key, digest = request.header(f"{prefix}key"), request.header(f"{prefix}key-sha256")
    if not key:
        return ""
    try:
        plain = base64.b64decode(key, validate=True)
    except ValueError:
        plain = b""
    if len(plain) != 32 or request.header(f"{prefix}algorithm") != "AES256":
        raise ApiError(
            "invalid", "Missing an encryption key, or it is not base64 encoded, or it is not 256 bits."
        )
    if base64.b64encode(hashlib.sha256(plain).digest()).decode() != digest:
        raise ApiError("invalid", "The SHA-256 hash of the encryption key is not the one that was given.")
    return digest


def needs_key(stored: Stored, digest: str) -> None:
    """Refuse to read an object without its key."""
    wanted = stored.resource.get("customerEncryption", {}).get("keySha256", "")
    if wanted and not digest:
        raise ApiError("invalid", "The target object is encrypted by a customer-supplied encryption key.")
    if wanted != digest:
        raise ApiError("invalid", "The provided encryption key is incorrect.")


def shown(stored: Stored, request: Request) -> Json:
    """Return the resource; without the key nobody sees the checksums of an object that has one."""
    if "customerEncryption" not in stored.resource:
        return dict(stored.resource)
    if given_key(request):
        needs_key(stored, given_key(request))
        return dict(stored.resource)
    return {word: value for word, value in stored.resource.items() if word not in ("crc32c", "md5Hash")}


def keep_key(stored: Stored, request: Request) -> None:
    """Note the key that a new object is encrypted with."""
    digest = given_key(request)
    if digest:
        stored.resource["customerEncryption"] = {"encryptionAlgorithm": "AES256", "keySha256": digest}
