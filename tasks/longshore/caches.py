"""Results kept by task, configuration and inputs."""

from __future__ import annotations

import pickle
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from longshore import forks
from longshore.errors import ConfigurationError
from longshore.references import isolate

_MOST_ENTRIES: Final = 10_000
_entries: OrderedDict[str, tuple[float, Any]] = OrderedDict()
_lock = forks.Lock()


@dataclass(frozen=True, kw_only=True)
class Cache:
    """Keep a task's result, in this process, for calls with the same configuration and the same inputs.

    The key is made of the task (for a function its code too), its fields, and the inputs. The process keeps
    the 10,000 results that were used last.

    Args:
        expires: Seconds for which a result is good; None for as long as the process lives.
        key: Makes the part of the key that comes from the inputs; all of them by value when None.
    """

    expires: float | None = None
    key: Callable[[Mapping[str, Any]], Any] | None = None

    def __post_init__(self) -> None:
        if self.expires is not None and not self.expires > 0:
            raise ConfigurationError(
                f"Cache(expires={self.expires!r}): give seconds above 0, or None for no end"
            )

    def key_for(self, identity: Any, inputs: Mapping[str, Any]) -> str:
        """Return the key of a call.

        Raises:
            ConfigurationError: An input can be neither compared by value nor pickled, or `key` raised.
        """
        import hashlib  # loads OpenSSL, which few runs need

        parts = self._parts(identity[0], inputs)
        digest = hashlib.sha256()
        try:
            _feed(digest.update, (identity, parts))
        except Exception as error:
            raise ConfigurationError(
                f"cannot cache {identity[0]}: an input cannot be pickled ({error}); give Cache(key=...)"
            ) from error
        return digest.hexdigest()

    def _parts(self, name: str, inputs: Mapping[str, Any]) -> Any:
        if self.key is None:
            return inputs
        try:
            return self.key(inputs)
        except Exception as error:
            raise ConfigurationError(
                f"cannot cache {name}: key raised {type(error).__name__}: {error}"
            ) from error

    def get(self, key: str) -> tuple[bool, Any]:
        """Return whether there is a result that has not expired, and a copy of it."""
        with _lock:
            entry = _entries.get(key)
            if entry is None:
                return False, None
            if entry[0] <= time.monotonic():
                del _entries[key]
                return False, None
            _entries.move_to_end(key)
        return True, isolate(entry[1])

    def put(self, key: str, result: Any) -> None:
        """Keep a copy of a result."""
        end = float("inf") if self.expires is None else time.monotonic() + self.expires
        with _lock:
            _entries[key] = (end, isolate(result))
            _entries.move_to_end(key)
            while len(_entries) > _MOST_ENTRIES:
                _entries.popitem(last=False)

    @staticmethod
    def clear() -> None:
        """Forget every result that this process keeps."""
        with _lock:
            _entries.clear()


def _feed(update: Callable[[bytes], object], value: Any) -> None:
    """Feed a value to a digest; equal containers give equal digests whatever their order of insertion."""
    update(type(value).__qualname__.encode())
    if isinstance(value, Mapping):
        for key, item in sorted(cast("Iterable[tuple[Any, Any]]", value.items()), key=repr):
            _feed(update, key)
            _feed(update, item)
    elif isinstance(value, list | tuple):
        for item in cast("Iterable[Any]", value):
            _feed(update, item)
    elif isinstance(value, set | frozenset):
        for item in sorted(cast("Iterable[Any]", value), key=repr):
            _feed(update, item)
    else:
        update(pickle.dumps(value, protocol=4))
    update(b"\0")
