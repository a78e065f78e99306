# The public names of a reference select from its value, so those that modules share begin with _.
# pyright: reportPrivateUsage=false
"""What `map` takes: lists of one length, values that each step gets whole, lists of lists made one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from longshore.errors import ArgumentError, MapError, SelectionError
from longshore.held import Held, fetched
from longshore.references import Reference, Selectable, evaluate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from longshore.references import Values


class Unmapped(Reference):
    """A value that `map` gives whole to every step."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def _children(self) -> Iterable[Any]:
        return (self.value,)

    def __repr__(self) -> str:
        return f"unmapped({self.value!r})"


def unmapped(value: Any) -> Any:
    """Give a value whole to every step of `task.map(...)`, instead of one item to each."""
    return Unmapped(value)


class Flattened(Selectable):
    """A list of lists as one list."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def __repr__(self) -> str:
        return f"flatten({self._value!r})"

    def _children(self) -> Iterable[Any]:
        return (self._value,)

    def _evaluate(self, values: Values) -> list[Any]:
        lists = fetched(evaluate(self._value, values))
        try:
            return [item for part in lists if part is not None for item in part]
        except TypeError as error:
            raise SelectionError(f"cannot flatten {self._value!r}: it is not a list of lists") from error


def flatten(value: Any) -> Any:
    """Join a list of lists into one list, for `task.map(flatten(lists))` or as an input."""
    return Flattened(value)


class Rows(Reference):
    """The lists given as `*args` or `**kwargs` of a mapped task, as one list of what each step gets."""

    __slots__ = ("_items", "_named", "_step")

    def __init__(self, step: str, name: str, given: tuple[Any, ...] | Mapping[str, Any]) -> None:
        self._step = step
        self._named = not isinstance(given, tuple)
        self._items: Mapping[str, Any] = (
            {f"{name}[{i}]": item for i, item in enumerate(given)} if isinstance(given, tuple) else given
        )

    @property
    def lists(self) -> dict[str, Any]:
        """What is mapped over, by name."""
        return {name: item for name, item in self._items.items() if not isinstance(item, Unmapped)}

    @property
    def whole(self) -> Any:
        """What every step gets when nothing is mapped over: the arguments as they are given without `map`."""
        items = dict(zip(self._items, self._children(), strict=True))
        return items if self._named else tuple(items.values())

    def now(self) -> list[Any]:
        """Return the rows of lists that are known already."""
        return self._evaluate(cast("Values", None))

    def _children(self) -> Iterable[Any]:
        return [item.value if isinstance(item, Unmapped) else item for item in self._items.values()]

    def _evaluate(self, values: Values) -> list[Any]:
        known: dict[str, Any] = evaluate(dict(zip(self._items, self._children(), strict=True)), values)
        lists = {name: as_list(self._step, name, known[name]) for name in self.lists}
        count = map_length(self._step, {name: len(items) for name, items in lists.items()})
        rows = [{**known, **{name: items[i] for name, items in lists.items()}} for i in range(count)]
        return rows if self._named else [tuple(row.values()) for row in rows]


def check_list(task: str, name: str, value: Any) -> None:
    """Refuse, while a flow is built, to map over what cannot become a list.

    Raises:
        ArgumentError: It is neither a list nor what stands for one.
    """
    if not isinstance(value, Reference | list | tuple | range):
        raise ArgumentError(
            f"{task}.map() got {name}={value!r}, which is no list; write {name}=unmapped(...) to give it "
            "whole to each step"
        )


def as_list(step: str, name: str, items: Any) -> Sequence[Any]:
    """Return the items of a mapped input as a sequence.

    Raises:
        MapError: It is no list.
    """
    if isinstance(items, Held):
        return items.parts() if items.length is not None else as_list(step, name, items.get())
    if isinstance(items, str | bytes | dict) or not hasattr(items, "__iter__"):
        kind = type(cast("Any", items)).__name__
        raise MapError(
            f"cannot map {step!r} over {name}: it is a {kind}, not a list; make it one, or use unmapped(...)"
        )
    return cast("Sequence[Any]", items) if isinstance(items, list | tuple | range) else list(items)


def map_length(step: str, lengths: Mapping[str, int]) -> int:
    """Return the one length of mapped inputs.

    Raises:
        MapError: There are several, or there is none.
    """
    if not lengths:
        raise MapError(f"{step}.map() has nothing to map over; give it a list")
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise MapError(f"cannot map {step!r} over inputs of different lengths: {shown}")
    return next(iter(lengths.values()))
