"""When a step may start: each trigger, with the states before it in a table."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

import pytest

from longshore import (
    Cached,
    Cancelled,
    ConfigurationError,
    Crashed,
    Fail,
    Failed,
    Flow,
    InlineExecutor,
    Skip,
    Skipped,
    State,
    Success,
    TimedOut,
    Trigger,
    TriggerError,
    TriggerFailed,
    all_failed,
    all_finished,
    all_successful,
    any_failed,
    any_successful,
    not_all_skipped,
    some_failed,
    some_successful,
    task,
)
from longshore.triggers import blocked

STATES: dict[str, State] = {
    "s": Success(1),
    "c": Cached(1),
    "k": Skipped(),
    "f": Failed(OSError("down")),
    "t": TimedOut(TimeoutError("late")),
    "x": Cancelled(),
}

# The states before, as letters; then what becomes of the step: "run", "skip" or "fail".
TABLE: dict[Trigger, dict[str, str]] = {
    all_successful: {
        "": "run", "s": "run", "sc": "run", "sk": "skip", "kk": "skip", "sf": "fail", "st": "fail",
        "sx": "fail",
        "kf": "fail", "ff": "fail",
    },
    all_failed: {
        "": "skip", "s": "skip", "sf": "skip", "f": "run", "ft": "run", "fx": "run", "x": "run", "fk": "skip",
        "k": "skip",
    },
    any_successful: {
        "": "fail", "s": "run", "sf": "run", "sk": "run", "c": "run", "kf": "fail", "f": "fail", "k": "skip",
        "kk": "skip", "x": "fail",
    },
    any_failed: {"": "skip", "s": "skip", "sf": "run", "st": "run", "sx": "run", "k": "skip", "kf": "run"},
    all_finished: {"": "run", "s": "run", "f": "run", "k": "run", "sfkxtc": "run"},
    not_all_skipped: {
        "": "run", "s": "run", "sk": "run", "k": "skip", "kk": "skip", "kf": "fail", "sf": "fail",
        "x": "fail",
    },
    some_failed(): {"s": "skip", "sf": "run", "x": "run", "k": "skip"},
    some_failed(at_least=2): {"sf": "skip", "ff": "run", "ffs": "run", "fx": "run"},
    some_failed(at_least=0.5): {"sf": "run", "ssf": "skip", "ff": "run"},
    some_failed(at_most=1): {"s": "run", "sf": "run", "ff": "fail", "sss": "run"},
    some_failed(at_most=0.5): {"sf": "run", "ff": "fail", "ssf": "run"},
    some_failed(at_least=1, at_most=2): {"s": "skip", "f": "run", "ff": "run", "fff": "skip"},
    some_successful(): {"s": "run", "f": "fail", "sf": "run", "x": "fail"},
    some_successful(at_least=2): {"s": "fail", "ss": "run", "ssf": "run", "sf": "fail"},
    some_successful(at_least=0.9): {"sssssssssf": "run", "ssssf": "fail"},
    some_successful(at_most=1): {"s": "run", "ss": "fail", "f": "run", "sf": "run"},
    some_successful(at_most=0.0): {"f": "run", "s": "fail"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("trigger", "letters", "expected"),
    [(trigger, letters, what) for trigger, rows in TABLE.items() for letters, what in rows.items()],
)
def test_a_trigger_answers_as_its_table_says(trigger: Trigger, letters: str, expected: str) -> None:
    state = blocked(trigger, [STATES[letter] for letter in letters])
    got = "run" if state is None else "skip" if isinstance(state, Skipped) else "fail"
    assert got == expected
    assert state is None or state.message
    assert not isinstance(state, Failed) or isinstance(state, TriggerFailed)


def test_a_trigger_that_does_not_hold_says_what_it_saw() -> None:
    state = blocked(all_successful, [STATES["s"], STATES["f"], STATES["t"]])
    assert isinstance(state, TriggerFailed)
    assert isinstance(state.error, TriggerError)
    assert state.message == "trigger all_successful does not hold: 2 of 3 upstream steps failed"
    skipped = blocked(all_failed, [STATES["s"], STATES["f"]])
    assert skipped == Skipped(message="nothing to do for all_failed: 1 of 2 upstream steps failed")


def test_a_skip_is_passed_on() -> None:
    assert blocked(all_successful, [STATES["s"], STATES["k"]]) == Skipped(
        message="a step before it was skipped"
    )


def test_a_callable_is_a_trigger() -> None:
    def odd(states: Sequence[State]) -> bool:
        return len(states) % 2 == 1

    assert blocked(odd, [STATES["f"]]) is None
    state = blocked(odd, [STATES["s"], STATES["f"]])
    assert isinstance(state, TriggerFailed)
    assert state.message == "trigger odd does not hold: 1 of 2 upstream steps failed"


def test_a_callable_that_raises_fails_the_step_and_is_named() -> None:
    def broken(states: Sequence[State]) -> bool:
        return states[5].finished

    state = blocked(broken, [STATES["s"]])
    assert isinstance(state, TriggerFailed)
    assert isinstance(state.error, IndexError)
    assert state.message.startswith("trigger broken raised IndexError")


@pytest.mark.parametrize("bound", [-1, 1.5, -0.1])
@pytest.mark.parametrize("make", [some_failed, some_successful])
@pytest.mark.parametrize("word", ["at_least", "at_most"])
def test_a_bound_that_cannot_be_met_is_refused(make: Any, word: str, bound: float) -> None:
    with pytest.raises(ConfigurationError, match=r"give a count \(an int\) or a fraction \(0.0 to 1.0\)"):
        make(**{word: bound})


@pytest.mark.parametrize("trigger", TABLE)
def test_a_trigger_pickles_and_stays_itself(trigger: Trigger) -> None:
    copy = pickle.loads(pickle.dumps(trigger))
    assert copy == trigger
    assert repr(copy) == repr(trigger)
    if trigger in (all_successful, all_failed, any_failed, all_finished):
        assert copy is trigger


def test_triggers_are_shown_as_they_are_written() -> None:
    assert repr(all_successful) == "all_successful"
    assert repr(some_failed(at_least=0.1, at_most=3)) == "some_failed(at_least=0.1, at_most=3)"


@task
def good() -> int:
    return 1


@task
def bad() -> int:
    raise Fail("bad")


@task
def nothing() -> int:
    raise Skip("nothing new")


@task
def report(*found: Any) -> list[Any]:
    return list(found)


def outcome(trigger: Any, *before: Any) -> State:
    with Flow("triggers") as built:
        report.replace(trigger=trigger)(*[work() for work in before])
    return built.run(executor=InlineExecutor()).states["report"]


def test_a_step_after_a_failure_is_not_started() -> None:
    assert isinstance(outcome(all_successful, good, bad), TriggerFailed)


def test_a_step_that_mends_runs_after_a_failure_and_gets_none_for_its_result() -> None:
    state = outcome(any_failed, good, bad)
    assert isinstance(state, Success)
    assert state.result == [1, None]


def test_a_step_that_mends_is_skipped_when_there_is_nothing_to_mend() -> None:
    assert isinstance(outcome(any_failed, good, good), Skipped)
    assert isinstance(outcome(all_failed, good, bad), Skipped)


def test_a_trigger_failed_step_counts_as_failed_for_those_after_it() -> None:
    with Flow("chain") as built:
        second = report.replace(name="second")(bad())
        third = report.replace(name="third")(second)
        report.replace(name="mend", trigger=all_failed)(third)
    run = built.run(executor=InlineExecutor())
    assert isinstance(run.states["third"], TriggerFailed)
    assert isinstance(run.states["mend"], Success)


def test_a_skip_goes_down_the_chain_until_a_trigger_that_takes_it() -> None:
    with Flow("chain") as built:
        second = report.replace(name="second")(nothing())
        third = report.replace(name="third")(second)
        report.replace(name="end", trigger=all_finished)(third)
        report.replace(name="any", trigger=not_all_skipped)(third, good())
    run = built.run(executor=InlineExecutor())
    assert isinstance(run.states["third"], Skipped)
    assert run.results["end"] == [None]
    assert run.results["any"] == [None, 1]
    assert run.succeeded


def test_a_users_trigger_sees_the_states_in_the_order_they_are_written() -> None:
    seen: list[str] = []

    def look(states: Sequence[State]) -> bool:
        seen.extend(type(state).__name__ for state in states)
        return True

    outcome(look, good, bad, nothing, good)
    assert seen == ["Success", "Failed", "Skipped", "Success"]


def test_a_crash_or_time_out_counts_as_failed() -> None:
    assert blocked(any_failed, [Crashed(OSError())]) is None
    assert blocked(any_failed, [TimedOut(TimeoutError())]) is None
