"""What checkers make of flows: checked by mypy and pyright, never run."""

# Both checkers read `type: ignore`, and report one that hides no error.
# pyright: reportUnnecessaryTypeIgnoreComment=true
from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, assert_type

from longshore import (
    BestEffort,
    Failed,
    Flow,
    FlowRun,
    InlineExecutor,
    On,
    ProcessExecutor,
    Resource,
    State,
    StateHandler,
    Subject,
    ThreadExecutor,
    case,
    flow,
    merge,
    task,
    text,
    unmapped,
)


@task
def add(a: int, b: int = 0) -> int:
    return a + b


@task
def info(key: str) -> dict[str, int]:
    return {key: 1}


class Workspace(Resource[str]):
    size: int = 1

    def setup(self) -> str:
        return "w"

    def cleanup(self, value: str) -> None: ...


@flow
def load(day: date, bucket: str = "lake") -> int:
    return add(1)


@flow(name="nightly", tags=("daily",), run_name="nightly {day}", executor=ThreadExecutor(8))
def nightly(day: date) -> dict[str, int]:
    total = load(day)
    assert_type(total, int)
    load(day, bucket="b")
    return {"total": add(total, load(day))}


def a_flow_keeps_its_signature() -> None:
    load(3)  # type: ignore[arg-type]
    load(date(2013, 1, 1), bukcet="b")  # type: ignore[call-arg]
    load()  # type: ignore[call-arg]
    add(nightly(date(2013, 1, 1)))  # type: ignore[call-overload]


def a_run_is_typed() -> None:
    run = nightly.run(day=date(2013, 1, 1), executor=ThreadExecutor(4), run_id="x", raise_on_failure=True)
    assert_type(run, FlowRun)
    assert_type(run.state, State)
    assert_type(run.states["add"], State)
    assert_type(run.mapped_states["add"], tuple[State, ...])
    assert_type(run.duration, float)
    nightly.run(executor=InlineExecutor(), day=date(2013, 1, 1))
    nightly.run(executor=ProcessExecutor(2), day=date(2013, 1, 1))
    nightly.run(run_id=3)  # type: ignore[arg-type]


def steps_stand_for_their_results() -> None:
    with Flow("by hand") as built:
        assert_type(built, Flow)
        found = info("a")
        assert_type(add(found["a"]), int)
        assert_type(add.map([1, 2], unmapped(3)), list[int])
        assert_type(text("{n} rows", n=add(1)), str)
        with Workspace(size=3) as folder:
            assert_type(folder, str)
        with case(found["a"], 1):
            one = add(1)
        with case(found["a"], lambda n: n > 1):
            two = add(2)
        assert_type(merge(one, two), int)
    Workspace(szie=3)  # type: ignore[call-arg]


def wrong_settings_are_errors() -> None:
    Flow("f", tag=("a",))  # type: ignore[call-arg]
    Flow("f", limits={"db": "2"})  # type: ignore[dict-item]
    flow(nmae="x")(a_run_is_typed)  # type: ignore[call-overload]


def mail(subject: Subject, old: State, new: State) -> State | None:
    assert_type(subject.inputs, dict[str, Any])
    assert_type(subject.error, BaseException | None)
    return None


def watch(subject: Subject, old: State, new: State) -> None: ...


class Pager:
    def __call__(self, subject: Subject, old: State, new: State, /) -> State | None:
        return new


def handlers_are_typed() -> None:
    handlers: list[StateHandler] = [mail, Pager(), On(Failed, mail), BestEffort(watch)]
    add.replace(state_handlers=handlers)
    Flow("f", state_handlers=[On((Failed,), mail, ignore=Failed), BestEffort(Pager())], step_handlers=[watch])
    On("Failed", mail)  # type: ignore[arg-type]
    On(Failed, len)  # type: ignore[arg-type]
    BestEffort(len)  # type: ignore[arg-type]


@task(trigger=lambda states: len(states) > 1)
def picky(n: int) -> int:
    return n


def enough(states: Sequence[State]) -> bool:
    return bool(states)


@task(trigger=enough, state_handlers=(mail, BestEffort(watch)))
def handled(n: int) -> int:
    return n
