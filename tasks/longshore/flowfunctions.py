"""`@flow`: a flow that a function builds."""

from __future__ import annotations

import inspect
import os
import typing
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast, overload

from longshore.errors import FlowError, ParameterError
from longshore.flows import Flow, building
from longshore.forks import Lock
from longshore.nodes import MISSING, Parameter
from longshore.parameters import check_value
from longshore.references import has_references
from longshore.signatures import Signature

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from longshore.executors import ExecutorLike
    from longshore.handlers import Handlers
    from longshore.schedules.interface import Missed, Overlap, Schedule

P = ParamSpec("P")
R = TypeVar("R")


class FlowFunction(Flow, Generic[P, R]):
    """A flow that a function builds. Called inside another flow, it adds its steps there as a named group."""

    def __init__(self, function: Callable[P, R], name: str, **settings: Any) -> None:
        if not inspect.isfunction(function):
            raise FlowError(f"@flow takes a function, not {function!r}")
        if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
            raise FlowError(
                f"flow {name!r} is built by a function that calls tasks and returns; write def, without "
                "async and yield"
            )
        super().__init__(name, **settings)
        self._function = function
        self._built = False
        self._under_way = False
        self._build_lock = Lock()
        self.__doc__ = function.__doc__
        self.__module__ = function.__module__
        self._signature = Signature(inspect.signature(function))
        try:
            self._types = typing.get_type_hints(function)
        except Exception:  # noqa: BLE001 - names imported for checkers alone; then types are not checked
            self._types = {}
        for parameter in self._signature.parameters.values():
            self._add_from(parameter)
        self.target = _target_of(function)

    def _add_from(self, parameter: inspect.Parameter) -> None:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise ParameterError(f"flow {self.name!r} takes {parameter}; a flow's parameters have names")
        default = MISSING if parameter.default is parameter.empty else parameter.default
        self.add_parameter(Parameter(parameter.name, self._types.get(parameter.name), default))

    def build(self) -> None:
        if self._built:
            return
        with self._build_lock:  # two threads may use the flow for the first time at once
            if self._built or self._under_way:
                return
            self._under_way = True
            try:
                with self:
                    self._outcome = self._call_function(dict(self._parameters))
                self._built = True
            except BaseException:
                self.clear()
                raise
            finally:
                self._under_way = False

    def _call_function(self, arguments: dict[str, Any]) -> R:
        function = cast("Callable[..., R]", self._function)
        return function(**arguments)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        outer = building()
        if outer is None:
            raise FlowError(f"flow {self.name!r} is called outside a flow; to run it: {self.name}.run(...)")
        arguments = self._signature.bind(self.name, args, kwargs)
        for name, value in arguments.items():
            if not has_references(value):
                check_value(self.name, name, self._types.get(name), value)
        with outer.inside(self):
            return self._call_function(arguments)


def _target_of(function: Callable[..., Any]) -> str:
    """Return where a command line finds a flow again: its file and its function, if it has a name there."""
    place = inspect.getsourcefile(function)
    if place is None or place.startswith("<") or "<locals>" in function.__qualname__:
        return ""
    return f"{os.path.abspath(place)}:{function.__qualname__}"  # noqa: PTH100 - links stay as they are


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
    schedule: Schedule | Sequence[Schedule] | None = ...,
    overlap: Overlap = ...,
    missed: Missed = ...,
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
        return lambda function: FlowFunction(function, name or getattr(function, "__name__", ""), **settings)  # pyright: ignore
    return FlowFunction(function, name or getattr(function, "__name__", ""), **settings)
