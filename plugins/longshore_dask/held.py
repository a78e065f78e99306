"""Results that stay on the workers that made them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from longshore.couriers import Held
from longshore_dask.errors import ResultLostError

if TYPE_CHECKING:
    from collections.abc import Callable

    Path = tuple[tuple[Any, bool], ...]


class DaskHeld(Held):
    """Stands for a result, or a part of one, on a cluster.

    Args:
        future: The future that it is the value of.
        label: The step that made it.
        size: Bytes that it takes when it travels.
        length: How many items it has, if it is a list.
        path: Which part it is: keys, each with whether it is an item or an attribute.
    """

    def __init__(
        self, future: Any, label: str, size: int, length: int | None = None, path: Path = ()
    ) -> None:
        self.future = future
        self.path = path
        self._label = label
        self._size = size
        self._length = length

    @property
    def length(self) -> int | None:
        return self._length

    def get(self) -> Any:
        try:
            there = self.apply(_same).future if self.path else self.future
            return there.result()
        except Exception as error:
            why = error if isinstance(error, ResultLostError) else f"{type(error).__name__}: {error}"
            raise ResultLostError(f"cannot fetch {self!r}: {why}") from error

    def part(self, key: Any, *, item: bool) -> DaskHeld:
        return DaskHeld(self.future, self._label, self._size, None, (*self.path, (key, item)))

    def apply(self, function: Callable[..., Any], *arguments: Any) -> DaskHeld:
        client = self.future.client
        future = client.submit(_applied, function, self.future, self.path, arguments, pure=False)
        return DaskHeld(future, self._label, self._size)

    def __repr__(self) -> str:
        part = "part of " if self.path else ""
        return f"<{part}the result of {self._label!r}, {self._size / 2**20:,.1f} MiB on the cluster>"


def _applied(function: Callable[..., Any], value: Any, path: Path, arguments: tuple[Any, ...]) -> Any:
    return function(follow(value, path), *arguments)


def _same(value: Any) -> Any:
    return value


def follow(value: Any, path: Path) -> Any:
    """Return a part of a value."""
    for key, item in path:
        value = value[key] if item else getattr(value, key)
    return value
