"""Best-effort handlers: they observe a run, and neither change nor delay it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from told_flows import HERE, Told, run_with, teller, work

from longshore import (
    BestEffort,
    Failed,
    Flow,
    On,
    Skip,
    State,
    Subject,
    Success,
)
from longshore.lanes import Lane, drain


def returns_nonsense(subject: Subject, old: State, new: State) -> Any:
    return "fine"


def exits(subject: Subject, old: State, new: State) -> State | None:
    sys.exit(3)


def says_skip(subject: Subject, old: State, new: State) -> State | None:
    raise Skip("handlers return states")


def hangs(subject: Subject, old: State, new: State) -> State | None:
    time.sleep(1.0)
    return None


class Loud(RuntimeError):  # noqa: N818 - it is a noise
    pass


def loops(subject: Subject, old: State, new: State) -> None:
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        pass


def bursts(subject: Subject, old: State, new: State) -> None:
    raise Loud("boom")


@pytest.mark.gate("N6")
@pytest.mark.parametrize("handler", [bursts, returns_nonsense, exits, says_skip, hangs, loops])
def test_a_best_effort_handler_changes_and_delays_nothing(handler: Callable[..., Any]) -> None:
    beside = BestEffort(handler, timeout=0.1)
    with Flow("observed", state_handlers=(beside,), step_handlers=(beside,)) as built:
        for _ in range(3):
            work.replace(state_handlers=(beside,))()
    began = time.monotonic()
    run = built.run()
    assert time.monotonic() - began < 3  # at most 1 s is given to the observers that are behind
    assert run.succeeded
    assert run.results["work"] == 1
    drain(5)


def test_an_error_in_a_best_effort_handler_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    run_with(BestEffort(bursts))
    assert "best-effort handler bursts: Loud: boom" in caplog.text


def test_a_best_effort_handler_sees_every_transition_in_order() -> None:
    told: Told = []
    run_with(BestEffort(teller(told)), n=-1, retries=1)
    drain(5)
    assert [new for _, _, new in told] == ["Running", "Retrying", "Running", "Failed"]


def test_a_best_effort_handler_sees_the_state_it_was_called_for() -> None:
    seen: list[tuple[str, str]] = []

    def late(subject: Subject, old: State, new: State) -> None:
        time.sleep(0.05)
        seen.append((type(new).__name__, type(subject.error).__name__))

    def forgive(subject: Subject, old: State, new: State) -> State | None:
        return Success(0) if isinstance(new, Failed) else None

    run = run_with(BestEffort(late), forgive, n=-1)
    drain(5)
    assert run.succeeded
    assert seen == [("Running", "NoneType"), ("Failed", "OSError")]


def test_what_a_best_effort_handler_returns_is_ignored() -> None:
    assert run_with(BestEffort(lambda *_: Failed(message="no"))).succeeded


def test_a_slow_best_effort_handler_leaves_out_what_does_not_fit(caplog: pytest.LogCaptureFixture) -> None:
    release = threading.Event()
    seen: list[str] = []

    def slow(subject: Subject, old: State, new: State) -> None:
        release.wait(5)
        seen.append(subject.label)

    beside = BestEffort(slow, queue_size=2)
    with Flow("flood") as built:
        work.replace(state_handlers=(beside,)).map(list(range(20)))
    assert built.run(executor=HERE).succeeded
    release.set()
    drain(5)
    assert 2 <= len(seen) <= 4
    assert "best-effort handler" in caplog.text
    assert "is behind: 1 transitions left out" in caplog.text


def test_a_best_effort_handler_that_is_done_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("longshore.lanes._IDLE", 0.05)
    lane = Lane(10)
    done = threading.Event()
    lane.put(done.set)
    assert done.wait(5)
    end = time.monotonic() + 10
    while lane._serving and time.monotonic() < end:
        time.sleep(0.01)
    assert not lane._serving
    lane.put(done.clear)  # and it starts again
    lane.drain(5)
    assert not done.is_set()


def test_a_call_that_hangs_is_left_behind_and_those_after_it_are_made_in_order() -> None:
    late, made = threading.Event(), list[int]()
    release, ended = threading.Event(), threading.Event()
    lane = Lane(10, 0.1, late.set)

    def hang() -> None:
        release.wait(30)
        made.append(0)
        ended.set()

    lane.put(lambda: made.append(1))
    lane.put(hang)
    for number in (2, 3):
        lane.put(lambda number=number: made.append(number))  # type: ignore[misc]
    assert late.wait(5)
    lane.drain(5)
    assert made == [1, 2, 3]
    release.set()
    assert ended.wait(5)
    lane.put(lambda: made.append(4))
    lane.drain(5)
    assert made == [1, 2, 3, 0, 4]


def test_many_quick_calls_are_never_taken_for_one_that_hangs() -> None:
    late, made = threading.Event(), list[int]()
    lane = Lane(10_000, 0.1, late.set)
    end = time.monotonic() + 0.4
    while time.monotonic() < end:
        lane.put(lambda: made.append(len(made)))
        time.sleep(0.001)
    lane.drain(5)
    assert made == list(range(len(made)))
    assert not late.is_set()


def test_best_effort_and_on_may_be_put_together_either_way() -> None:
    for wrap in (lambda h: On(Failed, BestEffort(h)), lambda h: BestEffort(On(Failed, h))):
        told: Told = []
        run_with(wrap(teller(told)), n=-1)
        drain(5)
        assert told == [("work", "Running", "Failed")]
