"""`Task`: what to do, as an immutable configured object; and `@task`, which makes one from a function."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import field, fields, replace
from typing import (
    Any,
    ClassVar,
    Generic,
    ParamSpec,
    Protocol,
    Self,
    TypeVar,
    cast,
    dataclass_transform,
    overload,
)

from longshore.caches import Cache
from longshore.coroutines import run_coroutine
from longshore.definitions import Signature, changed_fields, define, signature_of
from longshore.delays import Delay, delay_after
from longshore.errors import ConfigurationError, TaskDefinitionError, TravelError
from longshore.handlers import Handlers
from longshore.limits import Limits, parse_limits
from longshore.references import has_references
from longshore.triggers import TriggerFunction, all_successful

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

RetryOn = type[BaseException] | tuple[type[BaseException], ...] | Callable[[BaseException], bool]


class _Runs(Protocol[P, R_co]):
    def run(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


class _RunsAsync(Protocol[P, R_co]):
    async def run(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
class Configured:
    """Makes each subclass a frozen dataclass, keyword-only but for at most one field."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        define(cls)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with other fields.

        Raises:
            ArgumentError: There is no field of that name.
        """
        signature_of_fields(type(self)).check_names(type(self).__name__, changes)
        return replace(cast("Any", self), **changes)  # every subclass is a dataclass

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in changed_fields(self).items())
        return f"{type(self).__name__}({shown})"


@functools.cache
def signature_of_fields(cls: type) -> Signature:
    """Return the signature of a task class's fields, for messages."""
    return Signature(inspect.signature(cls), skip_self=False)


class Task(Configured, Generic[R]):
    """One piece of work. Subclass it: fields are configuration, `run()` takes one call's input.

    Calling a task inside a flow adds a step and stands for its result; calling it anywhere else runs it at
    once, with its retries, timeout and handlers, and returns the result.

    Args:
        name: What states, logs and handlers call it; the class's or function's name when empty. In a flow it
            may have places for inputs, filled for each step that runs: `"export {airport}"`.
        retries: Attempts after the first.
        retry_delay: Seconds between attempts, an `Exponential`, or a callable from the failed attempt's
            number to seconds.
        retry_on: Error classes, or a callable from the error to bool, that are worth another attempt.
        timeout: Seconds for one attempt; None for no limit.
        trigger: When a step may start, from the states of the steps before it.
        state_handlers: Called in order at every transition.
        cache: Where to keep results; None to run every time.
        tags: Words for people, handlers and executors.
        limit: A concurrency limit, `"snowflake:4"`, or several.
        repeatable: Whether a crash in the middle may be answered by running it again.
    """

    name: str = ""
    retries: int = 0
    retry_delay: Delay = 0.0
    retry_on: RetryOn = Exception
    timeout: float | None = None
    trigger: TriggerFunction = all_successful
    state_handlers: Handlers = ()
    cache: Cache | None = None
    tags: Sequence[str] = ()
    limit: Limits = None
    repeatable: bool = True

    def __post_init__(self) -> None:
        put = functools.partial(object.__setattr__, self)
        if not self.name:
            put("name", self.default_name())
        if isinstance(self.tags, str):
            raise ConfigurationError(f"{self.name}(tags={self.tags!r}): give a tuple, ({self.tags!r},)")
        put("tags", tuple(self.tags))
        if callable(self.state_handlers):
            put("state_handlers", (self.state_handlers,))
        put("state_handlers", tuple(self.state_handlers))
        if not any(has_references(value) for value in vars(self).values()):
            self._check_service_fields()
            self.check()

    def _check_service_fields(self) -> None:
        if self.retries < 0:
            raise ConfigurationError(f"{self.name}(retries={self.retries!r}): give 0 or more")
        if self.timeout is not None and self.timeout <= 0:
            raise ConfigurationError(f"{self.name}(timeout={self.timeout!r}): give seconds above 0, or None")
        if not callable(self.retry_delay):
            if self.retry_delay < 0:
                raise ConfigurationError(
                    f"{self.name}(retry_delay={self.retry_delay!r}): give seconds, 0 or more"
                )
            delay_after(self.retry_delay, 1)
        parse_limits(self.limit)

    def check(self) -> None:
        """Look at the fields, when none of them waits for a run; override to raise `ConfigurationError`."""

    def default_name(self) -> str:
        """Return the name of a task that was given none."""
        return type(self).__name__

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Do the work, once, here, with nothing around it; every subclass has its own."""
        raise TaskDefinitionError(
            f"{type(self).__name__} has no run(); define one: def run(self, ...) -> ..."
        )

    @classmethod
    def run_signature(cls) -> Signature:
        """Return what `run()` takes."""
        return signature_of(cls)

    def signature(self) -> Signature:
        """Return what a call of this task takes."""
        return type(self).run_signature()

    def identity(self) -> tuple[str, dict[str, Any]]:
        """Return what distinguishes this task's results from another's: its class and its own fields."""
        kind = type(self)
        return f"{kind.__module__}.{kind.__qualname__}", {
            f.name: getattr(self, f.name) for f in fields(cast("Any", self)) if f.name not in SERVICE_FIELDS
        }

    @overload
    def __call__(self: _RunsAsync[P, R_co], *args: P.args, **kwargs: P.kwargs) -> R_co: ...
    @overload
    def __call__(self: _Runs[P, R_co], *args: P.args, **kwargs: P.kwargs) -> R_co: ...
    @overload
    def __call__(self: _Runs[..., R_co], *args: Any, after: Any, **kwargs: Any) -> R_co: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Add a step to the flow that is being built, or run at once when none is.

        Raises:
            ArgumentError: An argument is unknown, missing or given twice.
        """
        from longshore.flows import building
        from longshore.calls import call_now

        flow = building()
        if flow is None:
            return call_now(cast("Task[Any]", self), args, kwargs)
        after = kwargs.pop("after", ())
        return flow.add_step(cast("Task[Any]", self), args, kwargs, after=after)

    @overload
    def map(self: _RunsAsync[..., R_co], *args: Any, **kwargs: Any) -> list[R_co]: ...
    @overload
    def map(self: _Runs[..., R_co], *args: Any, **kwargs: Any) -> list[R_co]: ...
    def map(self, *args: Any, **kwargs: Any) -> Any:
        """Run once for each item of the arguments, lists of one length; `unmapped(x)` gives `x` to each.

        Returns:
            The list of results; in a flow what stands for it.
        """
        from longshore.flows import building
        from longshore.calls import map_now

        flow = building()
        if flow is None:
            return map_now(cast("Task[Any]", self), args, kwargs)
        after = kwargs.pop("after", ())
        return flow.add_step(cast("Task[Any]", self), args, kwargs, after=after, mapped=True)


SERVICE_FIELDS = frozenset(f.name for f in fields(cast("Any", Task)))


class FunctionTask(Task[R], Generic[P, R]):
    """A task made from a function by `@task`."""

    fn: Callable[P, R]
    _signatures: ClassVar[dict[Any, Signature]] = {}

    def run(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function; a coroutine function's coroutine runs on the process's event loop."""
        result = self.fn(*args, **kwargs)
        if inspect.iscoroutine(result):
            return cast("R", run_coroutine(cast("Coroutine[Any, Any, Any]", result)))
        return result

    def default_name(self) -> str:
        return self.fn.__name__

    def signature(self) -> Signature:
        return _function_signature(self.fn)

    def identity(self) -> tuple[str, dict[str, Any]]:
        code = getattr(self.fn, "__code__", None)
        body = (code.co_code, repr(code.co_consts)) if code is not None else ()
        return f"{self.fn.__module__}.{self.fn.__qualname__}", {"body": body}

    def __reduce__(self) -> tuple[Any, ...]:
        module, qualname = self.fn.__module__, self.fn.__qualname__
        base = _lookup(module, qualname)
        if not isinstance(base, FunctionTask) or cast("FunctionTask[..., Any]", base).fn is not self.fn:
            raise TravelError(
                f"task {self.name!r} cannot be sent to another process: {qualname!r} cannot be imported from "
                f"{module!r}; define it at the top level of a module"
            )
        changes = {f.name: getattr(self, f.name) for f in fields(cast("Any", self)) if f.name != "fn"}
        original = cast("FunctionTask[..., Any]", base)
        return _load, (module, qualname, {k: v for k, v in changes.items() if getattr(original, k) != v})


@functools.lru_cache(maxsize=10_000)
def _function_signature(function: Callable[..., Any]) -> Signature:
    return Signature(inspect.signature(function), skip_self=False)


def _lookup(module: str, qualname: str) -> Any:
    value: Any = sys.modules.get(module)
    for part in qualname.split("."):
        value = getattr(value, part, None)
    return value


def _load(module: str, qualname: str, changes: Mapping[str, Any]) -> Task[Any]:
    if module not in sys.modules:
        __import__(module)
    base = cast("Task[Any]", _lookup(module, qualname))
    return base.replace(**changes) if changes else base


@overload
def task(function: Callable[P, Coroutine[Any, Any, R]], /) -> FunctionTask[P, R]: ...
@overload
def task(function: Callable[P, R], /) -> FunctionTask[P, R]: ...
@overload
def task(**fields: Any) -> Callable[[Callable[P, R]], FunctionTask[P, R]]: ...
def task(function: Callable[..., Any] | None = None, /, **fields: Any) -> Any:
    """Make a task from a function or a coroutine function, keeping its signature.

    Args:
        function: The work. Its parameters are the call's input.
        fields: Any field of `Task`: `@task(retries=3, timeout=60)`.

    Example:
        >>> @task(retries=2)
        ... def double(n: int) -> int:
        ...     return 2 * n
        >>> double(21)
        42
    """
    if function is None:
        return lambda function: task_from(function, fields)  # pyright: ignore[reportUnknownLambdaType]
    return task_from(function, fields)


def task_from(function: Callable[..., Any], changes: Mapping[str, Any]) -> FunctionTask[..., Any]:
    """Make a task from a function and fields."""
    if not callable(function) or isinstance(function, type):
        raise TaskDefinitionError(f"@task takes a function, not {function!r}; subclass Task for a class")
    made: FunctionTask[..., Any] = FunctionTask(fn=function, **changes)
    made.signature().reserve(made.name)
    object.__setattr__(made, "__doc__", function.__doc__)
    object.__setattr__(made, "__wrapped__", function)
    return made
