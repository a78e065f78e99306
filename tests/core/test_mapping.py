"""`map`: one step for each item, what it takes, what becomes of failures and skips."""

from __future__ import annotations

from typing import Any

import pytest
from sample_tasks import echo

from longshore import (
    ArgumentError,
    Fail,
    Failed,
    Flow,
    FlowRun,
    InlineExecutor,
    MapError,
    Mapped,
    Parameter,
    Skip,
    Skipped,
    State,
    Subject,
    Success,
    Task,
    TriggerFailed,
    all_finished,
    any_failed,
    current,
    flatten,
    flow,
    some_successful,
    task,
    text,
    unmapped,
)

HERE = InlineExecutor()


@task
def add(a: int, b: int = 100) -> int:
    return a + b


@task
def total(numbers: list[int | None]) -> int:
    return sum(n for n in numbers if n is not None)


@task
def odd_only(n: int) -> int:
    if n == 4:
        raise Fail("four")
    if n % 2 == 0:
        raise Skip("even")
    return n


@task
def join(*parts: str, **named: str) -> str:
    return "+".join([*parts, *(f"{key}={value}" for key, value in named.items())])


def kinds(states: tuple[State, ...]) -> list[str]:
    return [type(state).__name__ for state in states]


def test_a_mapped_task_runs_once_for_each_item_in_order() -> None:
    with Flow("mapped") as built:
        add.map([1, 2, 3], [10, 20, 30])
    run = built.run()
    assert run.results["add"] == [11, 22, 33]
    assert isinstance(run.states["add"], Mapped)
    assert kinds(run.mapped_states["add"]) == ["Success"] * 3


def test_a_default_is_the_same_for_each_item() -> None:
    with Flow("mapped") as built:
        add.map([1, 2])
    assert built.run(executor=HERE).results["add"] == [101, 102]


def test_an_unmapped_value_goes_whole_to_each() -> None:
    with Flow("mapped") as built:
        whole = echo([5, 6])
        echo.replace(name="pairs").map([1, 2])
        pair.map([1, 2], unmapped(whole))
        pair.map(n=[1, 2], with_all=unmapped([7]))
    run = built.run(executor=HERE)
    assert run.results["pair"] == [(1, [5, 6]), (2, [5, 6])]
    assert run.results["pair-2"] == [(1, [7]), (2, [7])]


@task
def pair(n: int, with_all: list[int]) -> tuple[int, list[int]]:
    with_all.append(0)
    with_all.pop()
    return n, with_all


def test_an_unmapped_container_is_new_for_each() -> None:
    @task
    def drain(n: int, items: list[int]) -> int:
        items.pop()
        return len(items)

    with Flow("mapped") as built:
        drain.map([1, 2, 3], unmapped([7, 8]))
        drain.map([1, 2, 3], unmapped(echo([7, 8])))
    run = built.run(executor=HERE)
    assert run.results["drain"] == [1, 1, 1]
    assert run.results["drain-2"] == [1, 1, 1]


def test_a_parameter_is_mapped_over() -> None:
    @flow
    def mapped(numbers: list[int]) -> list[int]:
        return add.map(numbers)

    assert mapped.run(numbers=[1, 2], executor=HERE).result == [101, 102]


def test_a_selection_is_mapped_over() -> None:
    with Flow("mapped") as built:
        table: Any = echo({"rows": (1, 2)})
        add.map(table["rows"])
    assert built.run(executor=HERE).results["add"] == [101, 102]


def test_a_map_of_a_map_goes_item_by_item() -> None:
    with Flow("mapped") as built:
        add.replace(name="third").map(add.replace(name="second").map(add.map([1, 2, 3])))
    assert built.run().results["third"] == [301, 302, 303]


def test_two_maps_meet_item_by_item() -> None:
    with Flow("mapped") as built:
        add.replace(name="sum").map(add.map([1, 2, 3]), echo.map([1000, 2000, 3000]))
    assert built.run().results["sum"] == [1101, 2102, 3103]


def test_a_plain_step_gets_the_list_of_a_maps_results() -> None:
    with Flow("reduced") as built:
        total(add.map([1, 2, 3]))
    assert built.run().results["total"] == 306


@pytest.mark.parametrize("size", [0, 1])
def test_few_items_are_a_list_too(size: int) -> None:
    with Flow("few") as built:
        total(add.map(add.replace(name="first").map(echo([1] * size))))
    run = built.run(executor=HERE)
    assert run.results["add"] == [201] * size
    assert run.results["total"] == 201 * size
    assert isinstance(run.states["add"], Mapped)


def test_a_range_is_mapped_over() -> None:
    with Flow("mapped") as built:
        add.map(range(3))
    assert built.run(executor=HERE).results["add"] == [100, 101, 102]


def test_a_set_or_generator_that_a_step_returns_is_mapped_over() -> None:
    with Flow("mapped") as built:
        add.map(echo({5}))
        add.map(echo(iter([1, 2])))
    run = built.run(executor=HERE)
    assert run.results["add"] == [105]
    assert run.results["add-2"] == [101, 102]


def test_flatten_makes_one_list_of_lists() -> None:
    with Flow("flat") as built:
        lists = echo.map([[1, 2], [], [3]])
        add.map(flatten(lists))
        total(flatten([lists, [[9]]]))  # a list of two lists of lists, flattened once
    run = built.run(executor=HERE)
    assert run.results["add"] == [101, 102, 103]


def test_flatten_of_what_is_no_list_of_lists_fails_the_step() -> None:
    with Flow("flat") as built:
        add.map(flatten(echo([1, 2])))
    state = built.run(executor=HERE).states["add"]
    assert "cannot flatten step 'echo': it is not a list of lists" in state.message


def test_an_item_may_be_selected_from() -> None:
    with Flow("selected") as built:
        made: Any = add.map([1, 2])
        echo(made[1])
    assert built.run(executor=HERE).results["echo"] == 102


def test_a_text_may_be_mapped_with() -> None:
    with Flow("texts") as built:
        join.map(["a", "b"], unmapped(text("{n}", n=echo(3))))
    assert built.run(executor=HERE).results["join"] == ["a+3", "b+3"]


def test_variable_arguments_are_mapped_over_together() -> None:
    with Flow("variable") as built:
        join.map(["a", "b"], echo(["c", "d"]), unmapped("e"))
        join.map(x=["a", "b"], y=unmapped("z"))
    run = built.run(executor=HERE)
    assert run.results["join"] == ["a+c+e", "b+d+e"]
    assert run.results["join-2"] == ["x=a+y=z", "x=b+y=z"]


def test_a_script_maps_alike() -> None:
    assert add.map([1, 2], [3, 4]) == [4, 6]
    assert add.map([1, 2], unmapped(5)) == [6, 7]
    assert join.map(["a", "b"], ["c", "d"], unmapped("e")) == ["a+c+e", "b+d+e"]
    assert join.map(x=["a", "b"], y=unmapped("z")) == ["x=a+y=z", "x=b+y=z"]
    assert add.map([]) == []
    assert pair.map((n for n in (1, 2)), unmapped([7])) == [(1, [7]), (2, [7])]


def test_inputs_of_different_lengths_are_an_error_not_a_cut() -> None:
    told = r"cannot map 'add' over inputs of different lengths: a has 3, b has 2"
    with Flow("uneven") as built:
        add.map([1, 2, 3], echo([1, 2]))
        add.map(echo.map([1, 2, 3]), echo([1]))
    run = built.run(executor=HERE)
    assert isinstance(run.states["add"], Failed)
    assert isinstance(run.states["add"].error, MapError)
    assert run.states["add"].message == told.replace("\\", "")
    assert "a has 3, b has 1" in run.states["add-2"].message
    with pytest.raises(MapError, match=told):
        add.map([1, 2, 3], [1, 2])
    with pytest.raises(MapError, match=r"parts\[0\] has 2, parts\[1\] has 1"):
        join.map(["a", "b"], ["c"])


@pytest.mark.parametrize("constant", ["abc", 3, {"a": 1}, None, b"ab"])
def test_a_constant_that_is_no_list_is_refused_while_building(constant: object) -> None:
    with (
        Flow("wrong"),
        pytest.raises(ArgumentError, match=r"echo.map\(\) got value=.*; write value=unmapped\("),
    ):
        echo.map(constant)


@pytest.mark.parametrize("result", ["abc", 3, {"a": 1}, None])
def test_a_result_that_is_no_list_fails_the_step(result: object) -> None:
    with Flow("wrong") as built:
        add.map(echo(result))
    state = built.run(executor=HERE).states["add"]
    kind = type(result).__name__
    assert (
        f"cannot map 'add' over a: it is a {kind}, not a list; make it one, or use unmapped" in state.message
    )


def test_a_map_over_nothing_is_refused() -> None:
    with Flow("nothing"):
        with pytest.raises(ArgumentError, match=r"add.map\(\) has nothing to map over"):
            add.map(unmapped(3))
        with pytest.raises(ArgumentError, match=r"join.map\(\) has nothing to map over"):
            join.map(unmapped("a"))
    with pytest.raises(MapError, match=r"add.map\(\) has nothing to map over"):
        add.map(unmapped(3))


def test_unmapped_is_for_map_only() -> None:
    with Flow("wrong"), pytest.raises(ArgumentError, match=r"unmapped\(...\) in argument 'value' of 'echo'"):
        echo(unmapped(3))


def test_a_wrong_argument_of_map_is_named() -> None:
    wrong: Any = add
    with (
        Flow("wrong"),
        pytest.raises(ArgumentError, match=r"add\(\) has no argument 'aa' \(did you mean 'a'\?\)"),
    ):
        wrong.map(aa=[1])


def mapped_run(items: list[int]) -> FlowRun:
    with Flow("outcomes") as built:
        numbers = odd_only.map(items)
        add.map(numbers)
        total(numbers)
        total.replace(name="whatever", trigger=all_finished)(numbers)
        echo.replace(name="mend", trigger=any_failed)(numbers)
        echo.replace(name="enough", trigger=some_successful(at_least=0.5))(numbers)
    return built.run(executor=HERE)


def test_failures_and_skips_stay_with_their_index() -> None:
    run = mapped_run([1, 2, 3, 4, 5])
    assert kinds(run.mapped_states["odd_only"]) == ["Success", "Skipped", "Success", "Failed", "Success"]
    assert kinds(run.mapped_states["add"]) == ["Success", "Skipped", "Success", "TriggerFailed", "Success"]
    assert isinstance(run.states["odd_only"], Failed)
    assert run.states["odd_only"].message == "1 of 5 mapped steps failed: [3] four"
    assert run.results["add"] == [101, None, 103, None, 105]


def test_what_follows_a_map_sees_the_states_of_its_steps() -> None:
    run = mapped_run([1, 2, 3, 4, 5])
    assert isinstance(run.states["total"], TriggerFailed)
    assert run.states["total"].message == "trigger all_successful does not hold: 1 of 5 upstream steps failed"
    assert run.results["whatever"] == 9
    assert run.results["mend"] == [1, None, 3, None, 5]
    assert isinstance(run.states["enough"], Success)


def test_a_map_of_which_some_were_skipped_is_mapped() -> None:
    run = mapped_run([1, 2, 3])
    assert isinstance(run.states["odd_only"], Mapped)
    assert run.results["odd_only"] == [1, None, 3]


def test_a_map_of_which_all_were_skipped_is_skipped() -> None:
    run = mapped_run([2, 6])
    assert isinstance(run.states["odd_only"], Skipped)
    assert run.states["odd_only"].message == "all 2 mapped steps were skipped"
    assert kinds(run.mapped_states["add"]) == ["Skipped", "Skipped"]


def test_a_step_that_reduces_is_skipped_with_one_of_the_maps_steps() -> None:
    """The trigger sees each step of the map; one that is skipped passes that on, unless asked otherwise."""
    run = mapped_run([1, 2, 3])
    assert isinstance(run.states["total"], Skipped)
    assert run.results["whatever"] == 4


def test_many_failures_are_counted_and_few_are_shown() -> None:
    run = mapped_run([4] * 10)
    shown = run.states["odd_only"].message
    assert shown == "10 of 10 mapped steps failed: [0] four; [1] four; [2] four; and 7 more"


def test_a_failed_step_before_a_map_fails_it_as_a_whole() -> None:
    with Flow("before") as built:
        odd_only(4)
        add.map(odd_only.replace(name="numbers")(4))
    run = built.run(executor=HERE)
    assert isinstance(run.states["add"], TriggerFailed)
    assert run.mapped_states["add"] == ()
    assert run.results["add"] is None


def test_a_skipped_step_before_a_map_skips_it_as_a_whole() -> None:
    with Flow("before") as built:
        add.map(odd_only.replace(name="numbers")(2))
    assert isinstance(built.run(executor=HERE).states["add"], Skipped)


def test_each_step_of_a_map_knows_its_index_and_attempt() -> None:
    @task(retries=1)
    def look(n: int) -> tuple[int | None, int]:
        if current.attempt == 1 and n == 7:
            raise OSError("once")
        return current.map_index, current.attempt

    with Flow("looks") as built:
        look.map([5, 6, 7])
    assert built.run(executor=HERE).results["look"] == [(0, 1), (1, 1), (2, 2)]


def test_handlers_are_told_of_each_step_of_a_map() -> None:
    told: list[tuple[str, str]] = []

    def tell(subject: Subject, old: State, new: State) -> None:
        told.append((subject.label, type(new).__name__))

    with Flow("told") as built:
        odd_only.replace(state_handlers=(tell,)).map([1, 2, 4])
    built.run(executor=HERE)
    assert told == [
        ("odd_only[0]", "Running"),
        ("odd_only[0]", "Success"),
        ("odd_only[1]", "Running"),
        ("odd_only[1]", "Skipped"),
        ("odd_only[2]", "Running"),
        ("odd_only[2]", "Failed"),
    ]


def test_a_flow_maps_over_what_another_map_flattened() -> None:
    @task
    def pages(n: int) -> list[int]:
        return list(range(n))

    with Flow("pages") as built:
        numbers = flatten(pages.map([1, 2, 3]))
        total(add.map(numbers, unmapped(0)))
    assert built.run().results["total"] == 0 + 0 + 1 + 0 + 1 + 2


def test_flatten_leaves_out_the_steps_that_were_skipped() -> None:
    @task
    def pages(n: int) -> list[int]:
        if n == 0:
            raise Skip("no page")
        return [n]

    with Flow("pages") as built:
        numbers = pages.map([1, 0, 3])
        echo.replace(trigger=all_finished)(flatten(numbers))
    assert built.run(executor=HERE).results["echo"] == [1, 3]


def test_a_field_from_upstream_is_the_same_for_each_item() -> None:
    class Scale(Task[int]):
        factor: int = 1

        def run(self, n: int) -> int:
            return self.factor * n

    with Flow("scaled") as built:
        Scale(factor=Parameter("factor", int)).map([1, 2])  # type: ignore[arg-type]
    assert built.run(factor=5, executor=HERE).results["Scale"] == [5, 10]
