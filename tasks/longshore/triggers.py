"""When a step may start, from the states of the steps before it.

A trigger is any callable that takes the list of upstream states and returns a bool. The ones here also say
what becomes of the step when they do not hold: `all_successful` and its like make it TriggerFailed; those
that wait for a failure make it Skipped, for there was nothing to mend.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from longshore.errors import ConfigurationError, TriggerError
from longshore.states import Cancelled, Failed, Skipped, State, Success, TriggerFailed

TriggerFunction: TypeAlias = Callable[[Sequence[State]], bool]


@dataclass(frozen=True)
class Trigger:
    """A named rule on upstream states.

    Args:
        name: What messages call it.
        rule: The states in, whether the step may start out.
        on_failure: The rule waits for a failure: when it does not hold, the step is skipped.
        passes_skips: A skipped upstream step skips this one too, before the rule is asked.
    """

    name: str
    rule: TriggerFunction
    on_failure: bool = False
    passes_skips: bool = False

    def __call__(self, states: Sequence[State]) -> bool:
        return self.rule(states)

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> str | tuple[object, ...]:
        known: object = globals().get(self.name)
        if known is self:
            return self.name
        return Trigger, (self.name, self.rule, self.on_failure, self.passes_skips)


def _bad(state: State) -> bool:
    return isinstance(state, Failed | Cancelled)


def _good(state: State) -> bool:
    return isinstance(state, Success)


def _all_successful(states: Sequence[State]) -> bool:
    return all(isinstance(state, Success) for state in states)


def _all_failed(states: Sequence[State]) -> bool:
    return bool(states) and all(_bad(state) for state in states)


def _any_successful(states: Sequence[State]) -> bool:
    return any(isinstance(state, Success) and not isinstance(state, Skipped) for state in states)


def _any_failed(states: Sequence[State]) -> bool:
    return any(_bad(state) for state in states)


def _all_finished(states: Sequence[State]) -> bool:
    return all(state.finished for state in states)


def _not_all_skipped(states: Sequence[State]) -> bool:
    return _all_successful(states) and not _all_skipped(states)


def _all_skipped(states: Sequence[State]) -> bool:
    return bool(states) and all(isinstance(state, Skipped) for state in states)


all_successful = Trigger("all_successful", _all_successful, passes_skips=True)
all_failed = Trigger("all_failed", _all_failed, on_failure=True)
any_successful = Trigger("any_successful", _any_successful)
any_failed = Trigger("any_failed", _any_failed, on_failure=True)
all_finished = Trigger("all_finished", _all_finished)
not_all_skipped = Trigger("not_all_skipped", _not_all_skipped)


@dataclass(frozen=True)
class _Share:
    """Counts states of a kind between two bounds; a float is a fraction, an int a count."""

    failed: bool
    at_least: float | None
    at_most: float | None

    def __call__(self, states: Sequence[State]) -> bool:
        counts = _bad if self.failed else _good
        count = sum(1 for state in states if counts(state))
        low, high = (_bound(bound, len(states)) for bound in (self.at_least, self.at_most))
        return (low is None or count >= low) and (high is None or count <= high)


def _bound(bound: float | None, total: int) -> float | None:
    return bound * total if isinstance(bound, float) else bound


def some_failed(*, at_least: float | None = None, at_most: float | None = None) -> Trigger:
    """Start when a number or a share of the upstream steps failed.

    Args:
        at_least: A count (`3`) or a fraction of them (`0.1`); one when both bounds are None.
        at_most: The same, as an upper bound.
    """
    return _share("some_failed", True, at_least, at_most)


def some_successful(*, at_least: float | None = None, at_most: float | None = None) -> Trigger:
    """Start when a number or a share of the upstream steps succeeded.

    Args:
        at_least: A count (`3`) or a fraction of them (`0.9`); one when both bounds are None.
        at_most: The same, as an upper bound.
    """
    return _share("some_successful", False, at_least, at_most)


def _share(name: str, failed: bool, at_least: float | None, at_most: float | None) -> Trigger:
    for word, bound in (("at_least", at_least), ("at_most", at_most)):
        if bound is not None and (bound < 0 or (isinstance(bound, float) and bound > 1)):
            raise ConfigurationError(
                f"{name}() has {word}={bound!r}; give a count (an int) or a fraction (0.0 to 1.0)"
            )
    if at_least is None and at_most is None:
        at_least = 1
    # An upper bound alone ("at most 10 % failed") is no wait for a failure: unmet, it is a failure itself.
    waits = failed and at_least is not None
    shown = ", ".join(
        f"{w}={b!r}" for w, b in (("at_least", at_least), ("at_most", at_most)) if b is not None
    )
    return Trigger(f"{name}({shown})", _Share(failed, at_least, at_most), on_failure=waits)


def blocked(trigger: TriggerFunction, states: Sequence[State]) -> State | None:
    """Return the state that keeps a step from starting, or None when it may start."""
    if trigger is all_successful:
        for state in states:
            if type(state) is not Success:
                break
        else:
            return None
    try:
        holds = bool(trigger(states))
    except Exception as error:  # noqa: BLE001 - a user's rule may raise anything
        what = f"trigger {_name(trigger)} raised {type(error).__name__}"
        return TriggerFailed(error, message=f"{what}: {error}" if str(error) else what)
    if not holds:
        return _unmet(trigger, states)
    if isinstance(trigger, Trigger) and trigger.passes_skips and any(isinstance(s, Skipped) for s in states):
        return Skipped(message="a step before it was skipped")
    return None


def _name(trigger: TriggerFunction) -> str:
    return trigger.name if isinstance(trigger, Trigger) else getattr(trigger, "__name__", repr(trigger))


def _unmet(trigger: TriggerFunction, states: Sequence[State]) -> State:
    failed = sum(1 for state in states if _bad(state))
    name = _name(trigger)
    if isinstance(trigger, Trigger) and trigger.on_failure:
        return Skipped(message=f"nothing to do for {name}: {failed} of {len(states)} upstream steps failed")
    if not failed and any(isinstance(state, Skipped) for state in states):
        return Skipped(message="steps before it were skipped")
    message = f"trigger {name} does not hold: {failed} of {len(states)} upstream steps failed"
    return TriggerFailed(TriggerError(message), message=message)
