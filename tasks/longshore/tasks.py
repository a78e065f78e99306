"""`Task`: what to do, as an immutable configured object."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import fields
from math import inf
from typing import Any, Final, Generic, ParamSpec, Protocol, TypeVar, cast, overload

# Classes resolve the types of the fields that they inherit in this module, so it imports them at run time.
from longshore.caches import Cache, behaviour_of
from longshore.definitions import Configured
from longshore.delays import Delay, delay_after
from longshore.errors import ConfigurationError, TaskDefinitionError
from longshore.handlers import Handlers  # noqa: TC001 - so are the others, which are used here too
from longshore.limits import Limits, parse_limits
from longshore.references import has_references
from longshore.signatures import Signature, signature_of
from longshore.triggers import TriggerFunction, all_successful

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

RetryOn = type[BaseException] | tuple[type[BaseException], ...] | Callable[[BaseException], bool]


class _Runs(Protocol[P, R_co]):
    def run(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


class _RunsAsync(Protocol[P, R_co]):
    async def run(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


class Submits(Protocol[P, R_co]):
    """A job: its calls take what `submit()` takes behind the key, and return what `result()` returns."""

    def submit(self, key: str, /, *args: P.args, **kwargs: P.kwargs) -> Any: ...

    def result(self, handle: Any, /) -> R_co: ...


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
        if callable(self.state_handlers):
            put("state_handlers", (self.state_handlers,))
        for name in ("tags", "state_handlers", "limit", "retry_on"):
            if isinstance(getattr(self, name), list):
                put(name, tuple(getattr(self, name)))
        if not any(has_references(value) for value in vars(self).values()):
            self.check_settings()
            self.check()

    def check_settings(self) -> None:
        """Look at the fields that every task has."""
        for name, (holds, gives) in _RULES.items():
            value = getattr(self, name)
            if not holds(value):
                raise ConfigurationError(f"{self.name}({name}={value!r}): give {gives}")
        if not callable(self.retry_delay):
            delay_after(self.retry_delay, 1)
        parse_limits(self.limit)

    def check(self) -> None:
        """Look at the fields, when none of them waits for a run; override to raise `ConfigurationError`."""

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Do the work, once, here, with nothing around it; every subclass has its own."""
        raise TaskDefinitionError(
            f"{type(self).__name__} has no run(); define one: def run(self, ...) -> ..."
        )

    @classmethod
    def run_signature(cls) -> Signature:
        """Return what `run()` takes."""
        return signature_of(cast("Any", cls))

    def signature(self) -> Signature:
        """Return what a call of this task takes."""
        return type(self).run_signature()

    def identity(self) -> tuple[str, dict[str, Any]]:
        """Return what distinguishes this task's results from another's: class, code and own fields."""
        kind = type(self)
        own = {
            f.name: getattr(self, f.name) for f in fields(cast("Any", self)) if f.name not in SERVICE_FIELDS
        }
        return f"{kind.__module__}.{kind.__qualname__}", {**own, "run": behaviour_of(kind.run)}

    @overload
    def __call__(self: Submits[P, R_co], *args: P.args, **kwargs: P.kwargs) -> R_co: ...
    @overload
    def __call__(self: Submits[..., R_co], *args: Any, after: Any, **kwargs: Any) -> R_co: ...
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
        from longshore.calls import call_now
        from longshore.flows import building

        flow = building()
        if flow is None:
            return call_now(cast("Task[Any]", self), args, kwargs)
        after = kwargs.pop("after", ())
        return flow.add_step(cast("Task[Any]", self), args, kwargs, after=after)

    @overload
    def map(self: Submits[..., R_co], *args: Any, **kwargs: Any) -> list[R_co]: ...
    @overload
    def map(self: _RunsAsync[..., R_co], *args: Any, **kwargs: Any) -> list[R_co]: ...
    @overload
    def map(self: _Runs[..., R_co], *args: Any, **kwargs: Any) -> list[R_co]: ...
    def map(self, *args: Any, **kwargs: Any) -> Any:
        """Run once for each item of the arguments, lists of one length; `unmapped(x)` gives `x` to each.

        Returns:
            The list of results; in a flow what stands for it.
        """
        from longshore.calls import map_now
        from longshore.flows import building

        flow = building()
        if flow is None:
            return map_now(cast("Task[Any]", self), args, kwargs)
        after = kwargs.pop("after", ())
        return flow.add_step(cast("Task[Any]", self), args, kwargs, after=after, mapped=True)


SERVICE_FIELDS = frozenset(f.name for f in fields(cast("Any", Task)))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _all(value: Any, holds: Callable[[Any], bool]) -> bool:
    return isinstance(value, tuple) and all(map(holds, cast("tuple[Any, ...]", value)))


def _is_error_class(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, BaseException)


_RULES: Final[dict[str, tuple[Callable[[Any], bool], str]]] = {
    "name": (lambda v: isinstance(v, str), "a text"),
    "retries": (lambda v: type(v) is int and v >= 0, "an int, 0 or more"),
    "retry_delay": (
        lambda v: callable(v) or (_is_number(v) and 0 <= v < inf),
        "seconds, 0 or more, or a callable",
    ),
    "retry_on": (
        lambda v: _is_error_class(v) or _all(v, _is_error_class) or (callable(v) and not isinstance(v, type)),
        "error classes, or a callable that takes the error",
    ),
    "timeout": (lambda v: v is None or (_is_number(v) and 0 < v < inf), "seconds above 0, or None"),
    "trigger": (callable, "a trigger, such as all_finished"),
    "state_handlers": (lambda v: _all(v, callable), "callables (subject, old, new)"),
    "cache": (lambda v: v is None or isinstance(v, Cache), "Cache(), or None"),
    "tags": (lambda v: _all(v, lambda tag: isinstance(tag, str)), "a tuple of words: ('daily',)"),
    "limit": (lambda v: v is None or isinstance(v, str | tuple), "'snowflake:4', or a tuple of such"),
    "repeatable": (lambda v: isinstance(v, bool), "True or False"),
}
"""What the fields of every task may be."""
