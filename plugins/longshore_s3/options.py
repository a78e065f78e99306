"""`S3WriteOptions`: what a new object is given, in S3's words; and how a request says it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import quote, urlencode

from longshore import ConfigurationError
from longshore_storage.mediatypes import guessed_type
from longshore_storage.objects import WriteOptions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from longshore_storage.objects import Condition

Encryption = Literal["", "AES256", "aws:kms", "aws:kms:dsse"]

_UNPRINTABLE: Final = re.compile(r"[^\x20-\x7e]")


@dataclass(frozen=True, kw_only=True)
class S3WriteOptions(WriteOptions):
    """What a new object is given.

    Args:
        storage_class: Such as `"STANDARD_IA"`; empty for the bucket's default.
        acl: A canned ACL, such as `"bucket-owner-full-control"`.
        object_tags: The object's tags.
        encryption: `"AES256"`, `"aws:kms"` or `"aws:kms:dsse"`; empty for the bucket's default.
        kms_key: The key's id or ARN, where encryption is by KMS.
        bucket_key: Whether KMS is asked for one key for the bucket; None for the bucket's setting.
        lock_mode: `"GOVERNANCE"` or `"COMPLIANCE"`, with `retain_until`.
        retain_until: Until when no version may be deleted.
        legal_hold: Whether the version may not be deleted until the hold is lifted.
    """

    storage_class: str = ""
    acl: str = ""
    object_tags: Mapping[str, str] = field(default_factory=dict[str, str])
    encryption: Encryption = ""
    kms_key: str = ""
    bucket_key: bool | None = None
    lock_mode: Literal["", "GOVERNANCE", "COMPLIANCE"] = ""
    retain_until: datetime | None = None
    legal_hold: bool = False

    def __post_init__(self) -> None:
        if self.kms_key and not self.encryption.startswith("aws:kms"):
            raise ConfigurationError(
                f"S3WriteOptions(kms_key=..., encryption={self.encryption!r}): write encryption='aws:kms'"
            )
        if bool(self.lock_mode) != (self.retain_until is not None):
            raise ConfigurationError("S3WriteOptions(): give lock_mode and retain_until together")


def described(key: str, options: WriteOptions) -> dict[str, Any]:
    """Return what a request says of a new object."""
    said: dict[str, Any] = {
        "ContentType": options.content_type or guessed_type(key),
        "ContentEncoding": options.content_encoding,
        "ContentDisposition": options.content_disposition,
        "ContentLanguage": options.content_language,
        "CacheControl": options.cache_control,
        "Metadata": dict(options.metadata),
    }
    if isinstance(options, S3WriteOptions):
        said |= _said_in_s3s_words(options)
    said = {name: value for name, value in said.items() if value not in ("", None, {})}
    for name, value in [*said.items(), *options.metadata.items()]:
        _check(name, value)
    return said


def _check(name: str, value: object) -> None:
    """Refuse what would come out as something else, or as a header of its own."""
    text = f"{name}{value}" if isinstance(value, str) else name
    if _UNPRINTABLE.search(text) or (isinstance(value, str) and value != value.strip()):
        raise ConfigurationError(
            f"cannot write an object with {name}={value!r}: S3 takes printable ASCII there, without spaces "
            "around it; write other text as percent-encoded UTF-8: urllib.parse.quote(...)"
        )


def _said_in_s3s_words(options: S3WriteOptions) -> dict[str, Any]:
    return {
        "StorageClass": options.storage_class,
        "ACL": options.acl,
        "Tagging": tagging(options.object_tags),
        "ServerSideEncryption": options.encryption,
        "SSEKMSKeyId": options.kms_key,
        "BucketKeyEnabled": options.bucket_key,
        "ObjectLockMode": options.lock_mode,
        "ObjectLockRetainUntilDate": options.retain_until,
        "ObjectLockLegalHoldStatus": "ON" if options.legal_hold else "",
    }


def tagging(tags: Mapping[str, str]) -> str:
    """Return tags as a header has them."""
    return urlencode(tags, quote_via=quote)


def conditions(condition: Condition) -> dict[str, str]:
    """Return a precondition as requests have it."""
    if condition.absent:
        return {"IfNoneMatch": "*"}
    return {"IfMatch": f'"{condition.token}"'} if condition.token else {}
