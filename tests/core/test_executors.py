"""Executors: the same flow gives the same states wherever its steps run."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest

from longshore import (
    ConfigurationError,
    Crashed,
    Failed,
    Flow,
    FlowError,
    InlineExecutor,
    Mapped,
    PortableError,
    ProcessExecutor,
    Retrying,
    Skip,
    Skipped,
    Success,
    ThreadExecutor,
    TimedOut,
    TravelError,
    TriggerFailed,
    WorkerCrashed,
    current,
    flow,
    task,
)
from longshore.testing import Recorder


class Unpicklable(Exception):
    """An error that pickles but cannot be unpickled, as many do."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@task
def double(n: int) -> int:
    return 2 * n


@task
def add(a: int, b: int) -> int:
    return a + b


@task
def total(numbers: list[int | None]) -> int:
    return sum(n or 0 for n in numbers)


@task
def odd_ones_fail(n: int) -> int:
    if n == 4:
        raise Skip("four is left out")
    if n % 2:
        raise ValueError(f"{n} is odd")
    return n


@task(retries=2)
def third_time() -> int:
    if current.attempt < 3:
        raise ConnectionError("not yet")
    return current.attempt


@task(timeout=0.3)
def sleeper(seconds: float) -> None:
    time.sleep(seconds)


@task
def whereabouts() -> tuple[int, str]:
    current.log.info("here")
    return os.getpid(), threading.current_thread().name


@task
def raise_unpicklable() -> None:
    raise Unpicklable(3, "cannot come back")


@task
def return_lambda() -> Any:
    return lambda: 1


@task
def die() -> None:
    os.kill(os.getpid(), 9)


@task(retries=1)
def die_once(marker: str) -> str:
    if not os.path.exists(marker):  # noqa: PTH110
        open(marker, "w").close()  # noqa: PTH123, SIM115
        os.kill(os.getpid(), 9)
    return "alive"


@task
def take(value: Any) -> str:
    return type(value).__name__


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


def test_processes_run_elsewhere_and_their_logs_come_home(caplog: pytest.LogCaptureFixture) -> None:
    with Flow("elsewhere") as elsewhere, caplog.at_level("INFO", "longshore"):
        whereabouts()
    with caplog.at_level("INFO", "longshore"):
        run = elsewhere.run(executor=ProcessExecutor(1))
    assert run.results["whereabouts"][0] != os.getpid()
    records = [r for r in caplog.records if r.getMessage() == "here"]
    assert [(r.step, r.flow, r.attempt) for r in records] == [("whereabouts", "elsewhere", 1)]  # type: ignore[attr-defined]


def test_any_concurrent_futures_executor_runs_steps_and_is_left_running() -> None:
    with Flow("any") as any_flow:
        add(double(1), double(2))
    with ThreadPoolExecutor(2) as threads, ProcessPoolExecutor(1) as processes:
        for pool in (threads, processes):
            assert any_flow.run(executor=pool).results["add"] == 6
            assert pool.submit(int, "7").result() == 7


@pytest.mark.gate("C10")
def test_an_error_or_result_that_cannot_be_pickled_is_named_and_the_pool_goes_on() -> None:
    with Flow("unpicklable") as unpicklable:
        raise_unpicklable()
        return_lambda()
        double(4)
    run = unpicklable.run(executor=ProcessExecutor(1))
    failed = run.states["raise_unpicklable"]
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, PortableError)
    assert "cannot come back" in str(failed.error)
    assert "raise Unpicklable" in failed.traceback
    travel = run.states["return_lambda"]
    assert isinstance(travel, Failed)
    assert isinstance(travel.error, TravelError)
    assert "return_lambda" in travel.message
    assert run.results["double"] == 8


@pytest.mark.gate("C10")
@pytest.mark.parametrize("what", ["argument", "field"])
def test_a_value_that_cannot_travel_is_an_error_before_anything_runs(what: str) -> None:
    recorder = Recorder()
    lock = threading.Lock()
    with Flow("cannot", state_handlers=(recorder,)) as cannot:
        if what == "argument":
            take(lock)
        else:
            take.replace(retry_on=lambda error: True)(1)
    with pytest.raises(
        TravelError, match="argument 'value' of step 'take'" if what == "argument" else "retry_on"
    ):
        cannot.run(executor=ProcessExecutor(1))
    assert recorder.seen == []
    assert cannot.run(executor=InlineExecutor()).succeeded


@pytest.mark.gate("C10")
def test_a_result_that_cannot_travel_stops_what_needs_it_but_threads_pass_it_on() -> None:
    @flow
    def upstream() -> None:
        take(return_lambda())

    state = upstream.run(executor=ProcessExecutor(1)).states["take"]
    assert isinstance(state, TriggerFailed)
    assert upstream.run(executor=ThreadExecutor(1)).results["take"] == "function"


def test_a_function_inside_a_function_is_refused_by_name() -> None:
    @task
    def local(n: int) -> int:
        return n

    with Flow("local") as local_flow:
        local(1)
    with pytest.raises(TravelError, match="local"):
        local_flow.run(executor=ProcessExecutor(1))


def test_a_worker_that_dies_is_crashed_and_the_rest_of_the_run_goes_on() -> None:
    with Flow("dying") as dying:
        gone = die()
        double(gone)
        add(1, 2)
    run = dying.run(executor=ProcessExecutor(1))
    crashed = run.states["die"]
    assert isinstance(crashed, Crashed)
    assert isinstance(crashed.error, WorkerCrashed)
    assert isinstance(run.states["double"], TriggerFailed)
    assert run.results["add"] == 3


def test_a_worker_that_dies_once_is_retried(tmp_path: Any) -> None:
    with Flow("once") as once:
        die_once(str(tmp_path / "marker"))
    run = once.run(executor=ProcessExecutor(1))
    assert run.results["die_once"] == "alive"


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


@pytest.mark.gate("C3")
def test_a_step_that_gives_its_own_pool_to_a_flow_is_refused_not_hung() -> None:
    with Flow("inner") as inner:
        double(1)
    with ThreadPoolExecutor(1) as pool:

        @task
        def outer() -> None:
            inner.run(executor=pool)

        with Flow("refused") as refused:
            outer()
        state = refused.run(executor=pool).states["outer"]
    assert isinstance(state, Failed)
    assert isinstance(state.error, FlowError)
    assert "wait for each other" in state.message


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
    @task(retries=1, retry_delay=0.4)
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
    assert max(done) - began < 0.35
    assert run.duration >= 0.4


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
