"""Executors: the same flow gives the same states wherever its steps run."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from longshore import (
    ConfigurationError,
    Failed,
    Flow,
    InlineExecutor,
    Mapped,
    ProcessExecutor,
    Retrying,
    Skipped,
    Success,
    ThreadExecutor,
    TimedOut,
    TriggerFailed,
    current,
    flow,
    task,
)
from longshore.contracts.trips import double, odd_ones_fail, total
from longshore.testing import Recorder


@task(retries=2)
def third_time() -> int:
    if current.attempt < 3:
        raise ConnectionError("not yet")
    return current.attempt


@task(timeout=0.3)
def sleeper(seconds: float) -> None:
    time.sleep(seconds)


EXECUTORS = [InlineExecutor(), ThreadExecutor(4), ProcessExecutor(2)]


@pytest.fixture(params=EXECUTORS, ids=["inline", "threads", "processes"])
def executor(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_one_flow_gives_the_same_states_and_results_under_every_executor(executor: Any) -> None:
    with Flow("same") as same:
        numbers = double.map([1, 2, 3])
        total(double.map(numbers))
        odd = odd_ones_fail.map([2, 3, 4])
        double.map(odd)
        third_time()
        sleeper(5.0)

    run = same.run(executor=executor)

    assert run.results["double"] == [2, 4, 6]
    assert run.results["total"] == 24
    assert [type(s) for s in run.mapped_states["odd_ones_fail"]] == [Success, Failed, Skipped]
    assert [type(s) for s in run.mapped_states["double-3"]] == [Success, TriggerFailed, Skipped]
    assert run.results["third_time"] == 3
    assert isinstance(run.states["sleeper"], TimedOut)
    assert isinstance(run.state, Failed)
    assert "3 is odd" in run.states["odd_ones_fail"].message


def test_handlers_hear_the_same_transitions_under_local_executors() -> None:
    heard = []
    for executor in (InlineExecutor(), ThreadExecutor(2)):
        recorder = Recorder()
        with Flow("heard", step_handlers=(recorder,)) as heard_flow:
            third_time()
        heard_flow.run(executor=executor)
        heard.append(recorder.seen)
    assert heard[0] == heard[1]
    assert [new for _, _, new in heard[0]] == [
        "Running",
        "Retrying",
        "Running",
        "Retrying",
        "Running",
        "Success",
    ]


@pytest.mark.gate("C3")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_step_that_runs_a_flow_of_its_own_completes_with_few_workers(workers: int) -> None:
    @flow
    def inner(n: int) -> Any:
        return double(n)

    @task
    def outer(n: int) -> Any:
        return inner.run(n=n, executor=ThreadExecutor(workers)).result

    with Flow("nested") as nested:
        outer.map([1, 2, 3, 4])
    run = nested.run(executor=ThreadExecutor(workers))
    assert run.results["outer"] == [2, 4, 6, 8]


def test_threads_run_as_many_steps_at_once_as_they_are() -> None:
    running, most, lock = 0, 0, threading.Lock()

    @task
    def count(n: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1

    with Flow("count") as count_flow:
        count.map(list(range(12)))
    assert isinstance(count_flow.run(executor=ThreadExecutor(3)).states["count"], Mapped)
    assert most == 3


def test_ready_steps_start_in_the_order_of_the_flow_then_of_the_map() -> None:
    started: list[str] = []

    @task
    def note(name: str) -> str:
        started.append(name)
        return name

    with Flow("order") as order:
        note("a")
        note.map(["b0", "b1"])
        note("c")
    for executor in (InlineExecutor(), ThreadExecutor(1)):
        started.clear()
        order.run(executor=executor)
        assert started == ["a", "b0", "b1", "c"]


def test_a_waiting_retry_holds_no_worker() -> None:
    @task(retries=1, retry_delay=3.0)
    def flaky() -> None:
        if current.attempt == 1:
            raise ConnectionError

    done: list[float] = []

    @task
    def other(n: int) -> None:
        done.append(time.monotonic())

    with Flow("wait") as wait:
        flaky()
        other.map([1, 2, 3])
    began = time.monotonic()
    run = wait.run(executor=ThreadExecutor(1))
    assert run.succeeded
    assert max(done) - began < 2.9
    assert run.duration >= 3.0


@pytest.mark.parametrize("name", ["few", "some"])
def test_a_limit_is_never_passed_and_those_that_wait_start_in_order(name: str) -> None:
    count = {"few": 1, "some": 3}[name]
    running, most, order, lock = 0, 0, [], threading.Lock()

    @task(limit=f"{name}:{count}")
    def limited(n: int) -> None:
        nonlocal running, most
        with lock:
            order.append(n)
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1

    with Flow("limited") as limited_flow:
        limited.map(list(range(12)))
        limited.replace(limit=(name, "other:8"))(12)
        double.map(list(range(50)))
    run = limited_flow.run(executor=ThreadExecutor(6))
    assert run.succeeded
    assert most == count
    assert sorted(order) == list(range(13))
    assert order[0] == 0
    assert order[-1] >= 13 - count


def test_a_waiting_retry_holds_no_slot_of_a_limit() -> None:
    ended: list[str] = []

    @task(limit="one:1", retries=1, retry_delay=0.3)
    def flaky() -> None:
        if current.attempt == 1:
            raise ConnectionError
        ended.append("flaky")

    @task(limit="one")
    def other() -> None:
        ended.append("other")

    with Flow("slot") as slot:
        flaky()
        other()
    assert slot.run(executor=ThreadExecutor(2)).succeeded
    assert ended == ["other", "flaky"]


@pytest.mark.parametrize("bad", ["threads", 3, object()])
def test_something_that_is_no_executor_is_refused(bad: Any) -> None:
    with Flow("bad") as bad_flow:
        double(1)
    with pytest.raises(ConfigurationError, match="executor"):
        bad_flow.run(executor=bad)


@pytest.mark.parametrize("kind", [ThreadExecutor, ProcessExecutor])
def test_no_workers_are_refused(kind: Any) -> None:
    with pytest.raises(ConfigurationError, match="1 or more"):
        kind(0)


def test_a_retrying_state_is_seen_in_the_run_while_it_waits() -> None:
    @task(retries=1)
    def flaky() -> None:
        if current.attempt == 1:
            raise ConnectionError

    recorder = Recorder()
    with Flow("seen", step_handlers=(recorder,)) as seen_flow:
        flaky()
    seen_flow.run()
    seen = [type(state) for state in recorder.states]
    assert Retrying in seen
    assert Failed not in seen
