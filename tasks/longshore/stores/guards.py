"""Looks for secrets in results before they are written."""

from __future__ import annotations

from typing import Final

from longshore.redaction import redact_bytes

_CHUNK: Final = 1 << 20
_OVERLAP: Final = 256
"""Bytes: no form of a secret that is searched is longer."""


class Guard:
    """Looks for secrets, also in bytes before they become base64, which would hide them."""

    def __init__(self) -> None:
        self._found = False

    def look(self, data: str | bytes | bytearray) -> None:
        """Look into a part of what will be written."""
        for start in range(0, len(data), _CHUNK):
            part = data[max(start - _OVERLAP, 0) : start + _CHUNK]
            held = part.encode("ascii") if isinstance(part, str) else bytes(part)
            self._found = self._found or redact_bytes(held) != held

    def found_in(self, data: str | bytes) -> bool:
        """Whether there was one in this, or in anything before."""
        self.look(data)
        return self._found
