"""Steps while a flow is built: edges, selections, texts, copies; and what they are never taken for."""

from __future__ import annotations

import copy
import pickle
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sample_tasks import add, echo

from longshore import (
    ArgumentError,
    CycleError,
    Flow,
    ForeignStepError,
    InlineExecutor,
    Outputs,
    Parameter,
    StepUseError,
    flow,
    task,
    text,
)
from longshore.testing import raises_saying

HERE = InlineExecutor()


def test_steps_come_after_what_they_wait_for() -> None:
    with Flow("ordered") as built:
        last = echo.replace(name="last")(1)
        first = echo.replace(name="first")(2)
        built.add_edge(first, last)
    assert [node.name for node in built.steps] == ["first", "last"]


def test_after_makes_a_step_wait_without_data() -> None:
    order: list[str] = []

    @task
    def note(word: str) -> None:
        order.append(word)

    with Flow("waits") as built:
        late: Any = note.replace(name="late")
        one, two = note("one"), note("two")
        late("late", after=[one, two])
    built.run()
    assert order[-1] == "late"
    assert [node.name for node in built.node("late").upstream] == ["note", "note-2"]


@pytest.mark.parametrize("nonsense", ["export", None, 3, [None], ["export"]])
def test_after_something_that_is_no_step_is_refused(nonsense: object) -> None:
    told = "which is no step; write after=[export, load]"
    anything: Any = echo
    with Flow("waits"), raises_saying(ArgumentError, "after= of 'echo' got", told):
        anything(1, after=nonsense)


def test_containers_of_steps_wait_for_all_of_them_and_get_their_results() -> None:
    with Flow("nested") as built:
        one, two = add(1), add(2)
        echo({"list": [one, (two, 5)], "set": {"x"}, "none": None})
    run = built.run(executor=HERE)
    assert run.results["echo"] == {"list": [1, (2, 5)], "set": {"x"}, "none": None}


def test_a_key_may_be_what_a_step_returns() -> None:
    with Flow("keys") as built:
        echo({echo.replace(name="key")("a"): add(1), "b": {echo("c"): 2}})
    assert built.run(executor=HERE).results["echo-2"] == {"a": 1, "b": {"c": 2}}


def test_a_copy_of_a_step_is_the_step() -> None:
    with Flow("copies"):
        step = add(1)
        config = {"rows": [step]}
        assert copy.deepcopy(config)["rows"][0] is step
        assert copy.copy(step) is step
        with pytest.raises(StepUseError, match=r"step 'add' .* cannot be pickled here"):
            pickle.dumps(config)


def test_selections_take_parts_of_results() -> None:
    class Info:
        size = 7

    @task
    def made() -> dict[str, Any]:
        return {"rows": [10, 20], "info": Info()}

    with Flow("selects") as built:
        result: Any = made()
        echo((result["rows"][1], result["info"].size, text("{n} rows", n=result["rows"][0])))
    assert built.run(executor=HERE).results["echo"] == (20, 7, "10 rows")


def test_a_selection_may_be_made_by_another_steps_result() -> None:
    with Flow("selects") as built:
        table: Any = echo({"a": 1, "b": 2})
        echo(table[echo.replace(name="key")("b")])
    assert built.run(executor=HERE).results["echo-2"] == 2


@pytest.mark.parametrize(
    ("result", "select", "told"),
    [
        ({"rows": 1}, lambda s: s["row"], "step 'echo'['row']: the result has no 'row'; it has 'rows'"),
        ({}, lambda s: s["row"], "the result has no 'row'; it has nothing"),
        (None, lambda s: s["row"], "the result is None"),
        ([1, 2], lambda s: s[5], "the result is a list of 2"),
        (7, lambda s: s.size, "select step 'echo'.size: the result is a int, which has no 'size'"),
    ],
)
def test_a_selection_that_is_not_there_fails_the_step_and_says_what_is(
    result: object, select: Callable[[Any], Any], told: str
) -> None:
    with Flow("selects") as built:
        add(select(echo(result)))
    assert told in built.run(executor=HERE).states["add"].message


def test_an_unknown_argument_names_step_argument_and_what_is_meant() -> None:
    with Flow("wrong"), raises_saying(ArgumentError, "add() has no argument 'bb' (did you mean 'b'?)"):
        add(1, bb=2)  # type: ignore[call-overload]


def test_a_missing_argument_names_step_and_what_it_takes() -> None:
    with Flow("wrong"), raises_saying(ArgumentError, "add() lacks 'a'; it takes (a: int, b: int = 0)"):
        add()  # type: ignore[call-overload]


def test_an_argument_given_twice_is_refused_while_building() -> None:
    with Flow("wrong"), raises_saying(ArgumentError, "add() got 'a' twice"):
        add(1, a=2)  # type: ignore[call-overload]


def test_a_cycle_names_its_steps() -> None:
    with Flow("circle") as built:
        one = echo.replace(name="one")(1)
        two = echo.replace(name="two")(one)
        three = echo.replace(name="three")(two)
        echo.replace(name="apart")(three)
        built.add_edge(three, one)
    told = "steps wait for each other: 'one' waits for 'three' waits for 'two' waits for 'one'"
    with raises_saying(CycleError, told):
        built.run()


def test_a_step_that_waits_for_itself_is_a_cycle() -> None:
    with Flow("circle") as built:
        one = echo.replace(name="one")(1)
        built.add_edge(one, one)
    with raises_saying(CycleError, "'one' waits for 'one'"):
        built.run()


def test_a_step_of_another_flow_is_refused_with_both_names() -> None:
    with Flow("here"):
        stray = add(1)
    told = ("argument 'value' of 'echo'", "'here'", "'there'", "give it as a parameter")
    with Flow("there"), raises_saying(ForeignStepError, *told):
        echo([stray])


def test_a_stray_step_in_a_field_or_after_is_refused_too() -> None:
    anything: Any = echo
    with Flow("here"):
        stray = add(1)
    with Flow("there"):
        with raises_saying(ForeignStepError, "field 'retries' of 'echo'"):
            echo.replace(retries=stray)(1)
        with raises_saying(ForeignStepError, "after= of 'echo'"):
            anything(1, after=stray)


def test_a_list_that_holds_itself_fails_its_step_alone() -> None:
    @task
    def count(value: list[Any]) -> int:
        return len(value)

    endless: list[Any] = []
    endless.append(endless)
    with Flow("endless") as built:
        count(endless)
        count.replace(name="with a step")([endless, add(1)])
        echo("sound")
    run = built.run(executor=HERE)
    assert "recursion" in run.states["count"].message
    assert "recursion" in run.states["with a step"].message
    assert run.results["echo"] == "sound"


def test_constants_are_new_for_each_run_and_each_step() -> None:
    @task
    def drain(items: dict[str, list[int]]) -> int:
        count = len(items["a"])
        items["a"].clear()
        return count

    constant = {"a": [1, 2, 3]}
    with Flow("constants") as built:
        drain(constant)
        drain(constant)
    for _ in range(2):
        run = built.run()
        assert (run.results["drain"], run.results["drain-2"]) == (3, 3)
    assert constant == {"a": [1, 2, 3]}


def test_a_container_passed_to_two_steps_is_changed_for_neither() -> None:
    @task
    def drain(items: list[list[int]]) -> int:
        count = len(items[0])
        items[0].clear()
        return count

    with Flow("shared") as built:
        made: Any = echo([[1, 2]])
        drain(made)
        drain(made)
        drain([made[0]])
    run = built.run(executor=HERE)
    assert [run.results[name] for name in ("drain", "drain-2", "drain-3")] == [2, 2, 2]
    assert run.results["echo"] == [[1, 2]]


def test_each_kind_of_container_is_copied_as_what_it_is() -> None:
    @task
    def change(value: Any) -> Any:
        if isinstance(value, dict):
            value["z"] = 0
        elif isinstance(value, bytearray):
            value.clear()
        else:
            value.add("z") if isinstance(value, set) else value.append("z")
        return type(value)

    given: list[Any] = [[1], {1}, bytearray(b"ab"), Outputs(a=[1]), Counter("aab"), defaultdict(list, a=[1])]
    with Flow("kinds") as built:
        made = [echo(value) for value in given]
        for step in made:
            change(step)
    run = built.run(executor=HERE)
    assert [run.results[step] for step in made] == given
    changed = [run.results[node.name] for node in built.steps if node.task is change]
    assert changed == [type(value) for value in given]


def test_other_objects_go_by_reference() -> None:
    thing = object()
    with Flow("objects") as built:
        echo(echo(thing))
    assert built.run(executor=HERE).results["echo-2"] is thing


USES: dict[str, tuple[Callable[[Any], object], str]] = {
    "an f-string": (lambda s: f"{s} rows", "text("),
    "str": (str, "text("),
    "percent": (lambda s: "%s" % s, "text("),  # noqa: UP031 - what users write
    "if": (lambda s: 1 if s else 2, "case(...) or switch(...)"),
    "not": (lambda s: not s, "case(...) or switch(...)"),
    "for": (lambda s: list(s), "task.map(...)"),
    "unpacking": (lambda s: [*s], "task.map(...)"),
    "in": (lambda s: 3 in s, "case(...)"),
    "len": (len, "inside a task"),
    "plus": (lambda s: s + 1, "compute inside a task"),
    "plus from the right": (lambda s: "a" + s, "compute inside a task"),
    "minus": (lambda s: 5 - s, "compute inside a task"),
    "modulo": (lambda s: s % 2, "compute inside a task"),
    "negation": (lambda s: -s, "compute inside a task"),
    "abs": (abs, "compute inside a task"),
    "round": (round, "compute inside a task"),
    "xor": (lambda s: s ^ 1, "compute inside a task"),
    "less": (lambda s: s < 3, "use case(...), or compare inside a task"),
    "equal": (lambda s: s == 3, "use case(...), or compare inside a task"),
    "not equal": (lambda s: s != 3, "use case(...), or compare inside a task"),
    "is in a list": (lambda s: s in [3, 4], "use case(...), or compare inside a task"),
    "int": (int, "compute inside a task"),
    "float": (float, "compute inside a task"),
    "an index": (lambda s: [1, 2][s], "compute inside a task"),
    "open": (lambda s: open(s), "compute inside a task"),  # noqa: PTH123, SIM115
    "a call": (lambda s: s(3), "call it inside a task"),
    "a method": (lambda s: s.items(), "call it inside a task"),
    "sorted": (sorted, "task.map(...)"),
}


@pytest.mark.parametrize(
    ("kind", "use"),
    [
        (kind, use)
        for kind in ("step", "parameter", "selection", "text")
        for use in USES
        if (kind, use) != ("text", "a method")  # a text has no parts
    ],
)
def test_a_value_that_only_a_run_knows_is_never_taken_for_it(kind: str, use: str) -> None:
    misuse, way = USES[use]
    with Flow("built"):
        step: Any = add(1)
        made = {
            "step": (step, "step 'add'"),
            "parameter": (Parameter("n"), "parameter 'n'"),
            "selection": (step["key"], "step 'add'['key']"),
            "text": (text("{n} rows", n=step), "text('{n} rows')"),
        }
        value, name = made[kind]
        with pytest.raises(StepUseError) as caught:
            misuse(value)
    assert name in str(caught.value)
    assert "is known only when the flow runs" in str(caught.value)
    assert way in str(caught.value)


def test_two_steps_are_not_compared_either() -> None:
    with Flow("built"):
        one, two = add(1), add(2)
        with pytest.raises(StepUseError, match="cannot be compared here"):
            _ = one != two
        assert one in [one, two]


def test_names_that_begin_with_an_underscore_are_not_selected() -> None:
    with Flow("built"):
        made: Any = add(1)
        with pytest.raises(AttributeError, match=r"step 'add' has no '_rows': names that begin with _"):
            _ = made._rows
        with pytest.raises(AttributeError, match="__array__"):
            _ = made.__array__


def test_a_step_takes_no_attributes() -> None:
    with Flow("built"):
        made: Any = add(1)
        with pytest.raises(AttributeError):
            made.rows = 3


def test_a_step_says_what_it_is() -> None:
    with Flow("built"):
        made: Any = add(1)
        assert repr(made) == "step 'add'"
        assert repr(made["k"].size[0]) == "step 'add'['k'].size[0]"
        assert repr(Parameter("n")) == "parameter 'n'"


@pytest.mark.parametrize(
    ("template", "values", "told"),
    [
        ("{n} rows", {}, "no value for ['n']"),
        ("{n} rows", {"n": 1, "m": 2}, "no place for ['m']"),
        ("{} rows", {"n": 1}, "no value for ['']"),
        ("{n", {"n": 1}, "cannot read '{n'"),
        ("{n:{width}}", {"n": 1}, "no value for ['width']"),
    ],
)
def test_a_text_with_a_place_too_many_or_too_few_is_refused(
    template: str, values: dict[str, object], told: str
) -> None:
    with raises_saying(ArgumentError, told):
        text(template, **values)


def test_a_text_of_known_values_is_a_string() -> None:
    made = text("{n:>{width}} rows of {day:%Y}", n=3, width=4, day=date(2013, 1, 1))
    assert made == "   3 rows of 2013"
    assert text("plain {{braces}}") == "plain {braces}"


def test_a_text_of_steps_is_made_when_the_flow_runs() -> None:
    @flow
    def words(day: date) -> str:
        return echo(text("{n} rows on {day:%d %b}", n=add(3), day=day))

    assert words.run(day=date(2013, 1, 2)).result == "3 rows on 02 Jan"


def test_a_text_that_cannot_be_made_fails_the_step() -> None:
    with Flow("texts") as built:
        echo.replace(name="shown")(text("{n:%Y}", n=echo("abc")))
    state = built.run(executor=HERE).states["shown"]
    assert "Invalid format specifier" in state.message
