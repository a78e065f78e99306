"""Where an object is: a scheme, a bucket and a key, as the URL says it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from longshore import ConfigurationError

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")


@dataclass(frozen=True)
class Location:
    """An object's place, or a prefix of such places.

    Args:
        scheme: `s3`, `gs`, `file` and the like.
        bucket: Empty for files.
        key: As the service has it, nothing quoted or decoded. For files the absolute path.
    """

    scheme: str
    bucket: str
    key: str

    @property
    def url(self) -> str:
        """The URL; `parse` makes the same location of it."""
        return self.key if self.scheme == "file" else f"{self.scheme}://{self.bucket}/{self.key}"

    @property
    def path(self) -> Path:
        """The file; only for scheme `file`."""
        assert self.scheme == "file"
        return Path(self.key)

    def with_key(self, key: str) -> Location:
        """Return the place of another object in the same bucket."""
        return Location(self.scheme, self.bucket, key)

    def __str__(self) -> str:
        return self.url


def parse(url: str | os.PathLike[str] | Location) -> Location:
    """Read a URL, or a path.

    A key is taken as it stands: nothing in it is decoded, so `%20` is three characters of it, and `?` and `#`
    are a part of it too. `file:///data/x` and `/data/x` are the same place; a relative path is from here.

    Args:
        url: `s3://bucket/key`, `gs://bucket/key`, `file:///data/x` or a path.

    Raises:
        ConfigurationError: There is no bucket, or it names no place at all.
    """
    if isinstance(url, Location):
        return url
    text = os.fspath(url)
    found = _SCHEME.match(text)
    if isinstance(url, Path) or not found:
        return _file(text, text)
    scheme, rest = found[1].lower(), text[found.end() :]
    if scheme == "file":
        return _file(rest, text)
    bucket, _, key = rest.partition("/")
    if not bucket:
        raise ConfigurationError(f"cannot use {text!r}: it names no bucket; write '{scheme}://BUCKET/KEY'")
    return Location(scheme, bucket, key)


def _file(path: str, text: str) -> Location:
    if not path or "\0" in path:
        raise ConfigurationError(f"cannot use {text!r}: it names no file")
    folder = "/" if path.endswith("/") and not path.endswith("//") else ""
    absolute = os.path.abspath(path)  # noqa: PTH100 - links are left as they are
    return Location("file", "", absolute + folder if absolute != "/" else absolute)
