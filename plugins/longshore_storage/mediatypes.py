"""The media type that a name says, where nobody says another."""

from __future__ import annotations

import mimetypes
from functools import lru_cache
from typing import Final

UNKNOWN: Final = "application/octet-stream"
_COMPRESSED: Final = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}


def guessed_type(key: str) -> str:
    """Return the media type that the endings of a key or a path stand for.

    A compressed file is one: were it said to be CSV in the encoding gzip, readers would unpack it unasked.
    """
    name = key[key.rfind("/") + 1 :]
    return _type_of(".".join(name.split(".")[1:][-2:]))


@lru_cache(1024)  # a tenth of the time of a small object goes into the guess, and listings have a million
def _type_of(endings: str) -> str:
    kind, encoding = mimetypes.guess_type(f"x.{endings}", strict=False)
    if encoding:
        return _COMPRESSED.get(encoding, UNKNOWN)
    return kind or UNKNOWN
