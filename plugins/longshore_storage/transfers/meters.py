"""How far a transfer is, told now and then."""

from __future__ import annotations

import threading
import time
from typing import Final

from longshore import current

_EVERY: Final = 0.5  # seconds


class Meter:
    """Counts bytes and tells `current.progress`.

    Args:
        total: Bytes in all.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._told = time.monotonic()
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        """Count bytes that were transferred."""
        with self._lock:
            self._done += count
            now = time.monotonic()
            due = now - self._told >= _EVERY
            if due:
                self._told = now
        if due:
            self._tell()

    def _tell(self) -> None:
        current.progress(done=self._done, total=self._total, unit="B")
