"""`GCSWriteOptions`: what Google Cloud Storage alone knows of a new object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from longshore import ConfigurationError
from longshore_storage.mediatypes import guessed_type
from longshore_storage.objects import WriteOptions

if TYPE_CHECKING:
    from datetime import datetime

_WORDS: Final = {
    "content_encoding": "contentEncoding",
    "content_disposition": "contentDisposition",
    "content_language": "contentLanguage",
    "cache_control": "cacheControl",
}


@dataclass(frozen=True, kw_only=True)
class GCSWriteOptions(WriteOptions):
    """What a new object is given.

    Args:
        storage_class: `STANDARD`, `NEARLINE`, `COLDLINE` or `ARCHIVE`; empty for the bucket's.
        kms_key: The Cloud KMS key that encrypts it, as
            `projects/P/locations/L/keyRings/R/cryptoKeys/K`; empty for the bucket's.
        acl: A predefined ACL such as `"publicRead"`; only for buckets without uniform access.
        custom_time: A time of your own, which lifecycle rules can go by.
        temporary_hold: Whether it cannot be replaced or deleted until the hold is released.
        event_based_hold: The same; the bucket's retention period begins when it is released.
    """

    storage_class: str = ""
    kms_key: str = ""
    acl: str = ""
    custom_time: datetime | None = None
    temporary_hold: bool = False
    event_based_hold: bool = False

    def __post_init__(self) -> None:
        if self.custom_time is not None and self.custom_time.tzinfo is None:
            raise ConfigurationError("GCSWriteOptions(custom_time=...): give it a time zone, such as UTC")


def described(options: WriteOptions, key: str) -> dict[str, Any]:
    """Return the resource of a new object ("Objects", JSON API reference), but for its checksum."""
    found: dict[str, Any] = {"name": key, "contentType": options.content_type or guessed_type(key)}
    for field, word in _WORDS.items():
        if getattr(options, field):
            found[word] = getattr(options, field)
    if options.metadata:
        found["metadata"] = dict(options.metadata)
    if isinstance(options, GCSWriteOptions):
        found |= _of_google(options)
    return found


def queried(options: WriteOptions, prefix: str = "") -> dict[str, str]:
    """Return what of the options is said in the query; a rewrite's words begin with `destination`."""
    if not isinstance(options, GCSWriteOptions):
        return {}
    words = {"kmsKeyName": options.kms_key, "predefinedAcl": options.acl}
    if prefix:
        words = {prefix + word[0].upper() + word[1:]: value for word, value in words.items()}
    return {word: value for word, value in words.items() if value}


def _of_google(options: GCSWriteOptions) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if options.storage_class:
        found["storageClass"] = options.storage_class
    if options.custom_time:
        found["customTime"] = options.custom_time.isoformat()
    if options.temporary_hold:
        found["temporaryHold"] = True
    if options.event_based_hold:
        found["eventBasedHold"] = True
    return found
