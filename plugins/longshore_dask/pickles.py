"""Pickles as Dask makes them: what the plain pickler cannot name goes as code."""

from __future__ import annotations

import copyreg
import io
import pickle
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from longshore import FunctionTask, TravelError, require
from longshore.couriers import isolate
from longshore_dask.held import DaskHeld, follow

if TYPE_CHECKING:
    from collections.abc import Sequence


cloudpickle: Any = require("cloudpickle", extra="dask")


class _CodePickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Pickles the tasks of functions that workers cannot import with their code."""

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, FunctionTask):
            try:
                named = obj.__reduce__()
            except TravelError:
                named = None
            if named is None or _travels(obj.fn.__module__):
                return copyreg.__newobj__, (type(obj),), dict(vars(obj))  # type: ignore[attr-defined]
            return named
        return cloudpickle.Pickler.reducer_override(self, obj)


def _travels(module: str) -> bool:
    return module == "__main__" or module in cloudpickle.list_registry_pickle_by_value()


class _HeldPickler(_CodePickler):
    """Puts numbers in the places of results that stay on workers, and collects those.

    Attributes:
        held: The results, by their numbers.
    """

    def __init__(self, file: Any) -> None:
        cloudpickle.Pickler.__init__(self, file, protocol=5)
        self.held: list[DaskHeld] = []

    def persistent_id(self, obj: Any) -> Any:
        if not isinstance(obj, DaskHeld):
            return None
        self.held.append(obj)
        return len(self.held) - 1, obj.path


def dumps(value: Any, *, code: bool = False) -> bytes:
    """Pickle what has no results of others in it.

    Args:
        value: Is pickled.
        code: Whether there are modules that travel as code, which the plain pickler would only name.
    """
    if not code:
        with suppress(Exception):  # a lambda, or what a script defines
            data = pickle.dumps(value, protocol=5)
            if b"__main__" not in data:
                return data
    file = io.BytesIO()
    _CodePickler(file, protocol=5).dump(value)
    return file.getvalue()


def dumps_with_held(value: Any) -> tuple[bytes, list[DaskHeld]]:
    """Pickle what may have results of others in it; return those too."""
    file = io.BytesIO()
    made = _HeldPickler(file)
    made.dump(value)
    return file.getvalue(), made.held


def _plain(file: Any) -> pickle.Pickler:
    return pickle.Pickler(file, protocol=5)


def _with_code(file: Any) -> pickle.Pickler:
    made: pickle.Pickler = _CodePickler(file, protocol=5)
    return made


PICKLERS: Final = (_plain, _with_code)
"""Picklers that write to a file, the faster one first."""


class Unpickler(pickle.Unpickler):
    """Puts results in the places of their numbers."""

    def __init__(self, data: bytes, held: Sequence[Any]) -> None:
        super().__init__(io.BytesIO(data))
        self._held = held

    def persistent_load(self, pid: Any) -> Any:
        number, path = pid
        return isolate(follow(self._held[number], path))
