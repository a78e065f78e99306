"""Checksums: what the caller expects, what the server announces, what came."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import TYPE_CHECKING, Final

from longshore import ConfigurationError
from longshore_http.errors import ChecksumMismatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ALGORITHMS: Final = ("sha256", "sha512", "sha384", "sha1", "md5")
_NAMES: Final = {"sha-256": "sha256", "sha-512": "sha512", "sha": "sha1", "md5": "md5"}
_WHOLE: Final = ("Repr-Digest", "Digest", "X-Goog-Hash")
"""Headers about the whole object, also in the answer to a range (RFC 9530, RFC 3230)."""
_CONTENT: Final = ("Content-Digest",)
"""Headers about the bytes of this answer."""


def parse_checksum(text: str | None) -> tuple[str, str] | None:
    """Return algorithm and hexadecimal digest of `"sha256:9f86d0..."`.

    Raises:
        ConfigurationError: It is none.
    """
    if text is None:
        return None
    name, _, digest = text.partition(":")
    name, digest = name.strip().lower().replace("-", ""), digest.strip().lower()
    length = hashlib.new(name, usedforsecurity=False).digest_size * 2 if name in _ALGORITHMS else 0
    if len(digest) != length or not re.fullmatch(r"[0-9a-f]+", digest):
        raise ConfigurationError(
            f"cannot use checksum={text!r}: give algorithm and hexadecimal digest, as 'sha256:9f86d0...'; "
            f"algorithms are {', '.join(_ALGORITHMS)}"
        )
    return name, digest


def announced(headers: Mapping[str, str], *, whole: bool) -> dict[str, str]:
    """Return the digests that a server announces, by algorithm.

    Args:
        headers: The answer's.
        whole: Whether the answer's content is the whole object, as it is kept.
    """
    found: dict[str, str] = {}
    for header in _WHOLE + (_CONTENT if whole else ()):
        for item in headers.get(header, "").split(","):
            name, _, value = item.strip().partition("=")
            _add(found, _NAMES.get(name.strip().lower(), ""), value.strip(":"))
    if whole:
        _add(found, "md5", headers.get("Content-MD5", ""))
    for name in ("sha256", "sha1"):
        _add(found, name, headers.get(f"X-Amz-Checksum-{name}", ""))
    return found


def _add(found: dict[str, str], name: str, encoded: str) -> None:
    try:
        digest = base64.b64decode(encoded, validate=True).hex()
    except (binascii.Error, ValueError):  # a checksum of parts, or none
        return
    if name and len(digest) == hashlib.new(name, usedforsecurity=False).digest_size * 2:
        found[name] = digest


class Digests:
    """Several digests of one stream."""

    def __init__(self, names: Iterable[str]) -> None:
        self._hashes = {name: hashlib.new(name, usedforsecurity=False) for name in {"sha256", *names}}

    def update(self, data: bytes) -> None:
        """Take in the next bytes."""
        for digest in self._hashes.values():
            digest.update(data)

    def __getitem__(self, name: str) -> str:
        return self._hashes[name].hexdigest()

    def check(self, label: str, expected: Mapping[str, str], whose: str) -> None:
        """Compare with what was expected.

        Raises:
            ChecksumMismatch: Another digest came out.
        """
        for name, digest in expected.items():
            if self[name] != digest:
                raise ChecksumMismatch(f"cannot {label}: {name} is {self[name]}, but {whose} says {digest}")
