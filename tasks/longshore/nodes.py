# The public names of a reference select from its value, so those that modules share begin with _.
# pyright: reportPrivateUsage=false
"""Tasks placed in a flow, and the steps and parameters that stand for their values."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any, Final, cast

from longshore.errors import ArgumentError, CycleError
from longshore.references import Reference, Selectable, Values

if TYPE_CHECKING:
    from collections.abc import Iterable

    from longshore.graph import Graph
    from longshore.tasks import Task


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()


class Node:
    """A task placed in a flow, with its inputs.

    Attributes:
        order: The place in the flow, in which steps that are ready start.
        arguments: Inputs by name: constants, and references to what a run will know.
        mapped: The arguments that are mapped over; empty for a plain step.
        aligned: Of those, the ones that are a mapped step's results, taken item by item.
        gates: Conditions that must have held, whatever the trigger says.
        setup: For the clean-up of a resource, its set-up; else None.
        waiting: References in the task's own fields, by field.
    """

    __slots__ = (
        "aligned", "arguments", "flow", "gates", "is_mapped", "mapped", "name", "order", "plain", "setup",
        "tags", "task", "upstream", "waiting",
    )  # fmt: skip

    def __init__(self, flow: Graph, order: int, name: str, task: Task[Any], tags: tuple[str, ...]) -> None:
        self.flow = flow
        self.order = order
        self.name = name
        self.task = task
        self.tags = tags
        self.arguments: dict[str, Any] = {}
        self.upstream: dict[Node, None] = {}
        self.is_mapped = False
        self.mapped: tuple[str, ...] = ()
        self.aligned: dict[str, Node] = {}
        self.gates: tuple[Node, ...] = ()
        self.setup: Node | None = None
        self.waiting: dict[str, Any] = {}
        self.plain = True

    def before(self) -> Iterable[Node]:
        """Every node that must have finished before this one may start."""
        return (*self.upstream, *self.gates)

    def __repr__(self) -> str:
        return f"<step {self.name!r} of flow {self.flow.name!r}>"


class Step(Selectable):
    """Stands for the result of a step while a flow is built; `step["key"]`, `step.field` select from it."""

    __slots__ = ("_node",)

    def __init__(self, node: Node) -> None:
        self._node = node

    def _evaluate(self, values: Values) -> Any:
        return values.result_of(self._node)

    def _place(self) -> int:
        return self._node.order

    def __repr__(self) -> str:
        return f"step {self._node.name!r}"


class Parameter(Selectable):
    """An input of a flow.

    Args:
        name: What `flow.run(...)` calls it.
        type: What its value must be; anything when None.
        default: Its value when `flow.run` gives none; required when left out.
    """

    __slots__ = ("_default", "_name", "_type")

    def __init__(self, name: str, type: Any = None, default: Any = MISSING) -> None:  # noqa: A002 - the field's word
        self._name = name
        self._type = type
        self._default = default

    def _evaluate(self, values: Values) -> Any:
        return values.parameter(self._name)

    def __repr__(self) -> str:
        return f"parameter {self._name!r}"


def node_of(value: Any) -> Node | None:
    """Return the node whose whole result a value stands for, or None."""
    return value._node if isinstance(value, Step) else None


def check_after(task: str, after: Any) -> None:
    """Refuse to wait for what is no step.

    Raises:
        ArgumentError: It is something else, or a list that holds something else.
    """
    if isinstance(after, list | tuple | set | frozenset):
        for item in cast("Iterable[Any]", after):
            check_after(task, item)
    elif not isinstance(after, Reference):
        raise ArgumentError(f"after= of {task!r} got {after!r}, which is no step; write after=[export, load]")


def order_nodes(nodes: list[Node]) -> list[Node]:
    """Sort nodes so that each comes after what it waits for, otherwise as they were made.

    Raises:
        CycleError: Steps wait for each other; they are named.
    """
    waiting = {node: set(node.before()) for node in nodes}
    after: dict[Node, list[Node]] = {node: [] for node in nodes}
    for node, others in waiting.items():
        for other in others:
            after[other].append(node)
    place = {node: number for number, node in enumerate(nodes)}
    ready = [place[node] for node, others in waiting.items() if not others]
    heapq.heapify(ready)
    ordered: list[Node] = []
    left = {node: len(others) for node, others in waiting.items()}
    while ready:
        node = nodes[heapq.heappop(ready)]
        ordered.append(node)
        for follower in after[node]:
            left[follower] -= 1
            if not left[follower]:
                heapq.heappush(ready, place[follower])
    if len(ordered) < len(nodes):
        raise CycleError(_cycle_message(waiting, {node for node in nodes if left[node]}))
    return ordered


def _cycle_message(waiting: dict[Node, set[Node]], stuck: set[Node]) -> str:
    path = [next(node for node in waiting if node in stuck)]
    while path.count(path[-1]) == 1:
        path.append(next(node for node in waiting[path[-1]] if node in stuck))
    names = " waits for ".join(repr(node.name) for node in path[path.index(path[-1]) :])
    return f"steps wait for each other: {names}; take one of these edges out"
