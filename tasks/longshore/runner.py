"""One attempt of one call, to a state that may be Retrying: for every executor and for calls outside a flow.

Whoever makes the attempt waits and calls again: the engine for the steps of a flow, `call_now` for a call on
its own.
"""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final, cast

from longshore import deadlines
from longshore.context import CANCEL_GRACE, Attempt, active
from longshore.coroutines import run_coroutine
from longshore.delays import delay_after
from longshore.errors import (
    AttemptTimedOut,
    Fail,
    HandlerError,
    LongshoreError,
    RetriesExhausted,
    Retry,
    Skip,
    TaskFailed,
    error_text,
)  # fmt: skip
from longshore.handlers import HANDLER_TIMEOUT, Handlers, Subject, transition
from longshore.held import fetched
from longshore.jobs.phases import JobCall, Submitted, work_on
from longshore.jobs.protocol import JobUnreachableError
from longshore.references import isolate
from longshore.secrets import redact, redact_error
from longshore.states import (
    Cached,
    Cancelled,
    Failed,
    Pending,
    Retrying,
    Running,
    Skipped,
    State,
    Success,
    TimedOut,
    Unknown,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from longshore.context import Listener
    from longshore.tasks import Task

_LONGEST_TRACEBACK: Final = 32_000
_END_GRACE: Final = 1.0
"""Seconds for `run()` to return after the callbacks of a cancelled attempt have done their work."""


@dataclass(slots=True)
class Call:
    """All that one attempt needs, as plain data."""

    task: Task[Any]
    arguments: dict[str, Any]
    name: str
    run_id: str = ""
    flow: str = ""
    map_index: int | None = None
    attempt: int = 1
    tags: tuple[str, ...] = ()
    handlers: Handlers = ()
    handler_timeout: float = HANDLER_TIMEOUT
    state: State | None = None
    cache_key: str = ""
    origin: str = ""
    job: JobCall | None = None
    private: bool = False
    recorded_in: str = ""
    variables: Mapping[str, str] | None = None
    log_tail: tuple[str, ...] = ()

    def context(self, progress: Listener | None = None) -> Attempt:
        """Return what `current` will show."""
        context = Attempt(
            self.name, self.run_id, self.flow, self.map_index, self.attempt, self.task.retries + 1,
            self.tags, progress, self.origin, self.recorded_in, self.variables,
        )  # fmt: skip
        if self.job is not None and self.job.end is not None:
            context.link = self.job.end.link
            for line in self.job.end.tail:
                context.remember(line)
        return context


def attempt(call: Call, context: Attempt, started: Callable[[State], None]) -> State:
    """Make one attempt.

    Args:
        call: What to do.
        context: What `current` shows meanwhile; cancelling it cancels the attempt.
        started: Told of the Running state.

    Returns:
        Retrying when another attempt is due; Running with a handle when a job goes on in another system,
        whose end the same call is made for again; else the last state.
    """
    token = active.set(context)
    try:
        if call.job is not None and call.job.end is not None:
            state = _surrounded(call, context)
            return enter(call, context, Running(attempt=call.attempt), state, call.job.began)
        began = time.monotonic()
        running = enter(call, context, call.state or Pending(), Running(attempt=call.attempt), began)
        if not isinstance(running, Running):
            return running
        started(running)
        state = _surrounded(call, context)
        return state if isinstance(state, Running) else enter(call, context, running, state, began)
    finally:
        active.reset(token)


def enter(call: Call, context: Attempt, old: State, new: State, began: float) -> State:
    """Make a transition: call the handlers and return the state that they leave."""
    if not call.handlers:
        return new
    subject = Subject(
        kind="task", name=call.name, run_id=call.run_id, flow=call.flow, map_index=call.map_index,
        attempt=call.attempt, attempts=call.task.retries + 1, tags=call.tags, link=context.link,
        log_tail=context.log_tail, duration=time.monotonic() - began, raw_inputs=call.arguments,
    )  # fmt: skip
    try:
        return transition(subject, old, new, call.handlers, call.handler_timeout)
    except HandlerError as error:
        return Failed(error, message=str(error))


def _surrounded(call: Call, context: Attempt) -> State:
    if call.variables is None:
        return _perform(call, context)
    from longshore.surroundings import around

    with around(context):
        return _perform(call, context)


def _perform(call: Call, context: Attempt) -> State:
    try:
        result = _work(call, context)
    except Skip as signal:
        return Skipped(message=redact(signal.message))
    except Fail as signal:
        return _stopped(context) or Failed(TaskFailed(redact(signal.message)), message=redact(signal.message))
    except Retry as signal:
        return _stopped(context) or _asked_again(call, signal)
    except KeyboardInterrupt:
        context.cancel("interrupted")
        return Cancelled(message="interrupted")
    except BaseException as error:  # noqa: BLE001 - SystemExit in a task must not end the run
        return _stopped(context) or _after_error(call, error)
    if type(result) is Submitted:
        return Running(attempt=call.attempt, handle=result.handle)
    return Success(result)


def _work(call: Call, context: Attempt) -> Any:
    seconds = call.task.timeout
    if seconds is None:
        return _body(call)
    context.deadline = time.monotonic() + seconds
    pending = deadlines.start(lambda: _body(call))
    if pending.wait(seconds):
        return pending.result()
    if context.cancel("timed out"):
        pending.wait(_END_GRACE)
    raise AttemptTimedOut(f"{call.name!r} was not done after {seconds:g} s")


def _body(call: Call) -> Any:
    task = call.task
    # What handlers are shown stays as it was given, whatever `run()` does to its own.
    arguments = isolate(call.arguments) if call.handlers else call.arguments
    if call.job is not None:
        return work_on(call.job, cast("Any", task), task.signature(), arguments)
    result = task.signature().call(task.run, arguments)
    return run_coroutine(cast("Any", result)) if type(result) is CoroutineType else result


def _stopped(context: Attempt) -> State | None:
    """Return the state of an attempt that failed because it was told to stop."""
    reason = context.cancel_reason
    if not reason or (reason == "timed out" and context.deadline is not None):
        return None
    return Cancelled(message=reason)


def _asked_again(call: Call, signal: Retry) -> State:
    reason = redact(signal.message) or "the task asked for another attempt"
    if call.attempt > call.task.retries:
        what = f"after {call.attempt} attempts" if call.task.retries else "and retries is 0; set retries=..."
        error = RetriesExhausted(f"{reason}, {what}")
        return Failed(error, message=str(error))
    asked = signal.after if signal.after is not None else call.task.retry_delay
    try:
        delay = delay_after(asked, call.attempt)
    except Exception as bad:  # noqa: BLE001 - a user's callable, or `after` that is no number
        return Failed(bad, message=_message(bad))
    return Retrying(attempt=call.attempt, delay=delay, message=reason)


def _after_error(call: Call, error: BaseException) -> State:
    trace = _trace(error)
    if call.run_id and error.__traceback__ is not None:
        # Frames keep their locals alive: inputs, results, secrets. The text of the traceback is kept instead.
        traceback.clear_frames(error.__traceback__)
    error = redact_error(error)
    message = _message(error)
    try:
        if call.attempt <= call.task.retries and _worth_retrying(call.task, error):
            delay = max(delay_after(call.task.retry_delay, call.attempt), _asked_wait(error))
            return Retrying(error=error, attempt=call.attempt, delay=delay, traceback=trace, message=message)
    except Exception as bad:  # noqa: BLE001 - a user's retry_on or retry_delay
        bad.__context__ = error
        return Failed(bad, message=f"{message}; then its retry rule: {_message(bad)}", traceback=trace)
    kind = next((kind for cls, kind in _KINDS if isinstance(error, cls)), Failed)
    return kind(error, message=message, traceback=trace)


_KINDS: Final = ((AttemptTimedOut, TimedOut), (JobUnreachableError, Unknown))
"""The states of errors that have one of their own."""


def _message(error: BaseException) -> str:
    """Say what went wrong; our own errors say it without their class."""
    text = redact(error_text(error))
    if isinstance(error, LongshoreError) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _asked_wait(error: BaseException) -> float:
    """Return the seconds that an error asks to wait; another library's `retry_after` may be anything."""
    asked = getattr(error, "retry_after", None)
    return float(asked) if isinstance(asked, int | float) and 0 <= asked < float("inf") else 0.0


def _worth_retrying(task: Task[Any], error: BaseException) -> bool:
    if getattr(error, "retryable", True) is False or isinstance(error, SystemExit):
        return False
    rule = task.retry_on
    if isinstance(rule, type | tuple):
        return isinstance(error, rule)
    return bool(rule(error))


def _trace(error: BaseException) -> str:
    """Return the traceback's text from the first frame that is not ours."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_globals.get("__name__") in _OWN:
        frames = frames.tb_next
    lines = traceback.format_exception(type(error), error, frames)
    return redact("".join(lines))[-_LONGEST_TRACEBACK:]


_OWN = frozenset(
    f"longshore.{name}"
    for name in (
        *("runner", "deadlines", "signatures", "functions", "coroutines", "remotes", "branches"),
        *("resources", "surroundings"),
    )
)


def look_up(call: Call) -> State | None:
    """Return Cached with the result of an equal call, if the task keeps one."""
    cache = call.task.cache
    if cache is None:
        return None
    try:
        call.cache_key = cache.key_for(call.task.identity(), fetched(call.arguments))
    except Exception as error:  # noqa: BLE001 - a lambda, a lock, an open connection
        return Failed(error, message=str(error))
    found, result = cache.get(call.cache_key)
    return Cached(result, message="the same task and inputs ran before") if found else None


def keep(call: Call, state: State) -> None:
    """Keep a successful call's result, if its task has a cache."""
    if call.task.cache is not None and call.cache_key and type(state) is Success:
        call.task.cache.put(call.cache_key, fetched(state.result))


LONGEST_STOP: Final = CANCEL_GRACE + _END_GRACE
"""Seconds after which an attempt that was told to stop is given up."""
