"""How far a transfer is, told now and then; those of many objects together where they are one task's."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from longshore import current

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_EVERY: Final = 0.25  # seconds

_counter: ContextVar[Callable[[int], None] | None] = ContextVar("longshore_storage_counter", default=None)


@contextmanager
def counted_by(count: Callable[[int], None]) -> Generator[None]:
    """Have the transfers in here count their bytes elsewhere, and tell no progress of their own."""
    token = _counter.set(count)
    try:
        yield
    finally:
        _counter.reset(token)


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
        self._elsewhere = _counter.get()

    def add(self, count: int) -> None:
        """Count bytes that were transferred."""
        if self._elsewhere is not None:
            self._elsewhere(count)
            return
        with self._lock:
            self._done += count
            now = time.monotonic()
            if now - self._told < _EVERY and self._done < self._total:
                return
            self._told = now
        current.progress(done=self._done, total=self._total, unit="B")
