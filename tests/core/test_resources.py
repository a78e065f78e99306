"""Resources: set up before some steps, always cleaned up after them."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from longshore import (
    Fail,
    Failed,
    Flow,
    FlowRun,
    InlineExecutor,
    Parameter,
    Resource,
    Skipped,
    Success,
    TaskDefinitionError,
    ThreadExecutor,
    TimedOut,
    TriggerFailed,
    flow,
    task,
)

HERE = InlineExecutor()
LOG: list[str] = []


class Cluster(Resource[str]):
    """Something that costs money while it is up."""

    name: str = "c"
    size: int = 1

    def setup(self) -> str:
        LOG.append(f"up {self.name} {self.size}")
        return f"{self.name}!"

    def cleanup(self, value: str) -> None:
        LOG.append(f"down {value} {self.size}")


class Broken(Cluster):
    def setup(self) -> str:
        raise OSError("no quota")


class Sticky(Cluster):
    def cleanup(self, value: str) -> None:
        super().cleanup(value)
        raise OSError("cannot delete")


@task
def use(what: str) -> str:
    LOG.append(f"use {what}")
    return what


@task
def fail(what: str) -> str:
    raise Fail(f"no {what}")


@pytest.fixture(autouse=True)
def _empty_log() -> None:
    LOG.clear()


def test_it_is_set_up_used_and_cleaned_up() -> None:
    with Flow("uses") as built:
        with Cluster() as cluster:
            use(cluster)
        use("outside")
    run = built.run(executor=HERE)
    assert [line for line in LOG if line != "use outside"] == ["up c 1", "use c!", "down c! 1"]
    assert built.steps[0].name == "Cluster set-up"
    assert run.succeeded


def test_a_step_inside_waits_for_it_even_without_using_it() -> None:
    with Flow("waits") as built, Cluster():
        use("inside")
    built.run(executor=ThreadExecutor(4))
    assert LOG == ["up c 1", "use inside", "down c! 1"]


@pytest.mark.parametrize("executor", [HERE, ThreadExecutor(4)])
def test_it_is_cleaned_up_after_a_failure_and_the_flow_failed(executor: Any) -> None:
    with Flow("fails") as built, Cluster() as cluster:
        use(fail(cluster))
    run = built.run(executor=executor)
    assert LOG == ["up c 1", "down c! 1"]
    assert isinstance(run.states["use"], TriggerFailed)
    assert isinstance(run.states["Cluster clean-up"], Success)
    assert not run.succeeded


def test_it_is_cleaned_up_after_a_time_out() -> None:
    release = threading.Event()

    @task(timeout=0.05)
    def hang(what: str) -> None:
        release.wait(10)

    with Flow("hangs") as built, Cluster() as cluster:
        hang(cluster)
    began = time.monotonic()
    run = built.run()
    release.set()
    assert time.monotonic() - began < 5
    assert isinstance(run.states["hang"], TimedOut)
    assert LOG == ["up c 1", "down c! 1"]


def test_nothing_is_cleaned_up_that_was_not_set_up() -> None:
    with Flow("broken") as built, Broken() as cluster:
        use(cluster)
    run = built.run(executor=HERE)
    assert LOG == []
    assert isinstance(run.states["Broken set-up"], Failed)
    assert isinstance(run.states["use"], TriggerFailed)
    assert run.states["Broken clean-up"] == Skipped(message="'Broken set-up' set nothing up")
    assert not run.succeeded


def test_a_clean_up_that_fails_fails_the_flow() -> None:
    with Flow("sticky") as built, Sticky() as cluster:
        use(cluster)
    run = built.run(executor=HERE)
    assert isinstance(run.states["Sticky clean-up"], Failed)
    assert run.state.message == "1 failed: Sticky clean-up: OSError: cannot delete"


def nested(inner: type[Cluster], work: Any) -> FlowRun:
    with Flow("nested") as built, Cluster(name="outer") as first, inner(name="inner") as second:
        use(first)
        work(second)
    return built.run(executor=HERE)


def test_nested_ones_are_cleaned_up_in_reverse() -> None:
    assert nested(Cluster, use).succeeded
    ups_and_downs = [line for line in LOG if not line.startswith("use")]
    assert ups_and_downs == ["up outer 1", "up inner 1", "down inner! 1", "down outer! 1"]


def test_the_outer_one_is_cleaned_up_when_the_inner_one_fails_in_any_way() -> None:
    for inner, work in ((Broken, use), (Sticky, use), (Cluster, fail)):
        LOG.clear()
        assert not nested(inner, work).succeeded
        assert LOG[0] == "up outer 1"
        assert LOG[-1] == "down outer! 1"


def test_mapped_steps_inside_all_end_before_the_clean_up() -> None:
    with Flow("maps") as built, Cluster():
        use.map(["a", "b", "c"])
    built.run(executor=ThreadExecutor(3))
    assert sorted(LOG[1:4]) == ["use a", "use b", "use c"]
    assert (LOG[0], LOG[4]) == ("up c 1", "down c! 1")


def test_one_without_steps_is_set_up_and_cleaned_up() -> None:
    with Flow("empty") as built, Cluster():
        pass
    assert built.run(executor=HERE).succeeded
    assert LOG == ["up c 1", "down c! 1"]


def test_a_field_may_come_from_a_parameter_or_a_step() -> None:
    @task
    def size() -> int:
        return 9

    with Flow("sized") as built:
        with Cluster(name="p", size=Parameter("size", int)) as one:  # type: ignore[arg-type]
            use(one)
        with Cluster(name="s", size=size()) as two:
            use(two)
    built.run(size=4, executor=HERE)
    assert {"up p 4", "down p! 4", "up s 9", "down s! 9"} <= set(LOG)


def test_a_field_from_a_step_that_failed_sets_nothing_up() -> None:
    @task
    def size() -> int:
        raise Fail("no size")

    with Flow("sized") as built, Cluster(size=size()) as cluster:
        use(cluster)
    run = built.run(executor=HERE)
    assert LOG == []
    assert isinstance(run.states["Cluster clean-up"], Skipped)


def test_the_same_one_may_be_opened_twice() -> None:
    shared = Cluster()
    with Flow("twice") as built:
        with shared as one:
            use(one)
        with shared as two:
            use(two)
    assert built.run(executor=HERE).succeeded
    assert LOG.count("up c 1") == LOG.count("down c! 1") == 2


def test_outside_a_flow_it_is_a_context_manager() -> None:
    with Cluster(size=3) as cluster:
        assert cluster == "c!"
    assert LOG == ["up c 3", "down c! 3"]
    with pytest.raises(KeyError), Cluster():
        raise KeyError("inside")
    assert LOG[2:] == ["up c 1", "down c! 1"]


def test_threads_that_share_one_outside_a_flow_clean_up_their_own() -> None:
    made = iter(["first", "second"])
    cleaned: dict[str, str] = {}

    class Counted(Resource[str]):
        def setup(self) -> str:
            return next(made)

        def cleanup(self, value: str) -> None:
            cleaned[threading.current_thread().name] = value

    shared, inside = Counted(), threading.Barrier(2)
    opened: dict[str, str] = {}

    def work() -> None:
        with shared as value:
            opened[threading.current_thread().name] = value
            inside.wait(5)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cleaned == opened


def test_a_flow_in_a_flow_may_hold_one() -> None:
    @flow
    def load(n: int) -> str:
        with Cluster(size=n) as cluster:  # n is known only when the flow runs
            return use(cluster)

    @flow
    def nightly(n: int) -> list[str]:
        return [load(n), load(7)]

    run = nightly.run(n=2, executor=HERE)
    assert run.result == ["c!", "c!"]
    assert {"up c 2", "down c! 2", "up c 7", "down c! 7"} <= set(LOG)
    assert "load/Cluster set-up" in run.states


def test_a_wrong_field_is_told_what_is_taken() -> None:
    with pytest.raises(TypeError, match=r"Cluster\(\) has no argument 'szie' \(did you mean 'size'\?\)"):
        Cluster(szie=3)  # type: ignore[call-arg]


def test_one_without_setup_says_so() -> None:
    class Nothing(Resource[None]):
        pass

    with pytest.raises(TaskDefinitionError, match=r"Nothing has no setup\(\); define one"), Nothing():
        pass
