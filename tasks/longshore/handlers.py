"""State handlers: told of every transition, and able to change it.

A handler is a callable `(subject, old, new) -> State or None`. It *decides*: a state that it returns takes
the place of the new one for the handlers after it, and an error in it fails the run. Wrapped in `BestEffort`
it *observes*: it runs beside the run, cannot change or delay it, and an error in it is only logged.
"""

from __future__ import annotations

import contextvars
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol, TypeAlias, cast

from longshore import deadlines
from longshore.errors import ConfigurationError, HandlerError, error_text
from longshore.forks import Lock
from longshore.lanes import Lane
from longshore.logs import run_log
from longshore.references import isolate
from longshore.secrets import redact, redact_value
from longshore.states import Failed, Retrying, Running, State

_making = Lock()

HANDLER_TIMEOUT: Final = 30.0
"""Seconds that one handler may take for one transition."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a transition happened to: a step's attempt, or a flow run.

    Attributes:
        kind: `"task"` or `"flow"`.
        name: The step's or the flow's name.
        run_id: The flow run's id; empty for a task called outside a flow.
        flow: The flow's name; empty outside a flow.
        map_index: The place among mapped steps, or None.
        attempt: The attempt's number, from 1.
        attempts: How many there may be.
        tags: The step's tags and its flow's.
        link: Where to look at the run, or empty.
        log_tail: The last lines logged in the attempt, without secrets.
        duration: Seconds since the attempt, or the flow run, began.
    """

    kind: str
    name: str
    run_id: str = ""
    flow: str = ""
    map_index: int | None = None
    attempt: int = 1
    attempts: int = 1
    tags: tuple[str, ...] = ()
    link: str = ""
    log_tail: tuple[str, ...] = ()
    duration: float = 0.0
    raw_inputs: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    state: State = field(default_factory=State, repr=False)

    @property
    def label(self) -> str:
        """The name with its map index: `load` or `load[3]`."""
        return self.name if self.map_index is None else f"{self.name}[{self.map_index}]"

    @property
    def inputs(self) -> dict[str, Any]:
        """The inputs by name, copied, with secrets masked."""
        masked: dict[str, Any] = redact_value(isolate(dict(self.raw_inputs)))
        return masked

    @property
    def error(self) -> BaseException | None:
        """The error of the new state, if it has one."""
        return self.state.error if isinstance(self.state, Failed | Retrying) else None

    @property
    def traceback(self) -> str:
        """The text of the error's traceback, without secrets."""
        return redact(self.state.traceback) if isinstance(self.state, Failed | Retrying) else ""


class StateHandler(Protocol):
    """Called at each transition; may return the state to enter instead."""

    def __call__(self, subject: Subject, old: State, new: State, /) -> State | None: ...


Handlers: TypeAlias = Sequence[Callable[[Subject, State, State], Any]]
StateTypes: TypeAlias = type[State] | tuple[type[State], ...]


def as_handlers(owner: str, given: Any) -> Handlers:
    """Return one handler, or several, as a tuple of their own.

    Raises:
        ConfigurationError: Something in it cannot be called.
    """
    handlers: tuple[Any, ...] = (given,) if callable(given) else tuple(given)
    for handler in handlers:
        if not callable(handler):
            raise ConfigurationError(f"{owner} got {handler!r}; give callables (subject, old, new)")
    return handlers


def transition(
    subject: Subject,
    old: State,
    new: State,
    handlers: Iterable[Callable[[Subject, State, State], Any]],
    seconds: float = HANDLER_TIMEOUT,
) -> State:
    """Call handlers in order and return the state to enter: the new one, or what a handler put in its place.

    Raises:
        HandlerError: A handler raised, took longer than `seconds`, or returned what cannot come next. The
            handlers after it are told that this failed the run; what they return changes nothing.
    """
    wrong: HandlerError | None = None
    for handler in handlers:
        seen = replace(subject, state=new)  # a handler may keep its subject
        if isinstance(handler, BestEffort):
            handler(seen, old, new)
            continue
        try:
            answer = _decide(handler, seen, old, new, seconds)
        except HandlerError as error:
            if wrong is None:
                wrong, new = error, Failed(error, message=str(error))
            else:
                wrong.add_note(str(error))
        else:
            new = new if answer is None or wrong is not None else answer
    if wrong is not None:
        raise wrong
    return new


def _decide(
    handler: Callable[[Subject, State, State], Any], subject: Subject, old: State, new: State, seconds: float
) -> State | None:
    step = (
        f"state handler {_name(handler)} on {subject.label!r}, {type(old).__name__} to {type(new).__name__}"
    )
    call = deadlines.start(lambda: handler(subject, old, new))
    if not call.wait(seconds):
        raise HandlerError(
            f"{step}: not done after {seconds:g} s; wrap it in BestEffort(...) if it only observes"
        )
    try:
        answer = call.result()
    except BaseException as error:
        # SystemExit and `raise Skip` too, which would say nothing in the handler's own thread.
        raise HandlerError(f"{step}: {type(error).__name__}: {redact(error_text(error))}") from error
    if answer is not None and not isinstance(answer, State):
        raise HandlerError(f"{step}: returned {type(answer).__name__}; return a State or None")
    if answer is None or answer.finished or (isinstance(answer, Running) and isinstance(new, Running)):
        return answer
    if isinstance(answer, Retrying) and subject.kind == "task" and Running in (type(old), type(new)):
        return replace(answer, attempt=subject.attempt)
    raise HandlerError(
        f"{step}: returned {type(answer).__name__}, which cannot come next; return a state that ends it"
    )


def _name(handler: object) -> str:
    return getattr(handler, "__qualname__", None) or repr(handler)


class On:
    """Call a handler only when one of the given states, or a kind of it, is entered.

    Args:
        states: A state class, or several: `Failed`, `(Retrying, Failed)`.
        handler: Called as any state handler.
        only: Of those, only these kinds.
        ignore: Of those, not these kinds.

    Example:
        >>> On(Failed, print, ignore=TriggerFailed)
        On(Failed, print)
    """

    def __init__(
        self,
        states: StateTypes,
        handler: Callable[[Subject, State, State], Any],
        *,
        only: StateTypes = State,
        ignore: StateTypes = (),
    ) -> None:
        for kinds in (states, only, ignore):
            if not all(isinstance(k, type) and issubclass(k, State) for k in _classes(kinds)):
                raise ConfigurationError(
                    f"cannot wait for {kinds!r}, which is no state; write On(Failed, ...) or "
                    "On((Failed, Retrying), ...)"
                )
        if not callable(handler):
            raise ConfigurationError(f"On(..., {handler!r}): give a callable (subject, old, new)")
        self.states = states
        self.handler = handler
        self.only = only
        self.ignore = ignore

    def __call__(self, subject: Subject, old: State, new: State, /) -> State | None:
        if self.matches(new):
            answer: State | None = self.handler(subject, old, new)
            return answer
        return None

    def matches(self, new: State) -> bool:
        """Whether the handler is called when this state is entered."""
        return (
            isinstance(new, self.states) and isinstance(new, self.only) and not isinstance(new, self.ignore)
        )

    def __repr__(self) -> str:
        states = _classes(self.states)
        shown = states[0].__name__ if len(states) == 1 else f"({', '.join(s.__name__ for s in states)})"
        return f"On({shown}, {_name(self.handler)})"


def _classes(states: Any) -> tuple[Any, ...]:
    return cast("tuple[Any, ...]", states) if isinstance(states, tuple) else (states,)


class BestEffort:
    """Call a handler beside the run: it cannot change or delay it, and an error in it is only logged.

    Each BestEffort has a thread and a queue of its own. When the queue is full the transition is left out,
    and of those the first, tenth, hundredth and so on are logged; a handler that takes longer than `timeout`
    is left behind and the next transition gets a new thread.

    Args:
        handler: Called as any state handler; what it returns is ignored.
        timeout: Seconds for one transition.
        queue_size: Transitions that may wait.
    """

    def __init__(
        self,
        handler: Callable[[Subject, State, State], Any],
        *,
        timeout: float = HANDLER_TIMEOUT,
        queue_size: int = 10_000,
    ) -> None:
        self.handler = handler
        self.timeout = timeout
        self.queue_size = queue_size
        self._left_out = 0
        self._lane: Lane | None = None

    def __call__(self, subject: Subject, old: State, new: State, /) -> None:
        if isinstance(self.handler, On) and not isinstance(new, self.handler.states):
            return
        self.in_turn(lambda: self.handler(subject, old, new), self.queue_size)

    def in_turn(self, call: Callable[[], Any], most: int) -> None:
        """Have a call made as the handler's are, and after those that wait, of which there may be so many."""
        with _making:
            if self._lane is None or self._lane.pid != os.getpid():
                self._lane = Lane(self.queue_size, self.timeout, self._say_late)
            lane = self._lane
        context = contextvars.copy_context()
        if lane.put(lambda: context.run(self._observe, call), most):
            return
        with _making:
            self._left_out += 1
            count = self._left_out
        if str(count).strip("0") == "1":  # the first, the tenth, the hundredth: the log is spared too
            name = _name(self.handler)
            run_log.warning("best-effort handler %s is behind: %s transitions left out so far", name, count)

    def _observe(self, call: Callable[[], Any]) -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - SystemExit too: it must not end the lane
            self._say(f"{type(error).__name__}: {error_text(error)}")

    def _say_late(self) -> None:
        self._say(f"TimeoutError: not done after {self.timeout:g} s")

    def _say(self, what: str) -> None:
        run_log.warning("best-effort handler %s: %s", _name(self.handler), redact(what))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_lane": None}

    def __repr__(self) -> str:
        return f"BestEffort({_name(self.handler)})"
