"""What a type checker sees of flows, states and handlers. Checked by mypy and pyright, never run."""

from __future__ import annotations

from typing import Any, assert_type

from longshore import (
    BestEffort,
    Failed,
    Flow,
    FlowRun,
    InlineExecutor,
    On,
    ProcessExecutor,
    State,
    StateHandler,
    Subject,
    Success,
    ThreadExecutor,
    case,
    flow,
    merge,
    task,
    text,
    unmapped,
)


@task
def rows(day: str) -> list[int]:
    return [1]


@task
def total(numbers: list[int], scale: int = 1) -> int:
    return sum(numbers) * scale


@flow
def nightly(day: str, bucket: str = "lake") -> int:
    numbers = rows(day)
    with case(total(numbers), 0):
        nothing = total(numbers)
    merged: Any = merge(nothing, total(numbers))
    rows(text("{day}/{n}", day=day, n=merged))
    total.map([numbers], unmapped(2))
    return total(numbers)


def remember(subject: Subject, old: State, new: State) -> State | None:
    assert_type(subject.name, str)
    assert_type(subject.attempt, int)
    if isinstance(new, Failed):
        assert_type(new.error, BaseException | None)
        return Success(0)
    return None


def handlers_fit_where_they_are_given() -> None:
    handler: StateHandler = remember
    flow(state_handlers=[handler, On(Failed, remember), BestEffort(remember)], name="named")(lambda: None)


def a_run_is_a_flow_run() -> None:
    run = nightly.run(day="2013-01-01", executor=ThreadExecutor(2))
    assert_type(run, FlowRun)
    assert_type(run.state, State)
    assert_type(run.states["rows"], State)
    assert_type(run.run_id, str)
    nightly.run(executor=InlineExecutor(), raise_on_failure=True, day="2013-01-01")
    nightly.run(executor=ProcessExecutor(), day="2013-01-01")


def a_flow_in_a_flow_is_typed_as_its_result() -> None:
    with Flow("outer"):
        assert_type(nightly(day="2013-01-01"), int)
    nightly(dya="2013-01-01")  # type: ignore[call-arg]
