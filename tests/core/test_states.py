"""States: kinds, values, pickling, how they read."""

from __future__ import annotations

import pickle
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import longshore
from longshore import (
    Cached,
    Cancelled,
    Crashed,
    Failed,
    LongshoreError,
    Mapped,
    Pending,
    PortableError,
    Retrying,
    Running,
    Scheduled,
    Skipped,
    State,
    Success,
    TimedOut,
    TriggerFailed,
    Unknown,
)

KINDS = {
    Pending: (Scheduled, Retrying),
    Running: (),
    Success: (Cached, Skipped, Mapped),
    Failed: (TimedOut, TriggerFailed, Crashed, Unknown),
    Cancelled: (),
}
EVERY: list[State] = [
    Pending(), Scheduled(due=datetime(2013, 1, 1, tzinfo=UTC)), Retrying(error=OSError("x"), attempt=2,
    delay=3.0),
    Running(attempt=2), Success([1]), Cached(1), Skipped(message="why"), Mapped([1, None]),
    Failed(OSError("down")),
    TimedOut(TimeoutError("late")), TriggerFailed(), Crashed(), Unknown(), Cancelled(message="Ctrl-C"),
]  # fmt: skip


def names_below(cls: type) -> set[str]:
    """Names, not classes: a dataclass with slots leaves the class it was made from behind."""
    ours = {cls.__name__} if cls.__module__ == "longshore.states" else set[str]()
    return ours.union(*(names_below(below) for below in cls.__subclasses__()))


def test_the_kinds_are_those_of_the_design() -> None:
    drawn = {State, *KINDS, *(kind for kinds in KINDS.values() for kind in kinds)}
    assert names_below(State) == {cls.__name__ for cls in drawn}
    for parent, kinds in KINDS.items():
        assert all(issubclass(kind, parent) for kind in kinds)


@pytest.mark.parametrize("state", EVERY, ids=lambda s: type(s).__name__)
def test_every_state_pickles(state: State) -> None:
    copy = pickle.loads(pickle.dumps(state))
    assert type(copy) is type(state)
    assert (copy.message, copy.time, str(copy)) == (state.message, state.time, str(state))
    assert getattr(copy, "result", None) == getattr(state, "result", None)
    assert repr(getattr(copy, "error", None)) == repr(getattr(state, "error", None))


@pytest.mark.parametrize("state", EVERY, ids=lambda s: type(s).__name__)
def test_no_state_can_be_changed(state: State) -> None:
    with pytest.raises((AttributeError, TypeError)):
        state.message = "other"  # type: ignore[misc]


def test_only_success_failure_and_cancellation_are_the_end() -> None:
    finished = {type(state).__name__ for state in EVERY if state.finished}
    assert finished == {
        "Success", "Cached", "Skipped", "Mapped", "Failed", "TimedOut", "TriggerFailed", "Crashed", "Unknown",
        "Cancelled",
    }  # fmt: skip


def test_a_state_knows_its_time_in_utc() -> None:
    time = Success(1).time
    assert time.tzinfo is UTC
    assert abs(datetime.now(UTC) - time) < timedelta(seconds=10)


def test_states_are_equal_by_value_whatever_their_time() -> None:
    assert Success(1) == Success(1)
    assert Success(1) != Cached(1)
    assert Skipped(message="a") != Skipped(message="b")


def test_a_state_reads_as_a_person_would_say_it() -> None:
    assert str(Skipped(message="nothing new")) == "Skipped: nothing new"
    assert str(Success(1)) == "Success"
    assert repr(Success([1, 2])) == "Success(result=[1, 2])"
    assert repr(Failed(OSError("down"), message="OSError: down")) == (
        "Failed(message='OSError: down', error=OSError('down'))"
    )


def test_a_huge_result_is_shown_in_part() -> None:
    assert len(repr(Success("x" * 100_000))) < 300


class ArgumentsError(Exception):
    """Pickles, but cannot be unpickled: a common trap."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{reason} ({code})")


class LockedError(Exception):
    def __init__(self) -> None:
        super().__init__("locked")
        self.lock = threading.Lock()


@pytest.mark.parametrize("error", [ArgumentsError(3, "no"), LockedError()], ids=lambda e: type(e).__name__)
def test_an_error_that_cannot_travel_is_replaced_by_one_with_its_text(error: Exception) -> None:
    given = Failed(error, message=str(error), traceback="Traceback: here")
    copy: Any = pickle.loads(pickle.dumps(given))
    assert isinstance(copy.error, PortableError)
    assert isinstance(copy.error, LongshoreError)
    assert str(copy.error) == f"{type(error).__name__}: {error}"
    assert copy.error.type_name == type(error).__name__
    assert copy.error.traceback_text == "Traceback: here"
    assert copy.traceback == "Traceback: here"


def test_a_state_is_small() -> None:
    assert not hasattr(Success(1), "__dict__")


def test_every_state_is_public() -> None:
    assert names_below(State) <= set(longshore.__all__)
