"""Parts side by side: a few threads take part after part, and the first failure stops them all."""

from __future__ import annotations

import contextvars
import threading
import time
from typing import TYPE_CHECKING, Final

from longshore import current
from longshore_storage.errors import TransferCancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_LAST_WAIT: Final = 2.0
"""Seconds for the other parts to end after a failure; one that hangs in a dead connection is left to its
timeout."""
_STEP: Final = 0.25


class Workers:
    """Threads that take items from one iterator.

    Args:
        concurrency: How many items are at work at once.
        stop: Set when one has failed, or the attempt is told to stop.
    """

    def __init__(self, concurrency: int, stop: threading.Event) -> None:
        self._concurrency = concurrency
        self._stop = stop
        self._lock = threading.Lock()
        self._errors: list[BaseException] = []

    def run(self, items: Iterable[int], work: Callable[[int], None], count: int) -> None:
        """Do the work for all items.

        Args:
            items: Taken one by one, never two at once.
            work: Called in one of the threads, with the caller's `current`.
            count: How many items there are at most.

        Raises:
            Exception: What the first failed work raised.
            TransferCancelled: The attempt was told to stop.
        """
        source = iter(items)
        if min(self._concurrency, count) <= 1:
            with current.on_cancel(self._stop.set):
                for item in source:
                    work(item)
            return
        threads = [
            threading.Thread(
                target=contextvars.copy_context().run, args=(self._serve, source, work), daemon=True,
                name=f"longshore-part-{number}",
            )
            for number in range(min(self._concurrency, count))
        ]  # fmt: skip
        with current.on_cancel(self._stop.set):
            for thread in threads:
                thread.start()
            self._join(threads)
        if self._errors:
            raise self._errors[0]
        if self._stop.is_set():
            raise TransferCancelled(f"cannot go on: {current.cancel_reason or 'it was told to stop'}")

    def _serve(self, source: Iterable[int], work: Callable[[int], None]) -> None:
        try:
            while not self._stop.is_set():
                with self._lock:
                    item = next(source, None)  # type: ignore[call-overload]
                if item is None:
                    return
                work(item)
        except BaseException as error:  # noqa: BLE001 - raised again where the threads were started
            with self._lock:
                self._errors.append(error)
            self._stop.set()

    def _join(self, threads: list[threading.Thread]) -> None:
        end = float("inf")
        try:
            for thread in threads:
                while thread.is_alive() and time.monotonic() < end:
                    thread.join(_STEP)
                    if self._stop.is_set() and end == float("inf"):
                        end = time.monotonic() + _LAST_WAIT
        except BaseException:  # Ctrl-C here
            self._stop.set()
            raise
