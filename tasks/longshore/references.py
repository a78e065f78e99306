"""Values that are known only when a flow runs: results of steps, parameters, parts and texts made of them.

While a flow is built these stand for the values to come. Using one as if it were the value, in an f-string,
an `if` or a loop, is an error that names the way; it never makes a wrong string.
"""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, cast

from longshore.errors import ArgumentError, SelectionError, StepUseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from longshore.nodes import Node

_CONTAINERS = (list, tuple, dict, set, frozenset)


class Values(Protocol):
    """What a run knows: the results of its steps and the values of its parameters."""

    def result_of(self, node: Node) -> Any: ...

    def parameter(self, name: str) -> Any: ...


class Reference:
    """Stands for a value that a run will have. `ref["key"]` and `ref.field` stand for a part of it."""

    __slots__ = ()

    def _evaluate(self, values: Values) -> Any:
        raise TypeError(f"{type(self).__name__} has no value of its own")

    def _children(self) -> Iterable[Any]:
        return ()

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
        if self is other:
            return True
        if isinstance(other, Reference):
            return False
        self._misuse("compared", "use case(...), or compare inside a task")

    def __hash__(self) -> int:
        return id(self)

    def _compute(self, *_: Any) -> NoReturn:
        self._misuse("computed with", "compute inside a task: @task def add(a, b): return a + b")

    __lt__ = __le__ = __gt__ = __ge__ = _compute
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _compute
    __floordiv__ = __mod__ = __pow__ = __and__ = __or__ = __matmul__ = __neg__ = _compute
    __int__ = __float__ = __index__ = __fspath__ = __bytes__ = __call__ = _compute


class Selectable(Reference):
    """A reference from whose value parts can be selected."""

    __slots__ = ()

    def __getitem__(self, key: Any) -> Selected:
        return Selected(self, key, item=True)

    def __getattr__(self, name: str) -> Selected:
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
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

    def _evaluate(self, values: Values) -> Any:
        whole = self._source._evaluate(values)
        key = evaluate(self._key, values)
        try:
            return whole[key] if self._item else getattr(whole, key)
        except (LookupError, TypeError, AttributeError) as error:
            raise SelectionError(f"cannot select {self!r}: {_contents(whole, key)}") from error


def _contents(whole: Any, key: Any) -> str:
    if whole is None:
        return "the result is None"
    if isinstance(whole, dict):
        known = ", ".join(sorted(repr(k) for k in cast("dict[Any, Any]", whole))[:20])
        return f"the result has no {key!r}; it has {known or 'nothing'}"
    if isinstance(whole, list | tuple):
        return f"the result is a {type(whole).__name__} of {len(cast('list[Any]', whole))}"
    return f"the result is a {type(whole).__name__}, which has no {key!r}"


class Text(Reference):
    """A string made of values that the run will have."""

    __slots__ = ("_template", "_values")

    def __init__(self, template: str, values: dict[str, Any]) -> None:
        self._template = template
        self._values = values

    def __repr__(self) -> str:
        return f"text({self._template!r})"

    def _children(self) -> Iterable[Any]:
        return self._values.values()

    def _evaluate(self, values: Values) -> str:
        return self._template.format(**evaluate(self._values, values))


def text(template: str, /, **values: Any) -> str:
    """Make a string from values that may be known only when the flow runs.

    Args:
        template: A format string: `"{n} rows"`, `"{day:%Y}"`.
        values: One for each name in the template.

    Returns:
        The string, or in a flow what stands for it.

    Raises:
        ArgumentError: A name of the template has no value, or a value has no place.

    Example:
        >>> text("{n} rows", n=3)
        '3 rows'
    """
    parts = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    names = {part.partition(".")[0].partition("[")[0] for part in parts}
    if names != set(values):
        missing, extra = sorted(names - set(values)), sorted(set(values) - names)
        seen = f"no value for {missing}" if missing else f"no place for {extra}"
        raise ArgumentError(f"cannot fill text({template!r}): {seen}; give each name in braces one value")
    if has_references(values):
        return cast("str", Text(template, values))
    return template.format(**values)


class Unmapped(Reference):
    """A value that `map` gives whole to every step."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def __repr__(self) -> str:
        return f"unmapped({self._value!r})"


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
        lists = evaluate(self._value, values)
        try:
            return [item for part in lists if part is not None for item in part]
        except TypeError as error:
            raise SelectionError(f"cannot flatten {self._value!r}: it is not a list of lists") from error


def flatten(value: Any) -> Any:
    """Join a list of lists into one list, for `task.map(flatten(lists))` or as an input."""
    return Flattened(value)


def has_references(value: Any) -> bool:
    """Whether a value is or contains something that only a run knows."""
    if isinstance(value, Reference):
        return True
    if isinstance(value, dict):
        return any(has_references(v) for v in cast("dict[Any, Any]", value).values())
    if isinstance(value, _CONTAINERS):
        return any(has_references(v) for v in cast("Iterable[Any]", value))
    return False


def walk_references(value: Any, visit: Callable[[Reference], None]) -> None:
    """Call `visit` with every reference in a value, the inner ones too."""
    pending: list[Any] = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, Reference):
            visit(item)
            pending.extend(item._children())
        elif isinstance(item, dict):
            pending.extend(cast("dict[Any, Any]", item).values())
        elif isinstance(item, _CONTAINERS):
            pending.extend(cast("Iterable[Any]", item))


def evaluate(value: Any, values: Values) -> Any:
    """Put what the run knows in the place of references; containers of plain values come out as copies."""
    kind = type(value)
    if kind is list:
        return [evaluate(item, values) for item in value]
    if kind is dict:
        return {key: evaluate(item, values) for key, item in value.items()}
    if kind is tuple or kind is set or kind is frozenset:
        return kind(evaluate(item, values) for item in value)
    if isinstance(value, Reference):
        return isolate(value._evaluate(values))
    return isolate(value)


def isolate(value: Any) -> Any:
    """Copy containers of plain values, so that no consumer changes another's; other objects go as they are."""
    kind = type(value)
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
    return _isolate_subclass(value) if isinstance(value, dict) else value


_PLAIN = frozenset({str, int, float, bool, bytes, type(None)})


def _isolate_subclass(value: dict[Any, Any]) -> dict[Any, Any]:
    copy = getattr(value, "__isolate__", None)
    return copy() if copy is not None else value
