"""Results that stay on workers: written as JSON there, and fetched into a store piece by piece."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from longshore.redaction import has_secrets
from longshore.stores.encoding import Blobs, to_text
from longshore.stores.errors import ResultError
from longshore.stores.guards import Guard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from longshore.held import Held

_PIECE: Final = 8 << 20
"""Bytes that are fetched at once."""
_OVERLAP: Final = 256
"""Bytes of the piece before in which a secret may begin."""


class SecretFoundError(Exception):
    """There is a secret in what was fetched."""


@dataclass
class Written:
    """A result as JSON, where it was made: text in ASCII, and what stands behind it."""

    text: bytes = b""
    blobs: list[bytes | bytearray] = field(default_factory=list[bytes | bytearray])
    why_not: str = ""


def write_there(value: Any, in_text: int) -> Written:
    """Write a result; called where it is."""
    blobs = Blobs(in_text)
    try:
        text = to_text(value, "result", blobs)
    except ResultError as error:
        return Written(why_not=str(error))
    except Exception as error:  # noqa: BLE001 - what a foreign object makes of being looked at
        return Written(why_not=f"{type(error).__name__}: {error}")
    return Written(f"{text}\n".encode("ascii"), blobs.held)


def describe(written: Written) -> tuple[str, list[int]]:
    """Return why it could not be written, and the sizes of its text and of what stands behind."""
    return written.why_not, [len(written.text), *map(len, written.blobs)]


def piece_of(written: Written, part: int, start: int) -> bytes:
    """Return a piece of its text (part 0), or of what stands behind."""
    data = written.text if part == 0 else written.blobs[part - 1]
    return bytes(memoryview(data)[start : start + _PIECE])


def fetch(held: Held, in_text: int) -> tuple[str, Iterator[bytes]]:
    """Return why a result cannot be written as JSON, and its pieces; no more than one is here at a time.

    The pieces raise `SecretFoundError` when there is a secret in them.
    """
    there = held.apply(write_there, in_text)
    why_not, sizes = there.apply(describe).get()
    return why_not, _pieces(there, sizes)


def _pieces(there: Held, sizes: list[int]) -> Iterator[bytes]:
    guard, before = Guard() if has_secrets() else None, b""
    for part, size in enumerate(sizes):
        for start in range(0, size, _PIECE):
            piece: bytes = there.apply(piece_of, part, start).get()
            if guard is not None and guard.found_in(before + piece):
                raise SecretFoundError
            before = piece[-_OVERLAP:]
            yield piece
