"""`@task`: a task made from a function."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable  # noqa: TC003 - the type of a field, looked up at run time
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Protocol, Self, TypedDict, TypeVar, cast, overload

from longshore.caches import behaviour_of
from longshore.coroutines import run_coroutine
from longshore.definitions import changed_fields, signature_of_fields
from longshore.errors import TaskDefinitionError, TravelError
from longshore.signatures import Signature
from longshore.tasks import RetryOn, Task

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence
    from typing import Unpack

    from longshore.caches import Cache
    from longshore.delays import Delay
    from longshore.handlers import Handlers
    from longshore.limits import Limits
    from longshore.triggers import TriggerFunction

P = ParamSpec("P")
R = TypeVar("R")


class TaskFields(TypedDict, total=False):
    """The fields of `Task`, for `@task(...)`."""

    name: str
    retries: int
    retry_delay: Delay
    retry_on: RetryOn
    timeout: float | None
    trigger: TriggerFunction
    state_handlers: Handlers
    cache: Cache | None
    tags: Sequence[str]
    limit: Limits
    repeatable: bool


class FunctionTask(Task[R], Generic[P, R]):
    """A task made from a function by `@task`."""

    fn: Callable[P, R]

    def run(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function; a coroutine function's coroutine runs on the process's event loop."""
        result = self.fn(*args, **kwargs)
        if inspect.iscoroutine(result):
            return cast("R", run_coroutine(cast("Coroutine[Any, Any, Any]", result)))
        return result

    def replace(self, **changes: Any) -> Self:
        copied = super().replace(**changes)
        _document(copied, self.fn)
        return copied

    def __repr__(self) -> str:
        changed = {name: value for name, value in changed_fields(self).items() if name != "fn"}
        given = f"({', '.join(f'{name}={value!r}' for name, value in changed.items())})" if changed else ""
        return f"task{given}({self.fn.__qualname__})"

    def default_name(self) -> str:
        return self.fn.__name__

    def signature(self) -> Signature:
        return _function_signature(self.fn)

    def identity(self) -> tuple[str, dict[str, Any]]:
        """Return the function's name and all that decides what it does: code, defaults, captured values."""
        fn: Any = self.fn
        return f"{fn.__module__}.{fn.__qualname__}", behaviour_of(fn)

    def __reduce__(self) -> tuple[Any, ...]:
        module, qualname = self.fn.__module__, self.fn.__qualname__
        base = _task_at(module, qualname)
        if base is None or base.fn is not self.fn:
            raise TravelError(
                f"task {self.name!r} cannot be sent to another process: {qualname!r} cannot be imported from "
                f"{module!r}; define it at the top level of a module"
            )
        own = {f.name: getattr(self, f.name) for f in fields(cast("Any", self)) if f.name != "fn"}
        return _load, (module, qualname, {k: v for k, v in own.items() if getattr(base, k) != v})


@functools.lru_cache(maxsize=10_000)
def _function_signature(function: Callable[..., Any]) -> Signature:
    return Signature(inspect.signature(function))


def _task_at(module: str, qualname: str) -> FunctionTask[..., Any] | None:
    """Return the task of that name, or one of the function of that name."""
    value: Any = sys.modules.get(module)
    for part in qualname.split("."):
        value = getattr(value, part, None)
    if isinstance(value, FunctionTask):
        return cast("FunctionTask[..., Any]", value)
    return task_from(value, {}) if inspect.isroutine(value) else None


def _load(module: str, qualname: str, changes: Mapping[str, Any]) -> Task[Any]:
    __import__(module)  # also one that another thread is in the middle of importing: then it is waited for
    base = _task_at(module, qualname)
    if base is None:
        raise TravelError(
            f"cannot load task {qualname!r}: {module!r} has no such function here; use one version"
        )
    return base.replace(**changes) if changes else base


class Decorator(Protocol):
    """What `@task(...)` with fields returns."""

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> FunctionTask[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> FunctionTask[P, R]: ...


@overload
def task(function: Callable[P, Coroutine[Any, Any, R]], /) -> FunctionTask[P, R]: ...
@overload
def task(function: Callable[P, R], /) -> FunctionTask[P, R]: ...
@overload
def task(**fields: Unpack[TaskFields]) -> Decorator: ...
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
        return functools.partial(task_from, changes=fields)
    return task_from(function, fields)


def task_from(function: Callable[..., Any], changes: Mapping[str, Any]) -> FunctionTask[..., Any]:
    """Make a task from a function and fields."""
    if not inspect.isroutine(function):
        raise TaskDefinitionError(f"@task takes a function, not {function!r}; subclass Task for a class")
    try:
        signature = _function_signature(function)
    except ValueError as error:
        raise TaskDefinitionError(
            f"@task cannot read what {function!r} takes ({error}); wrap it in a def"
        ) from error
    signature.reserve(function.__qualname__)
    signature_of_fields(cast("Any", FunctionTask)).check_names("@task", changes)
    made: FunctionTask[..., Any] = FunctionTask(fn=function, **changes)
    _document(made, function)
    return made


def _document(made: FunctionTask[..., Any], function: Callable[..., Any]) -> None:
    object.__setattr__(made, "__doc__", function.__doc__)
    object.__setattr__(made, "__wrapped__", function)
