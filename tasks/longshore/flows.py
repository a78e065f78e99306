"""`Flow`: a graph of steps, which knows nothing of how it is executed; and `@flow`, which builds one from a function."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Generic, ParamSpec, TypeVar, cast, overload

from longshore.errors import ArgumentError, FlowError, ForeignStepError, ParameterError
from longshore.graph import MISSING, Node, Parameter, Step, node_of, order_nodes
from longshore.handlers import HANDLER_TIMEOUT, Handlers
from longshore.limits import Limits, collect_limits
from longshore.references import Reference, Unmapped, has_references, walk_references

if TYPE_CHECKING:
    from collections.abc import Iterator

    from longshore.drawings import Drawing
    from longshore.executors import ExecutorLike
    from longshore.runs import FlowRun
    from longshore.tasks import Task

P = ParamSpec("P")
R = TypeVar("R")

RESERVED: Final = ("executor", "store", "run_id", "raise_on_failure", "on_schedule")

_building: ContextVar[Flow | None] = ContextVar("longshore_building", default=None)


def building() -> Flow | None:
    """Return the flow that is being built here, or None."""
    return _building.get()


def required_building(what: str) -> Flow:
    """Return the flow that is being built here.

    Raises:
        FlowError: None is.
    """
    flow = _building.get()
    if flow is None:
        raise FlowError(
            f"{what} is for building a flow; use it in a @flow function or inside `with Flow(...)`"
        )
    return flow


class Flow:
    """A graph of steps.

    Use it as a context manager to build one by hand, or let `@flow` build it from a function.

    Args:
        name: What runs, logs and handlers call it.
        state_handlers: Called at the transitions of the flow's runs.
        step_handlers: Called, where the flow is driven, at the transitions of all its steps.
        tags: Given to every step.
        run_name: The name of a run, with places for parameters: `"nightly {day}"`.
        reference_steps: Names of the steps that decide the flow's state; when empty, any failed step fails the flow.
        limits: Counts for concurrency limits, by name.
        handler_timeout: Seconds that one state handler may take.
        executor: Where steps run when `run()` is given no executor; threads when None.
    """

    def __init__(
        self,
        name: str,
        *,
        state_handlers: Handlers = (),
        step_handlers: Handlers = (),
        tags: Sequence[str] = (),
        run_name: str | None = None,
        reference_steps: Sequence[str | Any] = (),
        limits: Mapping[str, int] | None = None,
        handler_timeout: float = HANDLER_TIMEOUT,
        executor: ExecutorLike | None = None,
    ) -> None:
        self.name = name
        self.state_handlers = tuple(state_handlers)
        self.step_handlers = tuple(step_handlers)
        self.tags = tuple(tags)
        self.run_name = run_name
        self.reference_steps: Sequence[str | Any] = reference_steps
        self.limits = dict(limits or {})
        self.handler_timeout = handler_timeout
        self.executor = executor
        self._nodes: list[Node] = []
        self._ordered: list[Node] | None = None
        self._parameters: dict[str, Parameter] = {}
        self._names: dict[str, int] = {}
        self._groups: list[str] = []
        self._gates: list[Node] = []
        self._resources: list[tuple[Node, list[Node]]] = []
        self._tokens: list[Any] = []
        self._outcome: Any = None

    def __enter__(self) -> Flow:
        self._tokens.append(_building.set(self))
        return self

    def __exit__(self, *error: object) -> None:
        _building.reset(self._tokens.pop())

    def __repr__(self) -> str:
        return f"Flow({self.name!r})"

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """The flow's parameters by name."""
        self.build()
        return self._parameters

    @property
    def steps(self) -> list[Node]:
        """The flow's steps, each after those it waits for; ties as they were made."""
        self.build()
        if self._ordered is None:
            self._ordered = order_nodes(self._nodes)
            for place, node in enumerate(self._ordered):
                node.order = place
        return self._ordered

    @property
    def outcome(self) -> Any:
        """What the flow's function returned: references to the results that a run's `result` will have."""
        self.build()
        return self._outcome

    def build(self) -> None:
        """Build the graph, if that was not done yet."""

    def check(self) -> dict[str, int]:
        """Look for what would keep the flow from running, and return the counts of its concurrency limits.

        Raises:
            CycleError: Steps wait for each other.
            LimitError: A limit with two counts, or none.
            FlowError: A reference step that does not exist.
        """
        steps = self.steps
        declared: list[tuple[str, Limits]] = [(self.name, f"{name}:{n}") for name, n in self.limits.items()]
        limits = collect_limits(
            [*declared, *((n.name, n.task.limit) for n in steps if not n.waiting.get("limit"))]
        )
        self.reference_nodes()
        return limits

    def reference_nodes(self) -> list[Node]:
        """Return the steps that decide the flow's state."""
        if not self.reference_steps:
            return self.steps
        return [self.node(step) for step in self.reference_steps]

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
        known = ", ".join(node.name for node in self.steps[:20])
        raise FlowError(f"flow {self.name!r} has no step {step!r}; it has {known or 'none'}")

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
        arguments = task.signature().bind(task.name, args, kwargs)
        node = Node(self, len(self._nodes), self._unique_name(task.name), task, (*task.tags, *self.tags))
        node.arguments = arguments
        node.waiting = {name: value for name, value in vars(task).items() if has_references(value)}
        if mapped:
            self._map(node)
        for name, value in arguments.items():
            if has_references(value):
                node.plain = False
                self._connect(node, value, f"argument {name!r}")
        for name, value in node.waiting.items():
            self._connect(node, value, f"field {name!r}")
        self._connect(node, after if isinstance(after, list | tuple) else [after], "after=")
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
                node.arguments[name] = value._value
                continue
            if not isinstance(value, Reference | list | tuple | range):
                raise ArgumentError(
                    f"{node.task.name}.map() got {name}={value!r}, which is no list; write {name}=unmapped(...) to "
                    "give it whole to each step"
                )
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

    @contextmanager
    def gate(self, condition: Any) -> Iterator[None]:
        """Give every step that is added inside a condition that must hold."""
        node = node_of(condition)
        assert node is not None
        self._gates.append(node)
        try:
            yield
        finally:
            self._gates.pop()

    @contextmanager
    def group(self, name: str) -> Iterator[None]:
        """Put a name before those of the steps that are added inside."""
        self._groups.append(name)
        try:
            yield
        finally:
            self._groups.pop()

    def run(
        self,
        *,
        executor: ExecutorLike | None = None,
        run_id: str | None = None,
        raise_on_failure: bool = False,
        **parameters: Any,
    ) -> FlowRun:
        """Run the flow here and wait for its end.

        Args:
            executor: Where steps run; 8 threads when None.
            run_id: An id of your own; a UUID when None.
            raise_on_failure: Raise `FlowFailed` unless the run succeeds.
            parameters: The flow's parameters, by name.

        Returns:
            The run: its state, and the states and results of its steps. A failed step makes the state Failed.

        Raises:
            ParameterError: A parameter is missing, unknown or of the wrong type.
            TravelError: Something cannot be sent to where the executor runs steps.
            KeyboardInterrupt: After Ctrl-C or SIGTERM, when clean-up and handlers are done; `.flow_run` is the run.
        """
        from longshore.engine import run_flow

        return run_flow(self, parameters, executor=executor, run_id=run_id, raise_on_failure=raise_on_failure)

    def visualize(self, run: FlowRun | None = None) -> Drawing:
        """Draw the graph: as Mermaid text always, as a picture when graphviz is installed.

        Args:
            run: Colour the steps by their states in this run.
        """
        from longshore.drawings import Drawing

        return Drawing(self, run)


class FlowFunction(Flow, Generic[P, R]):
    """A flow that a function builds. Called inside another flow, it adds its steps there as a named group."""

    def __init__(self, function: Callable[P, R], name: str, **settings: Any) -> None:
        super().__init__(name, **settings)
        self._function = function
        self._built = False
        self.__doc__ = function.__doc__
        self.__module__ = function.__module__
        self._signature = inspect.signature(function)
        try:
            self._types = typing.get_type_hints(function)
        except Exception:  # noqa: BLE001 - names imported for checkers alone; then types are not checked
            self._types = {}
        for parameter in self._signature.parameters.values():
            self._add_from(parameter)

    def _add_from(self, parameter: inspect.Parameter) -> None:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise ParameterError(f"flow {self.name!r} takes {parameter}; a flow's parameters have names")
        default = MISSING if parameter.default is parameter.empty else parameter.default
        self.add_parameter(Parameter(parameter.name, self._types.get(parameter.name), default))

    def build(self) -> None:
        if self._built:
            return
        self._built = True
        token = _building.set(self)
        try:
            self._outcome = self._function(**cast("Any", dict(self._parameters)))
        except BaseException:
            self._reset()
            raise
        finally:
            _building.reset(token)

    def _reset(self) -> None:
        self._built = False
        self._nodes.clear()
        self._names.clear()

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        outer = _building.get()
        if outer is None:
            raise FlowError(f"flow {self.name!r} is called outside a flow; to run it: {self.name}.run(...)")
        try:
            self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise ArgumentError(f"flow {self.name!r}: {error}; it takes {self._signature}") from None
        with outer.group(self.name):
            return self._function(*args, **kwargs)


@overload
def flow(function: Callable[P, R], /) -> FlowFunction[P, R]: ...
@overload
def flow(
    *,
    name: str = ...,
    state_handlers: Handlers = ...,
    step_handlers: Handlers = ...,
    tags: Sequence[str] = ...,
    run_name: str | None = ...,
    reference_steps: Sequence[str] = ...,
    limits: Mapping[str, int] | None = ...,
    handler_timeout: float = ...,
    executor: ExecutorLike | None = ...,
) -> Callable[[Callable[P, R]], FlowFunction[P, R]]: ...
def flow(function: Callable[..., Any] | None = None, /, *, name: str = "", **settings: Any) -> Any:
    """Make a flow from a function, whose parameters become the flow's.

    The function is called once, at first use, with parameters that stand for the values to come.

    Args:
        function: Builds the graph by calling tasks.
        name: The flow's name; the function's when empty.
        settings: As for `Flow`.

    Example:
        >>> @flow
        ... def nightly(day: str):
        ...     double(21)
    """
    if function is None:
        return lambda function: FlowFunction(function, name or function.__name__, **settings)  # pyright: ignore
    return FlowFunction(function, name or function.__name__, **settings)
