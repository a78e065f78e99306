"""Branches that meet again, and switches on steps that others wait for."""

from __future__ import annotations

from typing import Any

import pytest

from longshore import (
    Failed,
    Flow,
    FlowError,
    ForeignStepError,
    InlineExecutor,
    Secret,
    Skip,
    Skipped,
    Success,
    TriggerFailed,
    all_finished,
    any_failed,
    case,
    flow,
    merge,
    switch,
    task,
    text,
)
from longshore.testing import isolated_process_state

HERE = InlineExecutor()


@task
def give(value: Any = None) -> Any:
    return value


@task
def fail() -> Any:
    raise OSError("as told")


@task
def skip() -> Any:
    raise Skip("nothing new")


def named(name: str) -> Any:
    return give.replace(name=name)


# Merge


@pytest.mark.parametrize("value", [None, 0, False, "", [], {}, 0.0])
@pytest.mark.parametrize("taken", [1, 2])
def test_a_branch_that_ran_is_taken_whatever_it_gave(value: Any, taken: int) -> None:
    @flow
    def joined(which: int) -> Any:
        with case(which, 1):
            one = give(value)
        with case(which, 2):
            two = give(value)
        return merge(one, two)

    run = joined.run(which=taken, executor=HERE)
    assert run.states["merge"] == Success(value)
    assert type(run.result) is type(value)


@pytest.mark.parametrize("taken", [1, 2, 3])
def test_a_part_of_the_branch_that_ran_is_taken_and_the_other_has_none(taken: int) -> None:
    @flow
    def joined(which: int) -> Any:
        with case(which, 1):
            short = give({"path": "short.txt"})
        with case(which, 2):
            full = give({"path": "full.txt"})
        return merge(short["path"], text("to {path}", path=full["path"]))

    run = joined.run(which=taken, executor=HERE)
    assert run.succeeded
    assert run.result == {1: "short.txt", 2: "to full.txt", 3: None}[taken]
    assert isinstance(run.states["merge"], Skipped) == (taken == 3)


def test_a_part_that_is_not_there_in_a_branch_that_ran_is_still_an_error() -> None:
    with Flow("wrong") as wrong:
        with case(give(1), 2):
            other = give({"path": "x"})
        merge(give({"paht": "y"})["path"], other["path"])
    run = wrong.run(executor=HERE)
    assert "the result has no 'path'; it has 'paht'" in run.states["merge"].message


def test_mapped_branches_are_merged_as_lists_an_empty_one_too() -> None:
    @flow
    def joined(items: list[int]) -> Any:
        many = give(items)
        with case(many, []):
            none = give.map(many)
        with case(many, bool):
            some = give.map(many)
        with case(many, lambda given: len(given) > 1):
            several = give.map(many)
        return merge(several, some, none)

    assert joined.run(items=[], executor=HERE).result == []
    assert joined.run(items=[0], executor=HERE).result is None  # bool is a class, which is compared
    assert joined.run(items=[0, 1], executor=HERE).result == [0, 1]


def test_two_cases_make_an_else_and_nested_ones_a_chain() -> None:
    @flow
    def graded(n: int) -> Any:
        with case(n, lambda n: n < 10):
            small = named("small")("small")
        with case(n, lambda n: n >= 10):
            with case(n, lambda n: n < 100):
                medium = named("medium")("medium")
            with case(n, lambda n: n >= 100):
                large = named("large")("large")
            big = merge(medium, large)
        return merge(small, big)

    assert [graded.run(n=n, executor=HERE).result for n in (5, 50, 500)] == ["small", "medium", "large"]
    run = graded.run(n=5, executor=HERE)
    assert [name for name, state in run.states.items() if type(state) is Success][-1] == "merge-2"
    assert run.states["medium"].message.startswith("condition 'case <lambda>-2' does not hold")


def test_a_failed_branch_that_ran_fails_the_merge_and_one_not_taken_does_not() -> None:
    @flow
    def joined(which: int) -> Any:
        with case(which, 1):
            one = fail()
        with case(which, 2):
            two = give("two")
        return merge(one, two)

    assert joined.run(which=2, executor=HERE).result == "two"
    run = joined.run(which=1, executor=HERE)
    assert isinstance(run.states["merge"], TriggerFailed)
    assert isinstance(run.state, Failed)


def test_a_branch_that_ran_and_skipped_itself_leaves_the_other() -> None:
    with Flow("skips") as skips:
        merge(skip(), give("other"))
        merge(skip(), skip())
    run = skips.run(executor=HERE)
    assert run.results["merge"] == "other"
    assert isinstance(run.states["merge-2"], Skipped)


# Cases


@pytest.mark.parametrize("trigger", [all_finished, any_failed, lambda states: True])
def test_no_trigger_brings_a_step_into_a_branch_that_is_not_taken(trigger: Any) -> None:
    with Flow("gated") as gated:
        failed = fail()
        with case(give(1), 2):
            inside = give.replace(name="inside", trigger=trigger)(failed)
        give.replace(name="behind", trigger=all_finished)(inside)
    run = gated.run(executor=HERE)
    assert isinstance(run.states["inside"], Skipped)
    assert run.states["behind"] == Success(None)


def test_what_is_expected_may_come_from_a_step() -> None:
    with Flow("compared") as compared, case(give("JFK"), named("wanted")("JFK")):
        named("inside")("ran")
    assert compared.run(executor=HERE).results["inside"] == "ran"


@pytest.mark.parametrize(("condition", "expected"), [(fail, TriggerFailed), (skip, Skipped)])
def test_a_condition_whose_value_is_missing_ends_all_of_its_branch_alike(
    condition: Any, expected: Any
) -> None:
    with Flow("missing") as missing, case(condition(), True):
        first = named("first")(1)
        give.map([1, 2], after=first)
        with case(first, 1):
            named("nested")(2)
    run = missing.run(executor=HERE)
    assert [type(run.states[name]) for name in ("first", "give", "nested")] == [expected] * 3


def test_a_huge_value_is_shown_in_part_and_without_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRANCH_TOKEN", "hunter2-" * 60)
    with isolated_process_state():
        secret = Secret("env:BRANCH_TOKEN").get()
        with Flow("huge") as huge:
            with case(give(["x" * 100_000]), "y" * 3):
                named("never")(1)
            with case(give({"key": secret}), 1):
                named("never")(2)
        run = huge.run(executor=HERE)
    first, second = [run.states[name] for name in run.states if name.startswith("case")]
    assert first.message.startswith("the value is ['xxx")
    assert len(first.message) < 300
    assert second.message == "the value is {'key': '***'}, not 1"


# Switch


def switched(key: Any) -> Any:
    with Flow("switched") as built:
        first = named("first")("one")
        second = named("second")("two")
        named("after first")(first)
        named("after both").replace(trigger=all_finished)([first, second])
        switch(give(key), {"a": first, 2: second})
    return built.run(executor=HERE)


def test_a_switch_holds_for_a_step_that_has_others_behind_it() -> None:
    run = switched("a")
    assert [type(run.states[name]) for name in ("first", "after first", "second")] == [
        Success,
        Success,
        Skipped,
    ]
    assert run.results["after both"] == ["one", None]
    run = switched(2)
    assert [type(run.states[name]) for name in ("first", "after first", "second")] == [
        Skipped,
        Skipped,
        Success,
    ]
    assert run.results["after both"] == [None, "two"]
    run = switched(None)
    assert run.succeeded
    assert run.results["after both"] == [None, None]


def test_a_switch_may_have_mapped_steps_and_callables_for_keys() -> None:
    with Flow("mapped") as mapped:
        many, one = give.map([1, 2, 3]), named("one")(0)
        switch(give(3), {1: one, (lambda n: n > 1): many})
        merge(one, many)
    run = mapped.run(executor=HERE)
    assert isinstance(run.states["one"], Skipped)
    assert run.results["merge"] == [1, 2, 3]


def test_a_switch_whose_value_failed_fails_its_branches() -> None:
    with Flow("fails") as fails:
        branch = named("branch")(1)
        switch(fail(), {1: branch})
    assert isinstance(fails.run(executor=HERE).states["branch"], TriggerFailed)


def test_a_switch_refuses_a_step_of_another_flow() -> None:
    with Flow("there"):
        foreign = give(1)
    with (
        Flow("here"),
        pytest.raises(ForeignStepError, match=r"switch\(...\) got step 'give' of flow 'there'"),
    ):
        switch(give(1), {1: foreign})


def test_a_switch_on_what_comes_out_of_its_own_branch_is_a_cycle() -> None:
    with Flow("cycle") as cycle:
        branch = give(1)
        switch(branch, {1: branch})
    with pytest.raises(FlowError, match="steps wait for each other: 'give' waits for 'case 1'"):
        cycle.run(executor=HERE)
