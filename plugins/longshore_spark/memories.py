"""What a process has seen of drivers and need not ask again."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Final, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")
_MOST: Final = 10_000


class Memory(Generic[K, V]):
    """A dictionary of the last things that were put into it; any thread may use it."""

    def __init__(self) -> None:
        self._known: OrderedDict[K, V] = OrderedDict()
        self._lock = Lock()

    def __setitem__(self, key: K, value: V) -> None:
        with self._lock:
            self._known[key] = value
            self._known.move_to_end(key)
            while len(self._known) > _MOST:
                self._known.popitem(last=False)

    def __contains__(self, key: K) -> bool:
        return key in self._known

    def get(self, key: K) -> V | None:
        """Return what is known of a key."""
        return self._known.get(key)

    def pop(self, key: K) -> None:
        """Forget a key."""
        with self._lock:
            self._known.pop(key, None)
