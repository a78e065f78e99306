"""The end of a stream, kept in bounded memory. Imported by watchers too, so it imports little."""

from __future__ import annotations

from collections import deque

TAIL_SIZE = 64 * 1024


class Tail:
    """The last `TAIL_SIZE` bytes of a stream, exactly, without copying what passes."""

    def __init__(self, size: int = TAIL_SIZE) -> None:
        self._size = size
        self._chunks: deque[bytes] = deque()
        self._held = 0
        self.total = 0

    def add(self, data: bytes) -> None:
        self._chunks.append(data)
        self._held += len(data)
        self.total += len(data)
        while self._held - len(self._chunks[0]) >= self._size:
            self._held -= len(self._chunks.popleft())

    def data(self) -> bytes:
        return b"".join(self._chunks)[-self._size :]

    def text(self) -> str:
        """Return the tail with a mark for what came before it."""
        data = self.data()
        left_out = self.total - len(data)
        if not left_out:
            return data.decode("utf-8", "backslashreplace")
        while data and data[0] & 0xC0 == 0x80 and self.total - len(data) - left_out < 3:
            data = data[1:]  # the rest of a character that was cut
        left_out = self.total - len(data)
        return f"[{left_out} bytes left out] " + data.decode("utf-8", "backslashreplace")
