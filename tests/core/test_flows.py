"""How flows are built and named: parameters, defaults, groups, tags, runs; and what is refused."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from sample_tasks import add, echo, fail

from longshore import (
    ArgumentError,
    ConfigurationError,
    Flow,
    FlowError,
    FlowFailed,
    InlineExecutor,
    LimitError,
    Parameter,
    ParameterError,
    Skip,
    Skipped,
    Success,
    Task,
    all_finished,
    current,
    flow,
    task,
)
from longshore.testing import raises_saying

HERE = InlineExecutor()


@task(tags=("io",))
def tags() -> tuple[str, ...]:
    return current.tags


def names(flow: Flow) -> list[str]:
    return [node.name for node in flow.steps]


def test_a_function_makes_a_flow_and_its_result_is_the_runs() -> None:
    @flow
    def sums(n: int = 1) -> dict[str, int]:
        first = add(n, 2)
        return {"first": first, "second": add(first, 10)}

    run = sums.run(n=5, executor=HERE)
    assert run.result == {"first": 7, "second": 17}
    assert run.results["add-2"] == 17
    assert isinstance(run.states["add"], Success)


def test_the_function_is_called_once_however_often_the_flow_runs() -> None:
    calls: list[object] = []

    @flow
    def counted(n: int) -> int:
        calls.append(n)
        return add(n)

    assert calls == []
    assert [counted.run(n=i, executor=HERE).result for i in range(3)] == [0, 1, 2]
    assert len(calls) == 1


def test_threads_that_use_a_flow_first_at_once_build_it_once() -> None:
    calls: list[object] = []
    started = threading.Barrier(4)

    @flow
    def slow() -> int:
        calls.append(1)
        threading.Event().wait(0.05)
        return add(1)

    results: list[int] = []

    def use() -> None:
        started.wait()
        results.append(slow.run(executor=HERE).result)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (calls, results) == ([1], [1, 1, 1, 1])


def test_a_function_that_fails_while_building_is_called_again_and_leaves_nothing() -> None:
    wrong = [True]

    @flow
    def mended() -> int:
        found = add(1)
        if wrong:
            wrong.pop()
            raise LookupError("not ready")
        return found

    with pytest.raises(LookupError):
        mended.run(executor=HERE)
    assert mended.run(executor=HERE).result == 1
    assert names(mended) == ["add"]


def test_a_flow_may_be_built_by_hand() -> None:
    with Flow("by hand") as built:
        day = Parameter("day", date)
        shown = echo(day)
    assert built.run(day=date(2013, 1, 1), executor=HERE).results[shown] == date(2013, 1, 1)
    assert list(built.parameters) == ["day"]


def test_steps_of_one_task_get_numbers() -> None:
    with Flow("numbers") as built:
        for _ in range(3):
            echo(1)
        echo.replace(name="echo-2")(1)
    assert names(built) == ["echo", "echo-2", "echo-3", "echo-2-2"]


def test_a_parameter_without_value_names_flow_parameter_and_type() -> None:
    @flow
    def nightly(day: date) -> date:
        return echo(day)

    told = "flow 'nightly' lacks a value for parameter 'day' (date); call nightly.run(day=...)"
    with raises_saying(ParameterError, told):
        nightly.run()


def test_parameters_are_given_by_name() -> None:
    @flow
    def nightly(day: int, bucket: str = "lake") -> int:
        return add(day)

    told = "flow 'nightly' takes its parameters by name; call nightly.run(day=..., bucket=...)"
    with raises_saying(ParameterError, told):
        nightly.run(3)  # type: ignore[arg-type]


def test_a_flow_is_made_from_a_function_that_returns() -> None:
    async def later() -> int:
        return add(1)

    def yields() -> Iterator[int]:
        yield add(1)

    for function in (later, yields):
        with raises_saying(
            FlowError, f"flow {function.__name__!r} is built by", "write def, without async and yield"
        ):
            flow(function)
    nonsense: Any = 3
    for nonsense in (3, int, add):
        with raises_saying(FlowError, "@flow takes a function, not"):
            flow(nonsense)


def test_an_unknown_parameter_names_the_one_that_is_meant() -> None:
    @flow
    def nightly(day: int, bucket: str = "lake") -> int:
        return add(day)

    with raises_saying(ParameterError, "flow 'nightly' has no parameter 'bukcet' (did you mean 'bucket'?)"):
        nightly.run(day=1, bukcet="x")
    with raises_saying(ParameterError, "flow 'nightly' has no parameter 'xyz' (it takes day, bucket)"):
        nightly.run(day=1, xyz="x")


def test_a_parameter_of_the_wrong_type_names_value_and_type() -> None:
    @flow
    def nightly(day: date) -> date:
        return echo(day)

    with raises_saying(ParameterError, "flow 'nightly' takes day: date; got '2013-01-01' (str)"):
        nightly.run(day="2013-01-01")


@pytest.mark.parametrize("word", ["executor", "store", "run_id", "raise_on_failure", "on_schedule", "at"])
def test_words_that_run_keeps_are_no_parameters(word: str) -> None:
    scope: dict[str, Any] = {}
    exec(f"def nightly({word}): ...", scope)
    with raises_saying(
        ParameterError, f"flow 'nightly' cannot have a parameter {word!r}: run() keeps the word"
    ):
        flow(scope["nightly"])
    with Flow("by hand"), raises_saying(ParameterError, f"cannot have a parameter {word!r}"):
        echo(Parameter(word))


def test_two_parameters_of_one_name_are_refused() -> None:
    with Flow("two") as built:
        echo(Parameter("n", int))
        with raises_saying(ParameterError, "flow 'two' has two parameters 'n'; use one for both"):
            echo(Parameter("n", str))
    assert list(built.parameters) == ["n"]


def test_parameters_have_names() -> None:
    def positional(n: int, /) -> None: ...

    def variable(*n: int, **m: int) -> None: ...

    for function in (positional, variable):
        with raises_saying(ParameterError, "a flow's parameters have names"):
            flow(function)


def test_defaults_are_kept_and_new_for_each_run() -> None:
    @task
    def append(items: list[int]) -> list[int]:
        items.append(1)
        return items

    @flow
    def collect(items: list[int] = []) -> list[int]:  # noqa: B006 - the trap that is tested
        return append(items)

    assert collect.run().result == [1]
    assert collect.run().result == [1]


def test_a_run_is_named_by_its_parameters() -> None:
    @flow(run_name="nightly {day:%Y} of {bucket}")
    def nightly(day: date, bucket: str = "lake") -> date:
        return echo(day)

    assert nightly.run(day=date(2013, 1, 1)).name == "nightly 2013 of lake"


def test_a_run_name_with_a_place_for_nothing_is_refused() -> None:
    @flow(run_name="nightly {dya}")
    def nightly(day: date) -> date:
        return echo(day)

    told = "run_name 'nightly {dya}' of flow 'nightly' has a place for 'dya'"
    with raises_saying(ParameterError, told, "it has day"):
        nightly.run(day=date(2013, 1, 1))


def test_a_run_name_that_does_not_take_a_value_is_refused() -> None:
    @flow(run_name="nightly {day:%Y}")
    def nightly(day: str) -> str:
        return echo(day)

    told = "run_name 'nightly {day:%Y}' of flow 'nightly' does not take the parameters: ValueError"
    with raises_saying(ParameterError, told):
        nightly.run(day="2013")


def test_types_that_only_a_checker_knows_are_not_checked() -> None:
    scope: dict[str, Any] = {}
    exec("from __future__ import annotations\ndef nightly(day: Unknown): return day", scope)
    assert flow(scope["nightly"]).run(day="anything", executor=HERE).result == "anything"


def test_a_flows_name_has_no_places() -> None:
    told = "a flow cannot be called 'nightly {day}'"
    with raises_saying(ConfigurationError, told, "run_name='nightly {day}'"):
        Flow("nightly {day}")


def test_a_steps_name_is_filled_with_its_inputs() -> None:
    @task(name="export {airport} as {kind}")
    def export(airport: str, kind: str = "csv") -> str:
        return current.name

    with Flow("exports") as built:
        export("JFK")
        export.map(["EWR", "LGA"])
    run = built.run(executor=HERE)
    assert run.results["export {airport} as {kind}"] == "export JFK as csv"
    assert run.results["export {airport} as {kind}-2"] == ["export EWR as csv-2", "export LGA as csv-2"]


def test_a_steps_name_that_does_not_take_an_input_fails_the_step() -> None:
    @task(name="export {airport:%Y}")
    def export(airport: str) -> str:
        return airport

    with Flow("exports") as built:
        export("JFK")
    state = built.run(executor=HERE).states["export {airport:%Y}"]
    assert "name 'export {airport:%Y}' does not take the inputs: ValueError" in state.message


def test_a_steps_name_with_a_place_for_nothing_is_refused() -> None:
    @task(name="export {airprot}")
    def export(airport: str) -> str:
        return airport

    told = "has a place for 'airprot', which is no argument (did you mean 'airport'?)"
    with Flow("exports"), raises_saying(ArgumentError, told):
        export("JFK")


def test_tags_of_a_flow_are_those_of_its_steps_too() -> None:
    with Flow("tagged", tags=("daily", "eu")) as built:
        tags()
    assert built.run(executor=HERE).results["tags"] == ("io", "daily", "eu")


def test_tags_are_no_text() -> None:
    with raises_saying(ConfigurationError, "tags='daily'; give a tuple: ('daily',)"):
        Flow("tagged", tags="daily")


def test_reference_steps_decide_the_state() -> None:
    @flow(reference_steps=["echo"])
    def forgiving() -> None:
        fail()
        echo(1)

    @flow(reference_steps=["fail"])
    def strict() -> None:
        fail()
        echo(1)

    assert forgiving.run().succeeded
    assert not strict.run().succeeded


def test_one_reference_step_may_be_given_bare_or_as_a_step() -> None:
    with Flow("forgiving", reference_steps="echo") as built:
        fail()
        done = echo(1)
    assert built.run().succeeded
    built.reference_steps = [done]
    assert built.run().succeeded


def test_a_reference_step_that_does_not_exist_is_named() -> None:
    with Flow("wrong", reference_steps=["ehco"]) as built:
        echo(1)
    with raises_saying(FlowError, "flow 'wrong' has no step 'ehco' (did you mean 'echo'?)"):
        built.run()


def test_any_failed_step_fails_a_flow_without_reference_steps() -> None:
    with Flow("failing") as built:
        fail()
        echo(1)
    run = built.run()
    assert not run.succeeded
    assert run.state.message == "1 failed: fail: OSError: no"
    with raises_saying(FlowFailed, "flow 'failing' ended Failed: 1 failed: fail: OSError: no"):
        built.run(raise_on_failure=True)


def test_a_flow_without_steps_succeeds() -> None:
    with Flow("empty") as built:
        pass
    assert built.run().succeeded


def test_a_run_has_an_id_of_its_own_or_the_given_one() -> None:
    with Flow("ids") as built:
        echo(1)
    one, two = built.run(), built.run()
    assert one.run_id != two.run_id
    assert built.run(run_id="mine").run_id == "mine"


def test_a_run_says_when_each_step_began_and_ended() -> None:
    with Flow("timed") as built:
        echo(1)
        add.replace(name="late")(echo(2), after=fail())  # type: ignore[call-overload]
    run = built.run(executor=HERE)
    began, ended = run.timings["echo"]
    assert began is not None
    assert ended is not None
    assert run.started <= began <= ended <= (run.ended or ended)
    assert run.timings["late"][0] is None
    assert run.duration >= 0


def test_a_run_asked_for_a_step_it_has_not_names_those_it_has() -> None:
    with Flow("asked") as built:
        echo(1)
    with pytest.raises(KeyError, match="no step 'ehco'; there are echo"):
        _ = built.run().states["ehco"]


def test_limits_need_one_count() -> None:
    with Flow("limited") as built:
        echo.replace(limit="db:2")(1)
        add.replace(limit="db:3")(1)
    with raises_saying(LimitError, "limit 'db' is 2 on 'echo' and 3 on 'add'; use one count"):
        built.run()
    with Flow("limited") as built:
        echo.replace(limit="db")(1)
    with raises_saying(LimitError, "limit 'db' on 'echo' has no count; write 'db:4' somewhere"):
        built.run()


def test_a_task_object_may_be_a_steps_input() -> None:
    class Twice(Task[int]):
        def run(self, n: int) -> int:
            return 2 * n

    @task
    def apply(work: Twice, n: int) -> int:
        return work(n)

    with Flow("objects") as built:
        apply(Twice(), 4)
    assert built.run().results["apply"] == 8


def test_a_skipped_step_gives_none_to_those_that_run_anyway() -> None:
    @task
    def nothing() -> int:
        raise Skip("nothing new")

    with Flow("skips") as built:
        echo.replace(trigger=all_finished)(nothing())
    run = built.run()
    assert isinstance(run.states["nothing"], Skipped)
    assert run.results["echo"] is None
    assert run.succeeded
