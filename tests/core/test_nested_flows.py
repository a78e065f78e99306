"""A flow inside a flow: its steps as a named group; and what is run where."""

from __future__ import annotations

from sample_tasks import add

from longshore import (
    ArgumentError,
    Flow,
    FlowError,
    InlineExecutor,
    LimitError,
    ParameterError,
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


def test_a_flow_in_a_flow_is_a_named_group() -> None:
    @flow(tags=("inner",), limits={"db": 2})
    def load(n: int, factor: int = 3) -> int:
        tags()
        return add.replace(limit="db")(n, factor)

    @flow
    def nightly(n: int) -> int:
        return add(load(n), load(n, factor=5))

    run = nightly.run(n=1, executor=HERE)
    assert run.result == 10
    assert names(nightly) == ["load/tags", "load/add", "load/tags-2", "load/add-2", "add"]
    assert run.results["load/tags"] == ("io", "inner")
    assert nightly.check() == {"db": 2}


def test_a_flow_in_a_flow_is_checked_as_a_call_is() -> None:
    @flow
    def load(n: int, factor: int = 3) -> int:
        return add(n, factor)

    with Flow("outer"):
        with raises_saying(ArgumentError, "load() has no argument 'fcator' (did you mean 'factor'?)"):
            load(1, fcator=2)  # type: ignore[call-arg]
        with raises_saying(ArgumentError, "load() lacks 'n'"):
            load()  # type: ignore[call-arg]
        with raises_saying(ParameterError, "flow 'load' takes n: int; got 'x' (str)"):
            load("x")  # type: ignore[arg-type]


def test_flows_with_two_counts_for_one_limit_do_not_go_together() -> None:
    @flow(limits={"db": 2})
    def load() -> int:
        return add.replace(limit="db")(1)

    with (
        Flow("outer", limits={"db": 3}),
        raises_saying(LimitError, "limit 'db' is 3 on 'outer' and 2 on 'load'"),
    ):
        load()


def test_a_flow_that_calls_itself_is_refused() -> None:
    @flow
    def endless() -> int:
        add(1)
        return endless()

    with raises_saying(FlowError, "flow 'endless' calls itself"):
        endless.run()


def test_a_flow_called_outside_a_flow_says_how_to_run_it() -> None:
    @flow
    def nightly() -> int:
        return add(1)

    with raises_saying(FlowError, "flow 'nightly' is called outside a flow; to run it: nightly.run(...)"):
        nightly()


def test_a_flow_does_not_run_while_another_is_built() -> None:
    @flow
    def nightly() -> int:
        return add(1)

    with (
        Flow("outer"),
        raises_saying(FlowError, "flow 'nightly' cannot run while flow 'outer' is being built"),
    ):
        nightly.run()


def test_a_task_called_inside_run_runs_at_once() -> None:
    @task
    def outer() -> int:
        return add(1, 2)

    @flow
    def calls() -> int:
        return outer()

    for executor in (None, HERE):
        run = calls.run(executor=executor)
        assert run.result == 3
        assert names(calls) == ["outer"]
