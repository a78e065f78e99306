"""A task called outside a flow: its attempts, made here, one after the other."""

from __future__ import annotations

import functools
import threading
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Final

from longshore.context import Attempt, active, inside_attempt
from longshore.errors import StepUseError, TaskCancelled, TaskFailed, TaskSkipped
from longshore.fanouts import Rows, Unmapped, as_list, map_length
from longshore.handlers import BestEffort
from longshore.logs import records_with_context, run_log
from longshore.references import has_references, isolate
from longshore.runner import Call, attempt, enter, keep, look_up
from longshore.states import Cancelled, Failed, Pending, Retrying, Skipped, State, Success

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from longshore.handlers import Handlers
    from longshore.plugins import Observer
    from longshore.tasks import Task


_CANCELLED: Final = "the step around it was cancelled"


def call_now(task: Task[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a task outside a flow: with its retries, timeout, cache and handlers.

    Returns:
        What `run()` returned.

    Raises:
        TaskSkipped, TaskFailed, RetriesExhausted: For `raise Skip(...)`, `raise Fail(...)`, `raise
        Retry(...)`.
        AttemptTimedOut: The last attempt was not done in time.
        Exception: What the last attempt raised.
    """
    arguments = task.signature().bind(task.name, args, kwargs)
    _refuse_references(task, arguments)
    return _call(task, arguments)


def _refuse_references(task: Task[Any], arguments: dict[str, Any]) -> None:
    for where, values in (("argument", arguments), ("field", vars(task))):
        for name, value in values.items():
            if has_references(value):
                raise StepUseError(
                    f"{task.name}() is called outside a flow, and its {where} {name!r} is {value!r}, which "
                    "only a run knows; call it inside the flow, or give it what the run's results have"
                )


def _call(task: Task[Any], arguments: dict[str, Any], map_index: int | None = None) -> Any:
    from longshore.observers import observers
    from longshore.plugins import host

    outer = active.get()
    beside = _beside(tuple(observers().values()))
    handlers: Handlers = (*task.state_handlers, *host().state_handlers(), *beside)
    name = task.signature().fill(task.name, arguments)
    call = Call(
        task, arguments, name, outer.run_id, outer.flow, map_index, tags=tuple(task.tags), handlers=handlers,
        origin=outer.inner_origin(), recorded_in=outer.recorded_in, variables=_variables(outer),
    )  # fmt: skip
    with records_with_context():
        state = look_up(call)
        if state is None:
            state = _attempts(call, outer if inside_attempt() else None)
        else:
            state = enter(call, call.context(), Pending(), state, time.monotonic())
    keep(call, state)
    return _result(state, call)


def _variables(outer: Attempt) -> Mapping[str, str] | None:
    """Return what plugins give: what they gave the run around the call, or nothing yet."""
    from longshore.surroundings import is_anyone_near

    if inside_attempt():
        return outer.variables
    return {} if is_anyone_near() else None


@functools.lru_cache(maxsize=1)
def _beside(observers: tuple[Observer, ...]) -> tuple[BestEffort, ...]:
    """Return observers with a thread each, which the calls of a script share."""
    return tuple(BestEffort(observer) for observer in observers)


def _attempts(call: Call, outer: Attempt | None) -> State:
    """Make attempts until one is the last, or until the attempt around this call is told to stop."""
    stop = threading.Event()
    contexts: list[Attempt] = []

    def cancel() -> None:
        stop.set()
        for context in contexts:
            context.cancel(_CANCELLED)

    with nullcontext() if outer is None else outer.on_cancel(cancel):
        given = call.arguments
        while True:
            call.arguments = isolate(given)
            contexts[:] = [context := call.context(None if outer is None else outer.take_over)]
            if stop.is_set():
                return Cancelled(message=_CANCELLED)
            state = attempt(call, context, lambda _: None)
            if not isinstance(state, Retrying):
                return state
            run_log.warning(
                "%s | Retrying in %.2g s (attempt %d of %d): %s",
                context.label, state.delay, call.attempt, context.attempts, state.message,
            )  # fmt: skip
            stop.wait(state.delay)
            call.state = state
            call.attempt += 1


def _result(state: State, call: Call) -> Any:
    if isinstance(state, Skipped):
        error = TaskSkipped(state.message or f"{call.name!r} skipped")
        error.state = state
        raise error
    if isinstance(state, Success):
        return state.result
    if isinstance(state, Cancelled):
        if state.message == "interrupted":
            raise KeyboardInterrupt
        raise TaskCancelled(f"{call.name!r} was cancelled: {state.message}")
    if isinstance(state, Failed) and state.error is not None:
        if call.attempt > 1:
            state.error.add_note(f"{call.name!r} failed {call.attempt} times; this is the last error")
        raise state.error
    raise TaskFailed(state.message or f"{call.name!r} ended {type(state).__name__}")


def map_now(task: Task[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """Call a task outside a flow for each item of its arguments, one after the other.

    Raises:
        MapError: The lists are of different lengths, or there is none.
    """
    signature = task.signature()
    bound = signature.bind(task.name, args, kwargs)
    whole: dict[str, Any] = {}
    lists: dict[str, Sequence[Any]] = {}
    for name, value in bound.items():
        if isinstance(value, Unmapped):
            whole[name] = value.value
        elif name not in signature.variadic:
            lists[name] = as_list(task.name, name, value)
        elif (rows := Rows(task.name, name, value)).lists:
            lists[name] = rows.now()
        else:
            whole[name] = rows.whole
    count = map_length(task.name, {name: len(items) for name, items in lists.items()})
    return [
        _call(task, {**whole, **{name: items[i] for name, items in lists.items()}}, map_index=i)
        for i in range(count)
    ]
