"""Mask the values of secrets in text, bytes and streams, in every form that `forms` knows.

The values are the process's: whoever resolves a secret registers it, and from then on it is masked
everywhere. With no value registered, everything passes as it is.
"""

from __future__ import annotations

import os
import threading
from bisect import bisect_left
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from longshore.redaction.forms import LONGEST_FORM, SHORTEST, forms, parts
from longshore.redaction.index import LAYOUTS, Index, Layout

if TYPE_CHECKING:
    from collections.abc import Generator

MASK: Final = "***"
_MASK: Final = MASK.encode()
_MOST_WORDS: Final = 1 << 16
"""Words in an index; beyond it, memory and the time to register count for more than the time to search."""


class _Registry:
    """The values of one process and the index over their forms."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.values: set[str] = set()
        self.done: set[str] = set()
        self.forms: set[bytes] = set()
        self.order: list[bytes] = []
        self.shorter = [0] * len(LAYOUTS)
        self.index = Index(LAYOUTS[0], self.forms)
        self.heads: dict[bytes, list[bytes]] = {}
        self.starts: set[bytes] = set()
        self.headed = 0
        self.has_lines = False

    def register(self, value: str) -> None:
        if value in self.values or len(value) < SHORTEST:
            return
        with self.lock:
            for part in parts(value) - self.done:
                self._add(forms(part) - self.forms)
                self.done.add(part)
            self.values.add(value)

    def _add(self, new: set[bytes]) -> None:
        self.forms |= new
        self.order += new
        lengths = sorted(map(len, new))
        for number, layout in enumerate(LAYOUTS):
            self.shorter[number] += bisect_left(lengths, layout.shortest)
        layout = self._best_layout()
        index, missing = self.index, new
        if layout is not index.layout:
            index, missing = Index(layout, self.forms), self.forms
        for form in missing:
            index.add(form)
        self.index = index

    def _best_layout(self) -> Layout:
        fits = [
            (layout.cost(short), layout)
            for layout, short in zip(LAYOUTS, self.shorter, strict=True)
            if (len(self.forms) - short) * layout.stride <= _MOST_WORDS or layout is LAYOUTS[-1]
        ]
        return min(fits, key=lambda fit: fit[0])[1]

    def undecided(self, data: bytes) -> int:
        """Return where the first form begins that more data could complete, or the length of the data."""
        if self.headed < len(self.order):
            self._learn_heads()
        heads, end = self.heads, len(data)
        first = max(end - LONGEST_FORM + 1, 0 if self.has_lines else data.rfind(b"\n") + 1)
        for start in range(first, end - SHORTEST + 1):
            if (found := heads.get(data[start : start + SHORTEST])) is not None:
                rest = data[start:]
                if any(len(form) > len(rest) and form.startswith(rest) for form in found):
                    return start
        for start in range(max(end - SHORTEST + 1, first), end):
            if data[start:] in self.starts:
                return start
        return end

    def _learn_heads(self) -> None:
        with self.lock:
            for form in self.order[self.headed :]:
                self.heads.setdefault(form[:SHORTEST], []).append(form)
                self.starts |= {form[:length] for length in range(1, SHORTEST)}
                self.has_lines = self.has_lines or b"\n" in form
            self.headed = len(self.order)


_registry = _Registry()


def _recover_after_fork() -> None:
    """Begin anew with the values known so far, if another thread was adding one when the process forked."""
    global _registry
    if _registry.lock.locked():
        before, _registry = _registry, _Registry()
        for value in before.values:
            _registry.register(value)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_recover_after_fork)


def register(value: str | bytes) -> None:
    """Mask a value from now on, in this process, in all its forms.

    A value of fewer than four characters is not registered: it would mask half of every text.
    """
    _registry.register(value if isinstance(value, str) else value.decode("utf-8", "surrogateescape"))


def registered() -> frozenset[str]:
    """Return what is masked here, for a process that this one starts: hand it over in memory."""
    with _registry.lock:
        return frozenset(_registry.values)


def has_secrets() -> bool:
    """Tell whether there is anything to mask."""
    return bool(_registry.forms)


def redact(text: str) -> str:
    """Return the text with every registered value masked as `***`; mask first, then cut."""
    if not _registry.forms:
        return text
    data = text.encode("utf-8", "surrogatepass")
    masked = redact_bytes(data)
    if masked is data:
        return text
    try:
        return masked.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:  # a secret of bytes that are no text ended inside a character
        return masked.decode("utf-8", "replace")


def redact_bytes(data: bytes) -> bytes:
    """Return the bytes with every registered value masked as `***`."""
    spans = _registry.index.find(data)
    if not spans:
        return data
    pieces: list[bytes] = []
    at = 0
    for start, end in spans:
        pieces += (data[at:start], _MASK)
        at = end
    return b"".join((*pieces, data[at:]))


class StreamRedactor:
    """Mask values in a stream of bytes that comes in chunks, wherever the chunks are cut.

    What may be the beginning of a value is held back until it is decided: at most 255 bytes, and nothing
    where the chunk ends as no value begins. All that is returned is what `redact_bytes` makes of the whole.
    """

    def __init__(self) -> None:
        self._held = b""
        # Bytes of `_held` that the mask sent last stands for; -1 when something else was sent last.
        self._masked = -1

    def feed(self, chunk: bytes) -> bytes:
        """Return what is decided so far and was not returned before."""
        if not chunk:
            return b""
        if not self._held and not _registry.forms:
            return chunk
        data = self._held + chunk if self._held else chunk
        return self._send(data, _registry.undecided(data))

    def flush(self) -> bytes:
        """Return the rest, at the end of the stream."""
        sent = self._send(self._held, len(self._held))
        self._masked = -1
        return sent

    def _send(self, data: bytes, decided: int) -> bytes:
        pieces: list[bytes] = []
        at, open_mask = max(self._masked, 0), self._masked >= 0
        for start, end in _registry.index.find(data):
            if start >= decided:
                break
            if not (open_mask and start <= at):
                pieces += (data[at:start], _MASK)
            at, open_mask = max(at, end), True
        if at < decided:
            pieces.append(data[at:decided])
            at, open_mask = decided, False
        self._held = data[decided:]
        self._masked = at - decided if open_mask else -1
        return b"".join(pieces)


@contextmanager
def isolated() -> Generator[None]:
    """Begin with no value registered and put the process's values back at the end; for tests."""
    global _registry
    before, _registry = _registry, _Registry()
    try:
        yield
    finally:
        _registry = before
