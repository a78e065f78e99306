"""Deciding handlers that break, or return what cannot come next: the run fails, and all of it ends."""

from __future__ import annotations

from typing import Any

import pytest

from longshore import (
    Failed,
    Flow,
    HandlerError,
    InlineExecutor,
    On,
    Pending,
    Retrying,
    Running,
    Scheduled,
    Skipped,
    State,
    Subject,
    Success,
    ThreadExecutor,
    all_finished,
    current,
    task,
)
from longshore.testing import Recorder

HERE = InlineExecutor()


@task
def work(n: int = 1) -> int:
    if n < 0:
        raise OSError(f"no {n}")
    return n


def raises(subject: Subject, old: State, new: State) -> State | None:
    raise ValueError("handler is broken")


def test_the_handlers_after_one_that_breaks_hear_that_the_step_failed_and_cannot_mend_it() -> None:
    told = Recorder()
    mend = On(Failed, lambda *_: Success(7))
    with Flow("told", reference_steps=["other"]) as built:
        work.replace(state_handlers=(On(Success, raises), mend, told))()
        work.replace(name="other")()
    run = built.run(executor=HERE)
    assert told.seen == [("work", "Pending", "Running"), ("work", "Running", "Failed")]
    assert isinstance(told.subjects[-1].error, HandlerError)
    assert isinstance(run.states["work"], Failed)
    assert isinstance(run.state, Failed)
    assert "state handler On(Success, raises) on 'work'" in run.state.message


def test_of_two_handlers_that_break_the_first_is_the_error_and_the_second_its_note() -> None:
    def also(subject: Subject, old: State, new: State) -> State | None:
        raise KeyError("also broken")

    with Flow("both") as both:
        work.replace(state_handlers=(On(Success, raises), On(Failed, also)))()
    state = both.run(executor=HERE).states["work"]
    assert isinstance(state, Failed)
    assert state.message.endswith("Running to Success: ValueError: handler is broken")
    [note] = state.error.__notes__  # type: ignore[union-attr]
    assert note.startswith("state handler On(Failed, ")
    assert note.endswith("on 'work', Running to Failed: KeyError: 'also broken'")


def test_a_handler_that_breaks_before_the_step_keeps_it_from_running() -> None:
    ran: list[int] = []

    @task(state_handlers=On(Running, raises), retries=3)
    def careful() -> None:
        ran.append(1)

    with Flow("early") as early:
        careful()
    assert isinstance(early.run(executor=HERE).states["careful"], Failed)
    assert ran == []


@pytest.mark.parametrize("executor", [HERE, ThreadExecutor(2)], ids=["inline", "threads"])
@pytest.mark.parametrize(
    ("on", "answer"),
    [
        (Success, Pending()),
        (Success, Scheduled()),
        (Success, Running()),
        (Running, Pending()),
        (Failed, Running()),
        (Skipped, Retrying()),
    ],
)
def test_a_state_that_cannot_come_next_fails_the_run_and_leaves_nothing_unfinished(
    on: type[State], answer: State, executor: Any
) -> None:
    @task(trigger=all_finished)
    def last(before: Any) -> str:
        return "ran"

    with Flow("nonsense", reference_steps=["last"]) as nonsense:
        made = work.replace(state_handlers=On(on, lambda *_: answer), name="made")
        if on is Skipped:
            middle: Any = made(work.replace(state_handlers=On(Success, lambda *_: Skipped()))())
        else:
            middle = made(-1 if on is Failed else 1)
        last(middle)
    run = nonsense.run(executor=executor)
    assert isinstance(run.state, Failed)
    assert isinstance(run.states["made"], Failed)
    assert run.states["last"].finished
    assert f"returned {type(answer).__name__}, which cannot come next" in run.state.message


def test_a_flows_handler_may_not_leave_the_flow_without_an_end() -> None:
    with Flow("endless", state_handlers=On(Success, lambda *_: Retrying())) as endless:
        work()
    run = endless.run(executor=HERE)
    assert isinstance(run.state, Failed)
    assert "on 'endless', Running to Success: returned Retrying, which cannot come next" in run.state.message


def test_attempts_that_a_handler_asks_for_are_counted() -> None:
    seen: list[tuple[int, int]] = []

    @task
    def flaky() -> int:
        seen.append((current.attempt, current.attempts))
        raise OSError("busy")

    def again(subject: Subject, old: State, new: State) -> State | None:
        return Retrying() if subject.attempt < 4 else None

    for executor in (HERE, ThreadExecutor(2)):
        seen.clear()
        with Flow("again") as built:
            flaky.replace(state_handlers=On(Failed, again))()
        run = built.run(executor=executor)
        assert isinstance(run.state, Failed)
        assert [attempt for attempt, _ in seen] == [1, 2, 3, 4]


def test_a_handler_that_keeps_its_subject_sees_the_state_it_was_called_for() -> None:
    told = Recorder()
    forgive = On(Failed, lambda *_: Success(0))
    with Flow("kept", state_handlers=(told, On(Failed, lambda *_: Success()))) as kept:
        work.replace(state_handlers=(told, forgive))(-1)
        work.replace(name="worse")(-2)
    assert kept.run(executor=HERE).succeeded
    errors = [(subject.name, str(subject.error)) for subject in told.subjects if subject.error]
    assert errors == [("work", "no -1"), ("kept", "no -2")]
