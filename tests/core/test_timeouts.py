"""Timeouts: the attempt ends at its deadline under every executor, and what can be stopped is."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from longshore import (
    Cancelled,
    Failed,
    Flow,
    InlineExecutor,
    Success,
    TaskCancelled,
    ThreadExecutor,
    TimedOut,
    current,
    task,
)
from longshore.testing import Recorder

HERE = InlineExecutor()
EXECUTORS = pytest.mark.parametrize("executor", [HERE, ThreadExecutor(2)], ids=["inline", "threads"])


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """Ends what hangs when the test is over."""
    event = threading.Event()
    yield event
    event.set()


def run_one(work: Any, executor: Any = HERE) -> Any:
    with Flow("one") as one:
        work()
    return one.run(executor=executor)


@EXECUTORS
def test_a_step_that_hangs_is_timed_out_and_the_others_go_on(executor: Any, release: threading.Event) -> None:
    told = Recorder()

    @task(timeout=0.1, state_handlers=(told,))
    def hang() -> None:
        release.wait(30)

    @task
    def other() -> str:
        return "done"

    with Flow("hangs") as hangs:
        hang()
        other()
    began = time.monotonic()
    run = hangs.run(executor=executor)
    assert time.monotonic() - began < 5
    assert isinstance(run.state, Failed)
    assert run.states["hang"] == TimedOut(run.states["hang"].error, message="'hang' was not done after 0.1 s")  # type: ignore[attr-defined]
    assert run.results["other"] == "done"
    assert told.entered("hang") == ["Running", "TimedOut"]
    assert 0.1 <= told.subjects[-1].duration < 5


@EXECUTORS
def test_a_coroutine_that_hangs_is_cancelled_and_may_clean_up(executor: Any) -> None:
    seen: list[str] = []

    @task(timeout=0.1)
    async def hang() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            await asyncio.sleep(0.01)
            seen.append(f"closed, cancelled: {current.cancelled}")

    assert isinstance(run_one(hang, executor).states["hang"], TimedOut)
    assert seen == ["closed, cancelled: True"]


def test_a_coroutine_that_will_not_be_cancelled_is_given_up(release: threading.Event) -> None:
    @task(timeout=0.1)
    async def stubborn() -> None:
        while not release.is_set():
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                continue

    began = time.monotonic()
    assert isinstance(run_one(stubborn).states["stubborn"], TimedOut)
    assert time.monotonic() - began < 5


def test_the_deadline_is_the_attempts_own() -> None:
    left: list[float] = []

    @task(timeout=5.0, retries=1)
    def look() -> None:
        assert current.deadline is not None
        left.append(current.deadline - time.monotonic())
        time.sleep(0.05)
        if current.attempt == 1:
            raise OSError("again")

    assert run_one(look).succeeded
    assert all(4.9 < seconds <= 5 for seconds in left)
    assert len(left) == 2


def test_without_a_timeout_there_is_no_deadline() -> None:
    @task
    def look() -> float | None:
        return current.deadline

    assert run_one(look).states["look"] == Success(None)


@EXECUTORS
def test_a_time_out_is_retried_while_attempts_are_left(executor: Any, release: threading.Event) -> None:
    told = Recorder()

    @task(timeout=0.1, retries=2, state_handlers=(told,))
    def slow_at_first() -> int:
        if current.attempt < 3:
            release.wait(30)
        return current.attempt

    run = run_one(slow_at_first, executor)
    assert run.results["slow_at_first"] == 3
    assert told.entered("slow_at_first") == [
        "Running",
        "Retrying",
        "Running",
        "Retrying",
        "Running",
        "Success",
    ]
    assert "was not done after 0.1 s" in told.states[1].message


def test_a_time_out_that_retry_on_leaves_out_is_the_end(release: threading.Event) -> None:
    @task(timeout=0.1, retries=5, retry_on=ConnectionError)
    def hang() -> None:
        release.wait(30)

    began = time.monotonic()
    assert isinstance(run_one(hang).states["hang"], TimedOut)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("end", ["returns", "raises"])
def test_a_body_that_ends_itself_when_it_is_told_to_is_timed_out_all_the_same(end: str) -> None:
    ended: list[str] = []

    @task(timeout=0.1)
    def polite() -> str:
        stop = threading.Event()
        with current.on_cancel(stop.set):
            stop.wait(30)
        ended.append(end)
        if end == "raises":
            raise RuntimeError("stopped")
        return "half of it"

    run = run_one(polite)
    assert ended == [end], "the run went on before run() had ended"
    assert isinstance(run.states["polite"], TimedOut)
    assert run.results["polite"] is None


# Inside each other


@EXECUTORS
def test_a_call_inside_a_step_is_cancelled_with_it(executor: Any) -> None:
    ended: list[str] = []

    @task(retries=5)
    def inner() -> None:
        stop = threading.Event()
        with current.on_cancel(stop.set):
            stop.wait(30)
        ended.append(f"{current.name} {current.attempt} {current.cancel_reason}")
        raise OSError("cut off")

    @task(timeout=0.1)
    def outer() -> None:
        try:
            inner()
        except TaskCancelled as error:
            ended.append(str(error))
            raise

    state = run_one(outer, executor).states["outer"]
    assert isinstance(state, TimedOut)
    assert ended == [
        "inner 1 the step around it was cancelled",
        "'inner' was cancelled: the step around it was cancelled",
    ]


def test_a_call_that_waits_for_its_retry_is_cancelled_with_the_step_around_it() -> None:
    attempts: list[int] = []

    @task(retries=5, retry_delay=30.0)
    def inner() -> None:
        attempts.append(current.attempt)
        raise OSError("again")

    @task(timeout=0.2)
    def outer() -> None:
        inner()

    began = time.monotonic()
    assert isinstance(run_one(outer).states["outer"], TimedOut)
    assert time.monotonic() - began < 5
    assert attempts == [1]


def test_a_flow_inside_a_step_is_cancelled_with_it_and_its_steps_are_told() -> None:
    inner_runs: list[Any] = []
    seen: list[str] = []

    @task
    def wait() -> None:
        stop = threading.Event()
        with current.on_cancel(stop.set):
            stop.wait(30)
        seen.append(current.cancel_reason)
        raise OSError("cut off")

    told = Recorder()
    with Flow("inner", state_handlers=(told,)) as inner:
        wait()

    @task(timeout=0.2)
    def outer() -> None:
        inner_runs.append(inner.run())

    assert isinstance(run_one(outer).states["outer"], TimedOut)
    assert seen == ["the step around it was cancelled"]
    assert inner_runs == [], "the inner run said that it had ended well"
    end = time.monotonic() + 5
    while told.entered("inner")[-1] != "Cancelled" and time.monotonic() < end:
        time.sleep(0.01)
    assert isinstance(told.states[-1], Cancelled)


def test_a_time_out_inside_a_step_is_an_error_like_any_other(release: threading.Event) -> None:
    @task(timeout=0.05)
    def inner() -> None:
        release.wait(30)

    @task(timeout=20.0)
    def outer() -> str:
        try:
            inner()
        except TimeoutError as error:
            return f"{error}; outer cancelled: {current.cancelled}"
        return "no error"

    run = run_one(outer)
    assert run.results["outer"] == "'inner' was not done after 0.05 s; outer cancelled: False"


def test_a_hundred_steps_that_hang_leave_as_many_threads_and_no_more(
    release: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "longshore")

    @task(timeout=0.1)
    def hang(n: int) -> None:
        release.wait(30)

    with Flow("hundred") as hundred:
        hang.map(list(range(100)))
    before = threading.active_count()
    run = hundred.run(executor=ThreadExecutor(50))
    assert all(isinstance(state, TimedOut) for state in run.mapped_states["hang"])
    assert threading.active_count() <= before + 100 + 50 + 8
    release.set()
    end = time.monotonic() + 10
    while threading.active_count() > before + 10 and time.monotonic() < end:
        time.sleep(0.02)
    assert threading.active_count() <= before + 10
