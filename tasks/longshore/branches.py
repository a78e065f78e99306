# The public names of a reference select from its value, so those that modules share begin with _.
# pyright: reportPrivateUsage=false
"""Branches: steps that run only when a value is what was asked for."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from longshore.errors import FlowError, ForeignStepError, Skip
from longshore.flows import required_building
from longshore.nodes import node_of
from longshore.redaction import redact
from longshore.references import Reference, evaluate, walk_references
from longshore.tasks import Task
from longshore.triggers import TriggerFunction, not_all_skipped

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping

    from longshore.references import Values

T = TypeVar("T")
_LONGEST_VALUE: Final = 200
"""Characters of a value that names and messages show."""


class Condition(Task[bool]):
    """Holds, or skips the steps behind it."""

    expected: Any
    repeatable: bool = True

    def run(self, value: Any) -> bool:
        """Compare a value with what is expected, or ask the callable that is."""
        expected = self.expected
        holds = (
            expected(value) if callable(expected) and not isinstance(expected, type) else value == expected
        )
        if not holds:
            raise Skip(f"the value is {_short(value)}, not {_show(expected)}")
        return True


def _show(expected: Any) -> str:
    return getattr(expected, "__name__", "") or _short(expected)


def _short(value: Any) -> str:
    text = redact(repr(value))
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."


class Merge(Task[Any]):
    """Takes the result of the branch that ran."""

    trigger: TriggerFunction = not_all_skipped

    def run(self, *branches: Any) -> Any:
        """Return the first result that is there."""
        return next((result for result in branches if result is not None), None)


class _Branch(Reference):
    """What a branch gave, or None when a step that it is taken from was skipped.

    `merge(short["path"], full["path"])`: there is nothing to select from the one that did not run.
    """

    __slots__ = ("_source",)

    def __init__(self, source: Any) -> None:
        self._source = source

    def __repr__(self) -> str:
        return repr(self._source)

    def _children(self) -> Iterable[Any]:
        return (self._source,)

    def _evaluate(self, values: Values) -> Any:
        skipped: list[bool] = []

        def look(reference: Reference) -> None:
            node = node_of(reference)
            if node is not None:
                skipped.append(values.was_skipped(node))

        walk_references(self._source, look)
        return None if any(skipped) else evaluate(self._source, values)


@contextmanager
def case(value: Any, expected: Callable[[Any], object] | object) -> Generator[None]:
    """Run the steps that are added inside only when a value equals another, or a callable says yes to it.

    Otherwise they are skipped, whatever their triggers say.

    Args:
        value: A step's result or a parameter.
        expected: A value, or a callable from the value to bool.

    Example:
        with case(count, lambda n: n > 0):
            load(count)
    """
    flow = required_building("case(...)")
    with flow.gate(_condition(value, expected)):
        yield


def _condition(value: Any, expected: Any) -> Any:
    name = f"case {_show(expected)}" if not isinstance(expected, str) else f"case {expected}"
    return Condition(name=name.replace("{", "(").replace("}", ")"), expected=expected)(value)


def switch(value: Any, branches: Mapping[Any, Any]) -> None:
    """Run only the step whose key equals a value; the others are skipped.

    Args:
        value: A step's result or a parameter.
        branches: Steps by the values they are for; each was added to this flow before.

    Raises:
        FlowError: A branch is not a step of this flow.
    """
    flow = required_building("switch(...)")
    for expected, branch in branches.items():
        node = node_of(branch)
        if node is None:
            raise FlowError(
                f"switch(...) got {branch!r} for {expected!r}; give a step: {expected!r}: task(...)"
            )
        if node.flow is not flow:
            raise ForeignStepError(
                f"switch(...) got {branch!r} of flow {node.flow.name!r} in {flow.name!r}; give a step of it"
            )
        gate = node_of(cast("object", _condition(value, expected)))
        assert gate is not None
        node.gates = (*node.gates, gate)


def merge(*branches: T) -> T:
    """Join branches again: the result of the first one that was not skipped and is not None.

    Skipped only when every branch was.
    """
    required_building("merge(...)")
    result: Callable[..., Any] = Merge(name="merge")
    return cast("T", result(*map(_Branch, branches)))
