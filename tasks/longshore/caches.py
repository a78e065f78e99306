"""Results kept by task, configuration and inputs."""

from __future__ import annotations

import itertools
import pickle
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

from longshore import forks
from longshore.errors import ConfigurationError
from longshore.references import is_plain, isolate

_MOST_ENTRIES: Final = 10_000
_entries: OrderedDict[str, tuple[float, float, Any]] = OrderedDict()
"""When a result was made, until when it is good, and the result."""
_lock = forks.Lock()


@dataclass(frozen=True, kw_only=True)
class Cache:
    """Keep a task's result, in this process, for calls with the same configuration and the same inputs.

    The key is made of the task, the code of its function or `run()`, its fields, and the inputs. The process
    keeps the 10,000 results that were used last.

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
            _feed(digest.update, (identity, behaviour_of(self.key), parts))
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
            made, end, result = entry
            now = time.monotonic()
            if end <= now:
                del _entries[key]
                return False, None
            if self.expires is not None and made + self.expires <= now:
                return False, None  # good enough for whoever kept it, too old for this one
            _entries.move_to_end(key)
        return True, isolate(result)

    def put(self, key: str, result: Any) -> None:
        """Keep a copy of a result."""
        now = time.monotonic()
        end = float("inf") if self.expires is None else now + self.expires
        with _lock:
            _entries[key] = (now, end, isolate(result))
            _entries.move_to_end(key)
            while len(_entries) > _MOST_ENTRIES:
                _entries.popitem(last=False)

    @staticmethod
    def clear() -> None:
        """Forget every result that this process keeps."""
        with _lock:
            _entries.clear()


_serials: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
_numbers = itertools.count()


def behaviour_of(function: Any) -> dict[str, Any]:
    """Return all that decides what a function does: its code, defaults and captured values."""
    if not isinstance(function, FunctionType):
        return {"callable": _pickled(function)}  # a builtin, an itemgetter, a partial
    code, cells = function.__code__, function.__closure__ or ()
    given = (function.__defaults__, function.__kwdefaults__, [_cell_value(cell) for cell in cells])
    # Objects are not compared by value, so a function that holds one is like no other.
    held = given if is_plain(given) else _serials.setdefault(function, next(_numbers))
    return {"code": (code.co_code, repr(code.co_consts), code.co_names), "held": held}


def _pickled(value: Any) -> Any:
    try:
        return pickle.dumps(value, protocol=4)
    except Exception:  # noqa: BLE001 - a partial of a lambda, say
        return type(value).__qualname__


def _cell_value(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return None


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
