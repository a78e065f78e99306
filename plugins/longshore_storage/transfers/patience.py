"""Asking again: what a service may answer better a moment later, within a budget that ends a storm.

Waits double up to 20 s with full jitter, from 0.3 s after a broken connection and from 3 s when the service
asks to slow down, so that many tasks do not come back together; they are never shorter than the service
asked for. All transfers of a store share one budget of repeats: each costs five, each success gives one
back. When a service answers 503 to everything, the budget is soon spent, and every call fails with its
first error from then on; the task's own `retries` wait longer.
"""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Final, TypeVar

from longshore import Exponential, current
from longshore_storage.errors import CredentialsError, StorageError, ThrottledError, TransferCancelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore_storage.protocol import ObjectStore

T = TypeVar("T")

_TRIES: Final = 8
_DELAY: Final = Exponential(base=0.3, cap=20.0)
_SLOWER: Final = Exponential(base=3.0, cap=20.0)
_LONGEST_WAIT: Final = 60.0
"""Seconds; a service that asks for more is left to the task's retries, which do not hold a connection."""
_BUDGET: Final = 500
_COST: Final = 5


class _Shared:
    """What all users of one store share."""

    def __init__(self) -> None:
        self.budget = _BUDGET
        self.epoch = 0  # counts the renewals of credentials
        self.lock = threading.Lock()

    def spend(self) -> bool:
        with self.lock:
            if self.budget < _COST:
                return False
            self.budget -= _COST
            return True

    def give_back(self) -> None:
        if self.budget < _BUDGET:
            with self.lock:
                self.budget += 1


_shared: weakref.WeakKeyDictionary[ObjectStore, _Shared] = weakref.WeakKeyDictionary()


class Patience:
    """Repeats requests to one store.

    Args:
        store: Whose requests.
        stop: Ends the waiting when it is set; the call then raises TransferCancelled.
    """

    def __init__(self, store: ObjectStore, stop: threading.Event | None = None) -> None:
        self._store = store
        self._stop = stop or threading.Event()
        self._shared = _shared.get(store) or _shared.setdefault(store, _Shared())

    def call(self, request: Callable[[], T]) -> T:
        """Return what a request returns, repeating it while that may help.

        Raises:
            StorageError: What the last one raised.
            TransferCancelled: The attempt was told to stop.
        """
        repeats = 0
        renewed = False
        while True:
            self._go_on()
            epoch = self._shared.epoch
            try:
                answer = request()
            except CredentialsError:
                if renewed or not self._renew(epoch):
                    raise
                renewed = True
            except StorageError as error:
                repeats += 1
                if not self._may_repeat(error, repeats):
                    raise
                delay = _SLOWER if isinstance(error, ThrottledError) else _DELAY
                self._wait(max(delay(repeats), error.retry_after or 0.0))
            else:
                self._shared.give_back()
                return answer

    def _may_repeat(self, error: StorageError, repeats: int) -> bool:
        patient = error.retryable and repeats < _TRIES and (error.retry_after or 0.0) <= _LONGEST_WAIT
        return patient and self._shared.spend()

    def _renew(self, epoch: int) -> bool:
        """Have the credentials renewed once, however many threads were refused with the old ones."""
        with self._shared.lock:
            if self._shared.epoch == epoch:
                if not self._store.refresh():
                    return False
                self._shared.epoch += 1
            return True

    def _wait(self, seconds: float) -> None:
        with current.on_cancel(self._stop.set):
            self._stop.wait(seconds)

    def _go_on(self) -> None:
        if self._stop.is_set() or current.cancelled:
            raise TransferCancelled(f"cannot go on: {current.cancel_reason or 'another part has failed'}")
