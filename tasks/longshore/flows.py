"""`Flow`: a graph of steps, which knows nothing of how it is executed; `@flow` builds one from a function."""

from __future__ import annotations

import inspect
import typing
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast, overload

from longshore.errors import ArgumentError, FlowError, ParameterError
from longshore.graph import Graph
from longshore.handlers import HANDLER_TIMEOUT, Handlers
from longshore.limits import Limits, collect_limits
from longshore.nodes import MISSING, Node, Parameter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from longshore.drawings import Drawing
    from longshore.executors import ExecutorLike
    from longshore.runs import FlowRun

P = ParamSpec("P")
R = TypeVar("R")

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


class Flow(Graph):
    """A graph of steps.

    Use it as a context manager to build one by hand, or let `@flow` build it from a function.

    Args:
        name: What runs, logs and handlers call it.
        state_handlers: Called at the transitions of the flow's runs.
        step_handlers: Called, where the flow is driven, at the transitions of all its steps.
        tags: Given to every step.
        run_name: The name of a run, with places for parameters: `"nightly {day}"`.
        reference_steps: Names of the steps that decide the flow's state; when empty, any failed step fails
            it.
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
        super().__init__(name, tags)
        self.state_handlers = (state_handlers,) if callable(state_handlers) else tuple(state_handlers)
        self.step_handlers = (step_handlers,) if callable(step_handlers) else tuple(step_handlers)
        self.run_name = run_name
        self.reference_steps: Sequence[str | Any] = reference_steps
        self.limits = dict(limits or {})
        self.handler_timeout = handler_timeout
        self.executor = executor
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
    def outcome(self) -> Any:
        """What the flow's function returned: references to the results that a run's `result` will have."""
        self.build()
        return self._outcome

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
            KeyboardInterrupt: After Ctrl-C or SIGTERM, when clean-up and handlers are done; `.flow_run` is
                the run.
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
