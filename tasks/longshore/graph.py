# The public names of a reference select from its value, so those that modules share begin with _.
# pyright: reportPrivateUsage=false
"""The graph of a flow while it is built: its steps, edges, names and parameters."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from longshore.errors import ArgumentError, ConfigurationError, FlowError, ForeignStepError, ParameterError
from longshore.fanouts import Rows, Unmapped, check_list
from longshore.nodes import Node, Parameter, Step, check_after, node_of, order_nodes
from longshore.references import Reference, has_references, walk_references
from longshore.signatures import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from longshore.tasks import Task

under_construction: Final[ContextVar[Any]] = ContextVar("longshore_building", default=None)
"""The flow that is being built here, or None."""
RESERVED: Final = ("executor", "store", "run_id", "raise_on_failure", "on_schedule", "at")

_NEEDED_BEFORE: Final = {"name", "trigger", "state_handlers", "tags", "limit"}
"""Fields of a task that the driver reads before the values of a run are there."""


class Graph:
    """Steps and the edges between them, and what their making has open: groups, conditions, resources."""

    def __init__(self, name: str, tags: Sequence[str]) -> None:
        if not name or "{" in name or "}" in name:
            raise ConfigurationError(
                f"a flow cannot be called {name!r}; for a name made of parameters use run_name={name!r}"
            )
        if isinstance(tags, str):
            raise ConfigurationError(f"flow {name!r} has tags={tags!r}; give a tuple: ({tags!r},)")
        self.name = name
        self.tags = tuple(tags)
        self._parameters: dict[str, Parameter] = {}
        self._resources: list[tuple[Node, list[Node]]] = []
        self._nodes: list[Node] = []
        self._ordered: list[Node] | None = None
        self._names: dict[str, int] = {}
        self._groups: list[str] = []
        self._gates: list[Node] = []

    def build(self) -> None:
        """Build the graph, if that was not done yet."""

    @property
    def steps(self) -> list[Node]:
        """The steps, each after those it waits for; ties as they were made."""
        self.build()
        if self._ordered is None:
            self._ordered = order_nodes(self._nodes)
            for place, node in enumerate(self._ordered):
                node.order = place
        return self._ordered

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """The parameters by name."""
        self.build()
        return self._parameters

    def node(self, step: str | Any) -> Node:
        """Return a step's node by the step or by its name.

        Raises:
            FlowError: There is no such step.
        """
        if not isinstance(step, str):
            node = node_of(step)
            if node is not None and node.flow is self:
                return node
            raise FlowError(f"{step!r} is not a step of flow {self.name!r}")
        for node in self.steps:
            if node.name == step:
                return node
        names = [node.name for node in self.steps]
        hint = did_you_mean(step, names, ", ".join(names[:20]) or "none").replace("it takes", "it has")
        raise FlowError(f"flow {self.name!r} has no step {step!r} ({hint})")

    def add_step(
        self,
        task: Task[Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        *,
        after: Any = (),
        mapped: bool = False,
    ) -> Any:
        """Place a task in the flow; `task(...)` and `task.map(...)` do it for you.

        Args:
            task: What to do.
            args: Inputs by position: values, steps, parameters.
            kwargs: Inputs by name.
            after: Steps to wait for without using their results.
            mapped: Run it once for each item of its inputs.

        Returns:
            A Step, which stands for the result.
        """
        signature = task.signature()
        arguments = signature.bind(task.name, args, kwargs)
        signature.check_template(task.name)
        waiting = {name: value for name, value in vars(task).items() if has_references(value)}
        for name in _NEEDED_BEFORE & waiting.keys():
            raise ConfigurationError(
                f"field {name!r} of {task.name!r} is needed before the flow runs, so it cannot be "
                f"{waiting[name]!r}; give it a value"
            )
        node = Node(self, len(self._nodes), self._unique_name(task.name), task, (*task.tags, *self.tags))
        node.arguments = arguments
        node.waiting = waiting
        if mapped:
            self._map(node)
        for name, value in arguments.items():
            if has_references(value):
                node.plain = False
                self._connect(node, value, f"argument {name!r}")
        for name, value in node.waiting.items():
            self._connect(node, value, f"field {name!r}")
        check_after(task.name, after)
        self._connect(node, after, "after=")
        node.gates = tuple(self._gates)
        for setup, members in self._resources:
            node.upstream.setdefault(setup)
            members.append(node)
        self._nodes.append(node)
        self._ordered = None
        return Step(node)

    def _map(self, node: Node) -> None:
        node.is_mapped = True
        mapped: list[str] = []
        for name, value in node.arguments.items():
            if isinstance(value, Unmapped):
                node.arguments[name] = value.value
                continue
            if name in node.task.signature().variadic:
                value = node.arguments[name] = Rows(node.task.name, name, value)
                for inner, items in value.lists.items():
                    check_list(node.task.name, inner, items)
                if not value.lists:
                    node.arguments[name] = value.whole
                    continue
            check_list(node.task.name, name, value)
            mapped.append(name)
            source = node_of(value)
            if source is not None and source.is_mapped:
                node.aligned[name] = source
        if not mapped:
            raise ArgumentError(f"{node.task.name}.map() has nothing to map over; give it a list or a step")
        node.mapped = tuple(mapped)

    def _connect(self, node: Node, value: Any, where: str) -> None:
        def visit(reference: Reference) -> None:
            if isinstance(reference, Unmapped):
                raise ArgumentError(
                    f"unmapped(...) in {where} of {node.task.name!r} is only for task.map(...)"
                )
            if isinstance(reference, Parameter):
                self.add_parameter(reference)
            source = node_of(reference)
            if source is None:
                return
            if source.flow is not self:
                raise ForeignStepError(
                    f"{where} of {node.task.name!r} uses {reference!r} of flow {source.flow.name!r} in flow "
                    f"{self.name!r}; give it as a parameter, or call that flow inside this one"
                )
            node.upstream.setdefault(source)

        walk_references(value, visit)

    def _unique_name(self, name: str) -> str:
        full = "/".join([*self._groups, name])
        count = self._names.get(full, 0) + 1
        self._names[full] = count
        return full if count == 1 else self._unique_name(f"{name}-{count}")

    def add_parameter(self, parameter: Parameter) -> None:
        """Make a parameter one of the flow's.

        Raises:
            ParameterError: Another one has its name, or the name is reserved.
        """
        if parameter._name in RESERVED:
            raise ParameterError(
                f"flow {self.name!r} cannot have a parameter {parameter._name!r}: run() keeps the word"
            )
        if self._parameters.setdefault(parameter._name, parameter) is not parameter:
            raise ParameterError(
                f"flow {self.name!r} has two parameters {parameter._name!r}; use one for both"
            )

    def add_edge(self, before: Any, then: Any) -> None:
        """Make one step wait for another without using its result."""
        self.node(then).upstream.setdefault(self.node(before))
        self._ordered = None

    def open_resource(self, setup: Node) -> list[Node]:
        """Have every step that is added from here on wait for a set-up; return the list they will be in."""
        members: list[Node] = []
        self._resources.append((setup, members))
        return members

    def close_resource(self) -> None:
        """Let the steps that are added from here on go without the resource opened last."""
        self._resources.pop()

    @contextmanager
    def gate(self, condition: Any) -> Generator[None]:
        """Give every step that is added inside a condition that must hold."""
        node = node_of(condition)
        assert node is not None
        self._gates.append(node)
        try:
            yield
        finally:
            self._gates.pop()

    @contextmanager
    def group(self, name: str, tags: Sequence[str] = ()) -> Generator[None]:
        """Put a name before those of the steps that are added inside, and give them tags."""
        before = self.tags
        self._groups.append(name)
        self.tags = (*self.tags, *tags)
        try:
            yield
        finally:
            self._groups.pop()
            self.tags = before

    def clear(self) -> None:
        """Take every step out again."""
        self._nodes.clear()
        self._names.clear()
        self._ordered = None
