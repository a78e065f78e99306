"""Find many byte strings at once, at the speed of one pass over the data."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Layout(NamedTuple):
    """Which words of a form are indexed: one of `width` bytes at each place modulo `stride`.

    Then every occurrence, wherever it begins, covers a word that starts at a multiple of `stride`, and a
    search looks at those words alone. Only forms of `width + stride - 1` bytes or more are sure to cover one.
    """

    code: Literal["I", "Q"]
    width: int
    stride: int

    @property
    def shortest(self) -> int:
        return self.width + self.stride - 1

    def cost(self, short: int) -> float:
        """Return nanoseconds a byte, as measured: 22 for each word looked up, 0.35 for each short form."""
        return 22 / self.stride + 0.35 * short


LAYOUTS: Final = (
    Layout("Q", 8, 16),
    Layout("Q", 8, 8),
    Layout("I", 4, 8),
    Layout("I", 4, 4),
    Layout("I", 4, 1),
)


class Index:
    """Finds where forms occur in bytes."""

    def __init__(self, layout: Layout, known: set[bytes]) -> None:
        self.layout = layout
        self.known = known
        self.words: dict[int, tuple[tuple[int, int], ...]] = {}
        self.short: list[bytes] = []

    def add(self, form: bytes) -> None:
        _, width, stride = self.layout
        if len(form) < self.layout.shortest:
            self.short.append(form)
            return
        for place in range(stride):
            # The middle, since many secrets share how they begin and end.
            place += (len(form) - width - place) // stride // 2 * stride
            word = int.from_bytes(form[place : place + width], sys.byteorder)
            here, others = (place, len(form)), self.words.get(word, ())
            if here not in others:
                self.words[word] = (*others, here)

    def find(self, data: bytes) -> list[tuple[int, int]]:
        """Return the stretches to mask, in order; those that overlap or touch are one."""
        found = [*self._by_words(data), *self._by_search(data)]
        if len(found) < 2:
            return found
        merged: list[tuple[int, int]] = []
        for start, end in sorted(found):
            if merged and start <= merged[-1][1]:
                start, past = merged.pop()
                end = max(end, past)
            merged.append((start, end))
        return merged

    def _by_words(self, data: bytes) -> Iterator[tuple[int, int]]:
        code, width, stride = self.layout
        words, known = self.words, self.known
        for first in range(0, width, stride):
            end = len(data) - (len(data) - first) % width
            if end <= first or not words:
                return
            view = memoryview(data)[first:end].cast(code)[:: max(stride // width, 1)]
            if words.keys().isdisjoint(view):
                continue
            for number, word in enumerate(view):
                for place, length in words.get(word, ()):
                    start = first + number * max(stride, width) - place
                    end = start + length
                    if start >= 0 and end <= len(data) and data[start:end] in known:
                        yield start, end

    def _by_search(self, data: bytes) -> Iterator[tuple[int, int]]:
        for form in self.short:
            start = data.find(form)
            while start >= 0:
                yield start, start + len(form)
                start = data.find(form, start + 1)
