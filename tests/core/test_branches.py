"""Branches: `case`, `switch` and `merge`."""

from __future__ import annotations

from typing import Any

import pytest
from sample_tasks import echo

from longshore import (
    Fail,
    Failed,
    Flow,
    FlowError,
    InlineExecutor,
    Parameter,
    Skip,
    Skipped,
    State,
    Success,
    TriggerFailed,
    all_finished,
    any_failed,
    case,
    flow,
    merge,
    switch,
    task,
)

HERE = InlineExecutor()


@task
def broken() -> str:
    raise Fail("broken")


def named(name: str) -> Any:
    return echo.replace(name=name)


def kind(state: State) -> str:
    return type(state).__name__


@flow
def chosen(kind: str) -> Any:
    with case(kind, "csv"):
        csv = named("csv")("from csv")
    with case(kind, "json"):
        json = named("json")("from json")
        json = named("json after")(json)
    return merge(csv, json)


@pytest.mark.parametrize(
    ("given", "csv", "json", "result"),
    [
        ("csv", "Success", "Skipped", "from csv"),
        ("json", "Skipped", "Success", "from json"),
        ("xml", "Skipped", "Skipped", None),
    ],
)
def test_only_the_branch_whose_value_it_is_runs(given: str, csv: str, json: str, result: Any) -> None:
    run = chosen.run(kind=given, executor=HERE)
    assert (kind(run.states["csv"]), kind(run.states["json"]), run.result) == (csv, json, result)
    assert kind(run.states["json after"]) == json
    assert run.succeeded


def test_a_merge_of_nothing_is_skipped() -> None:
    assert isinstance(chosen.run(kind="xml", executor=HERE).states["merge"], Skipped)


def test_the_condition_of_a_skipped_branch_says_what_it_saw() -> None:
    run = chosen.run(kind="xml", executor=HERE)
    assert run.states["case csv"].message == "the value is 'xml', not 'csv'"
    assert run.states["csv"].message == "condition 'case csv' does not hold"


def test_a_condition_may_be_a_callable() -> None:
    def positive(n: int) -> bool:
        return n > 0

    @flow
    def guarded(n: int) -> Any:
        with case(n, positive):
            return named("work")(n)

    assert guarded.run(n=3, executor=HERE).result == 3
    assert isinstance(guarded.run(n=0, executor=HERE).states["work"], Skipped)
    assert guarded.run(n=0, executor=HERE).states["case positive"].message == "the value is 0, not positive"


def test_a_condition_may_be_a_class_which_is_compared() -> None:
    with Flow("typed") as built, case(echo(int), int):
        named("work")(1)
    assert isinstance(built.run(executor=HERE).states["work"], Success)


def test_a_branch_is_skipped_whatever_its_triggers_say() -> None:
    with Flow("gated") as built, case(echo(1), 2):
        named("always").replace(trigger=all_finished)(broken())
    run = built.run(executor=HERE)
    assert isinstance(run.states["always"], Skipped)
    assert isinstance(run.states["broken"], Skipped)
    assert run.succeeded


def test_branches_nest() -> None:
    @flow
    def nested(a: int, b: int) -> None:
        with case(a, 1):
            named("outer")(0)
            with case(b, 1):
                named("inner")(0)
        named("outside")(0)

    def ran(a: int, b: int) -> list[str]:
        run = nested.run(a=a, b=b, executor=HERE)
        return [name for name in ("outer", "inner", "outside") if isinstance(run.states[name], Success)
                and not isinstance(run.states[name], Skipped)]  # fmt: skip

    assert ran(1, 1) == ["outer", "inner", "outside"]
    assert ran(1, 2) == ["outer", "outside"]
    assert ran(2, 1) == ["outside"]


def test_a_condition_that_raises_fails_its_branch() -> None:
    def picky(n: int) -> bool:
        raise ValueError("cannot say")

    with Flow("raises") as built, case(echo(1), picky):
        named("work")(1)
    run = built.run(executor=HERE)
    assert isinstance(run.states["case picky"], Failed)
    assert isinstance(run.states["work"], TriggerFailed)
    assert run.states["work"].message == "condition 'case picky' is Failed"
    assert not run.succeeded


def test_a_value_that_failed_fails_the_branch_and_one_that_was_skipped_skips_it() -> None:
    @task
    def nothing() -> int:
        raise Skip("nothing new")

    with Flow("before") as built:
        with case(broken(), 1):
            named("after failure")(1)
        with case(nothing(), 1):
            named("after skip")(1)
    run = built.run(executor=HERE)
    assert isinstance(run.states["after failure"], TriggerFailed)
    assert isinstance(run.states["after skip"], Skipped)


def test_a_failed_branch_fails_the_merge() -> None:
    with Flow("fails") as built:
        with case(echo(1), 1):
            one = broken()
        with case(echo(1), 2):
            two = named("two")("2")
        merge(one, two)
        named("mend").replace(trigger=any_failed)(one)
    run = built.run(executor=HERE)
    assert isinstance(run.states["merge"], TriggerFailed)
    assert isinstance(run.states["mend"], Success)


def test_merge_takes_the_first_result_that_is_there() -> None:
    with Flow("merges") as built:
        merge(echo(None), echo(False), echo(3))
    assert built.run(executor=HERE).results["merge"] is False


def test_a_step_after_a_merge_runs() -> None:
    with Flow("after") as built:
        with case(echo(1), 1):
            one = named("one")("one")
        with case(echo(1), 2):
            two = named("two")("two")
        named("end")(merge(one, two))
    assert built.run(executor=HERE).results["end"] == "one"


@pytest.mark.parametrize(("given", "ran"), [("a", ["for a"]), ("b", ["for b"]), ("c", [])])
def test_switch_runs_the_step_whose_key_it_is(given: str, ran: list[str]) -> None:
    @flow
    def switched(kind: str) -> Any:
        branches = {key: named(f"for {key}")(key) for key in ("a", "b")}
        switch(kind, branches)
        return merge(*branches.values())

    run = switched.run(kind=given, executor=HERE)
    states = {name: run.states[name] for name in ("for a", "for b")}
    assert [name for name, state in states.items() if not isinstance(state, Skipped)] == ran
    assert run.result == (given if ran else None)


def test_switch_takes_steps() -> None:
    with (
        Flow("switched"),
        pytest.raises(FlowError, match=r"switch\(...\) got 3 for 'a'; give a step: 'a': task"),
    ):
        switch(Parameter("kind"), {"a": 3})


@pytest.mark.parametrize("use", [lambda: case(1, 1).__enter__(), lambda: switch(1, {}), lambda: merge(1, 2)])
def test_branches_are_for_building_a_flow(use: Any) -> None:
    with pytest.raises(
        FlowError, match="is for building a flow; use it in a @flow function or inside `with Fl"
    ):
        use()


def test_a_mapped_step_in_a_branch_is_skipped_with_it() -> None:
    @flow
    def mapped(go: bool) -> Any:
        numbers = named("numbers").map([1, 2])
        with case(go, True):
            named("again").map(numbers)
        return numbers

    run = mapped.run(go=False, executor=HERE)
    assert all(isinstance(state, Skipped) for state in run.mapped_states["again"])
    assert isinstance(run.states["again"], Skipped)
    assert mapped.run(go=True, executor=HERE).results["again"] == [1, 2]


def test_a_flow_in_a_branch_is_skipped_with_it() -> None:
    @flow
    def load(n: int) -> Any:
        return named("first")(named("second")(n))

    @flow
    def nightly(go: bool) -> None:
        with case(go, True):
            load(3)

    run = nightly.run(go=False, executor=HERE)
    assert isinstance(run.states["load/first"], Skipped)
    assert nightly.run(go=True, executor=HERE).results["load/first"] == 3


def test_a_value_with_braces_makes_no_template() -> None:
    with Flow("braces") as built, case(echo("{x}"), "{x}"):
        named("work")(1)
    assert isinstance(built.run(executor=HERE).states["work"], Success)
