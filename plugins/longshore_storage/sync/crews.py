"""A few threads that work off what one thread finds."""

from __future__ import annotations

import contextvars
import queue
import threading
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from longshore import current
from longshore_storage.errors import TransferCancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")

_WAITING: Final = 1000
"""Items that are found ahead, so that the next page of a listing is fetched while they are worked off."""
_STEP: Final = 0.25
_LAST_WAIT: Final = 5.0
"""Seconds for what is under way to end after a failure; what hangs in a dead connection is left to its
timeout."""


class Crew(Generic[T]):
    """Threads that take items from a queue.

    Args:
        size: How many there are.
        work: Called with each item, in one of them, with the caller's `current`; what it raises ends it all.
    """

    def __init__(self, size: int, work: Callable[[T], None]) -> None:
        self._size, self._work = size, work
        self._items: queue.Queue[T | None] = queue.Queue(_WAITING)
        self._threads: list[threading.Thread] = []
        self._errors: list[BaseException] = []
        self.stop = threading.Event()

    def run(self, items: Iterable[T]) -> None:
        """Work off the items; the iterator is read in this thread, at most a thousand of them ahead.

        Raises:
            Exception: What the work, or the iterator, raised first.
            TransferCancelled: The attempt was told to stop.
        """
        with current.on_cancel(self.stop.set):
            try:
                for item in items:
                    self._more_hands()
                    if not self._hand_over(item):
                        break
                for _ in self._threads:
                    self._hand_over(None)
                self._join()
            except BaseException:
                self.stop.set()
                self._join()
                raise
        if self._errors:
            raise self._errors[0]
        if self.stop.is_set():
            raise TransferCancelled(f"cannot go on: {current.cancel_reason or 'it was told to stop'}")

    def _more_hands(self) -> None:
        """Start another thread while there are too few of them for what is waiting."""
        if len(self._threads) < self._size and self._items.qsize() >= len(self._threads):
            thread = threading.Thread(
                target=contextvars.copy_context().run, args=(self._serve,), daemon=True,
                name=f"longshore-object-{len(self._threads)}",
            )  # fmt: skip
            self._threads.append(thread)
            thread.start()

    def _hand_over(self, item: T | None) -> bool:
        while not self.stop.is_set():
            try:
                self._items.put(item, timeout=_STEP)
            except queue.Full:
                continue
            return True
        return False

    def _serve(self) -> None:
        try:
            while not self.stop.is_set():
                try:
                    item = self._items.get(timeout=_STEP)
                except queue.Empty:
                    continue
                if item is None:
                    return
                self._work(item)
        except BaseException as error:  # noqa: BLE001 - raised again where the threads were started
            self._errors.append(error)
            self.stop.set()

    def _join(self) -> None:
        waited = 0.0
        for thread in self._threads:
            while thread.is_alive() and waited < _LAST_WAIT:
                thread.join(_STEP)
                waited += _STEP if self.stop.is_set() else 0.0


class Allowance:
    """Bytes of memory that threads share.

    Args:
        total: How many; one who needs more gets them when nobody else has any.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._taken = 0
        self._changed = threading.Condition()

    def take(self, count: int, stop: threading.Event) -> None:
        """Wait until as many are free."""
        with self._changed:
            while self._taken and self._taken + count > self._total and not stop.is_set():
                self._changed.wait(_STEP)
            self._taken += count

    def give_back(self, count: int) -> None:
        """Have others take them."""
        with self._changed:
            self._taken -= count
            self._changed.notify_all()
