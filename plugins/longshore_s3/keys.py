"""Which keys S3 takes, and which its helpers would change."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from longshore import ConfigurationError

if TYPE_CHECKING:
    from longshore_storage.locations import Location

_LONGEST: Final = 1024
_NOT_IN_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SEGMENT: Final = r"(?!\.{1,2}(?:/|$))[^/\x00-\x1f\x7f\ud800-\udfff]+"
_PLAIN: Final = re.compile(f"{_SEGMENT}(?:/{_SEGMENT})*")


def checked(at: Location) -> str:
    """Return an object's key.

    Raises:
        ConfigurationError: S3 takes no such key; see "Naming Amazon S3 objects" in its User Guide.
    """
    try:
        size = len(at.key.encode())
    except UnicodeEncodeError as error:
        raise ConfigurationError(f"cannot use the key {at.key!a}: half a character is in it") from error
    if not size:
        raise ConfigurationError(f"cannot use {at.url!r}: it names a bucket and no object in it")
    if size > _LONGEST:
        raise ConfigurationError(
            f"cannot use the key {at.key[:40]!r}...: it has {size:,} bytes, and S3 takes {_LONGEST:,} at most"
        )
    return at.key


def fits_xml(key: str) -> bool:
    """Tell whether XML 1.0 can say a key, as a batch of deletes must."""
    return not _NOT_IN_XML.search(key)


def is_plain(key: str) -> bool:
    """Tell whether obstore leaves a key as it is: no empty segments, no `.` and `..`, nothing unprintable."""
    return _PLAIN.fullmatch(key) is not None
