# The public names of a reference select from its value, so those that modules share begin with _.
# pyright: reportPrivateUsage=false
"""Values that are known only when a flow runs: the results of steps, parameters, and parts of them.

While a flow is built these stand for the values to come. Using one as if it were the value, in an f-string,
an `if` or a loop, is an error that names the way; it never makes a wrong string.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, Self, cast

from longshore.errors import SelectionError, StepUseError
from longshore.held import Held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from longshore.nodes import Node

_CONTAINERS = (list, tuple, dict, set, frozenset)


class Values(Protocol):
    """What a run knows: the results of its steps and the values of its parameters."""

    def result_of(self, node: Node) -> Any: ...

    def was_skipped(self, node: Node) -> bool: ...

    def parameter(self, name: str) -> Any: ...


class Reference:
    """Stands for a value that a run will have. `ref["key"]` and `ref.field` stand for a part of it."""

    __slots__ = ()

    def _evaluate(self, values: Values) -> Any:
        raise TypeError(f"{type(self).__name__} has no value of its own")

    def _children(self) -> Iterable[Any]:
        return ()

    def _place(self) -> int:
        """Where it comes in an order of its own: references in a set have no other that lasts."""
        return 0

    def _misuse(self, use: str, way: str) -> NoReturn:
        raise StepUseError(f"{self!r} is known only when the flow runs, so it cannot be {use} here; {way}")

    def __bool__(self) -> bool:
        self._misuse("tested", "use case(...) or switch(...) for branches")

    def __iter__(self) -> Iterator[Any]:
        self._misuse("looped over", "use task.map(...) to run a task for each of its items")

    def __len__(self) -> int:
        self._misuse("counted", "count it inside a task")

    def __contains__(self, item: object) -> bool:
        self._misuse("searched", "look into it inside a task, or use case(...)")

    def __format__(self, spec: str) -> str:
        self._misuse("put into a string", 'use text("... {value} ...", value=...)')

    def __str__(self) -> str:
        self._misuse("turned into a string", 'use text("... {value} ...", value=...)')

    def __eq__(self, other: object) -> bool:
        return self is other or self._compare()

    def __hash__(self) -> int:
        return id(self)

    def _compare(self, *_: Any) -> NoReturn:
        self._misuse("compared", "use case(...), or compare inside a task")

    def _compute(self, *_: Any) -> NoReturn:
        self._misuse("computed with", "compute inside a task: @task def add(a, b): return a + b")

    def _call(self, *_: Any, **__: Any) -> NoReturn:
        self._misuse("called", "call it inside a task")

    __lt__ = __le__ = __gt__ = __ge__ = _compare
    __add__ = __sub__ = __mul__ = __truediv__ = __floordiv__ = __mod__ = __pow__ = __matmul__ = _compute
    __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rfloordiv__ = __rmod__ = __rpow__ = _compute
    __and__ = __or__ = __xor__ = __rand__ = __ror__ = __rxor__ = __rmatmul__ = _compute
    __lshift__ = __rshift__ = __rlshift__ = __rrshift__ = __divmod__ = __rdivmod__ = _compute
    __neg__ = __pos__ = __invert__ = __abs__ = __round__ = _compute
    __int__ = __float__ = __complex__ = __index__ = __fspath__ = __bytes__ = _compute
    __call__ = _call

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        self._misuse("pickled", "pickle what the run's results have in its place")


_WALKED = (Reference, *_CONTAINERS)


class Selectable(Reference):
    """A reference from whose value parts can be selected."""

    __slots__ = ()

    def __getitem__(self, key: Any) -> Selected:
        return Selected(self, key, item=True)

    def __getattr__(self, name: str) -> Selected:
        if name.startswith("_"):
            raise AttributeError(
                f"{self!r} has no {name!r}: names that begin with _ are not selected; do it inside a task"
            )
        return Selected(self, name, item=False)


class Selected(Selectable):
    """`ref["key"]` or `ref.field`."""

    __slots__ = ("_item", "_key", "_source")

    def __init__(self, source: Reference, key: Any, *, item: bool) -> None:
        self._source = source
        self._key = key
        self._item = item

    def __repr__(self) -> str:
        return f"{self._source!r}[{self._key!r}]" if self._item else f"{self._source!r}.{self._key}"

    def _children(self) -> Iterable[Any]:
        return (self._source, self._key)

    def _place(self) -> int:
        return self._source._place()

    def _evaluate(self, values: Values) -> Any:
        whole = self._source._evaluate(values)
        key = evaluate(self._key, values)
        if isinstance(whole, Held):
            return whole.part(key, item=self._item)
        try:
            return whole[key] if self._item else getattr(whole, key)
        except (LookupError, TypeError, AttributeError) as error:
            raise SelectionError(f"cannot select {self!r}: {_contents(whole, key)}") from error


def _contents(whole: Any, key: Any) -> str:
    if whole is None:
        return "the result is None"
    items: Any = whole
    if isinstance(whole, dict):
        known = ", ".join(sorted(repr(name) for name in items)[:20])
        return f"the result has no {key!r}; it has {known or 'nothing'}"
    if isinstance(whole, list | tuple):
        return f"the result is a {type(items).__name__} of {len(items)}"
    return f"the result is a {type(whole).__name__}, which has no {key!r}"


def _inner(value: Any) -> Iterable[Any]:
    """Return what a container or a reference holds; nothing for other values."""
    items: Any = value
    if isinstance(value, Reference):
        return value._children()
    if isinstance(value, dict):
        return [*items, *items.values()]
    if isinstance(value, set | frozenset):
        return sorted(items, key=lambda item: item._place() if isinstance(item, Reference) else 0)
    return cast("Iterable[Any]", items) if isinstance(value, _CONTAINERS) else ()


def has_references(value: Any) -> bool:
    """Whether a value is or contains something that only a run knows."""
    if not isinstance(value, _WALKED):
        return False
    return next(_references(value), None) is not None


def walk_references(value: Any, visit: Callable[[Reference], None]) -> None:
    """Call `visit` with every reference in a value, the inner ones too, in the order they are written."""
    for reference in _references(value):
        visit(reference)


def _references(value: Any) -> Iterator[Reference]:
    pending: list[Any] = [value]
    seen: set[int] = set()  # a list may hold itself
    while pending:
        item = pending.pop()
        if isinstance(item, Reference):
            yield item
        elif id(cast("object", item)) in seen or not isinstance(item, _CONTAINERS):
            continue
        seen.add(id(cast("object", item)))
        inner = [held for held in _inner(item) if type(held) not in _PLAIN]
        pending.extend(reversed(inner))


def evaluate(value: Any, values: Values) -> Any:
    """Put what the run knows in the place of references; containers of plain values come out as copies."""
    kind = cast("type[Any]", type(value))
    if kind is list:
        return [evaluate(item, values) for item in value]
    if kind is dict:
        return {
            key if type(key) in _PLAIN else evaluate(key, values): evaluate(item, values)
            for key, item in value.items()
        }
    if kind is tuple or kind is set or kind is frozenset:
        return cast("Any", kind)(evaluate(item, values) for item in value)
    if isinstance(value, Reference):
        return isolate(value._evaluate(values))
    return isolate(value)


def isolate(value: Any) -> Any:
    """Copy containers of plain values, so that no consumer changes another's; others go as they are."""
    kind = cast("type[Any]", type(value))
    if kind is list:
        return [item if type(item) in _PLAIN else isolate(item) for item in value]
    if kind is dict:
        return {key: item if type(item) in _PLAIN else isolate(item) for key, item in value.items()}
    if kind is tuple:
        return tuple(item if type(item) in _PLAIN else isolate(item) for item in value)
    if kind is set:
        return set(value)
    if kind is bytearray:
        return bytearray(value)
    return _isolate_dict(cast("Any", value)) if isinstance(value, dict) else value


def is_plain(value: Any) -> bool:
    """Whether a value is text, a number, bytes, None, or a container of such."""
    held = isinstance(value, _CONTAINERS) and all(map(is_plain, _inner(value)))
    return held or type(cast("Any", value)) in _PLAIN


def _isolate_dict(value: dict[Any, Any]) -> dict[Any, Any]:
    """Copy a defaultdict, a Counter, a program's outputs: whatever keeps items as a dict does."""
    if getattr(type(value), "__setitem__", None) is not _SET_ITEM:
        return value
    copied = copy.copy(value)
    for key, item in value.items():
        copied[key] = isolate(item)
    return copied


_SET_ITEM = cast("Any", dict).__setitem__
_PLAIN = frozenset({str, int, float, bool, bytes, type(None)})
