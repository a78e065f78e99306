"""Retries of steps in a flow: delays that spread, attempts that are exact."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from longshore import (
    Exponential,
    Failed,
    Flow,
    InlineExecutor,
    On,
    RetriesExhausted,
    Retry,
    Retrying,
    State,
    Subject,
    Success,
    ThreadExecutor,
    current,
    task,
)
from longshore.delays import delay_after

STEPS = 1000


def without_waiting(seen: list[tuple[int, float]]) -> On:
    """Notes the delay of each retry and makes it none, so that nobody waits."""

    def shorten(subject: Subject, old: State, new: State) -> State:
        assert isinstance(new, Retrying)
        seen.append((new.attempt, new.delay))
        return Retrying(error=new.error, attempt=new.attempt, message=new.message)

    return On(Retrying, shorten)


@pytest.mark.gate("C6")
def test_a_thousand_that_fail_together_come_back_spread_over_the_window_each_its_own_number_of_times() -> (
    None
):
    attempts: Counter[int] = Counter()
    delays: list[tuple[int, float]] = []
    exponential = Exponential(base=1.0, cap=30.0)

    @task(retries=6, retry_delay=exponential, state_handlers=(without_waiting(delays),))
    def refused(n: int) -> int:
        attempts[n] += 1
        if attempts[n] <= n % 8:
            raise ConnectionError("busy")
        return attempts[n]

    with Flow("storm") as built:
        refused.map(list(range(STEPS)))
    run = built.run(executor=InlineExecutor())

    failures = [min(n % 8, 7) for n in range(STEPS)]
    assert [attempts[n] for n in range(STEPS)] == [min(fails + 1, 7) for fails in failures]
    states = run.mapped_states["refused"]
    assert [isinstance(state, Failed) for state in states] == [fails == 7 for fails in failures]
    for attempt in range(1, 7):
        window = min(30.0, 2.0 ** (attempt - 1))
        waits = [delay for number, delay in delays if number == attempt]
        assert len(waits) == sum(1 for fails in failures if fails >= attempt)
        assert all(0 <= delay <= window for delay in waits)
        assert_spread([delay / window for delay in waits])


def assert_spread(shares: list[float]) -> None:
    """Kolmogorov and Smirnov: uniform numbers fail this once in a hundred million times."""
    count = len(shares)
    distance = max(abs((place + 0.5) / count - share) for place, share in enumerate(sorted(shares)))
    assert distance < 3.1 / count**0.5


def test_the_delay_of_a_late_attempt_stays_at_its_cap() -> None:
    late = [delay_after(Exponential(base=1.0, cap=30.0), attempt) for attempt in (50, 2_000, 10**9) * 50]
    assert all(0 <= delay <= 30 for delay in late)
    assert max(late) > 20


@pytest.mark.parametrize(
    ("base", "cap"), [(0, 1), (-1, 1), (1, 0), (float("inf"), 1), (1, float("nan")), (1, float("inf"))]
)
def test_an_exponential_delay_needs_seconds(base: float, cap: float) -> None:
    with pytest.raises(ValueError, match="give seconds above 0"):
        Exponential(base=base, cap=cap)


@pytest.mark.parametrize("executor", [InlineExecutor(), ThreadExecutor(1)])
def test_a_waiting_retry_holds_no_worker_and_blocks_no_other_step(executor: Any) -> None:
    order: list[str] = []

    @task(retries=1, retry_delay=0.3)
    def patient() -> None:
        order.append(f"patient {current.attempt}")
        if current.attempt == 1:
            raise OSError("not yet")

    @task
    def other(n: int) -> None:
        order.append(f"other {n}")

    with Flow("waits") as built:
        patient()
        for n in range(3):
            other(n)
    began = time.monotonic()
    assert built.run(executor=executor).succeeded
    assert order == ["patient 1", "other 0", "other 1", "other 2", "patient 2"]
    assert time.monotonic() - began >= 0.3


def test_a_retry_in_a_flow_gets_its_input_as_it_was_given() -> None:
    seen: list[list[int]] = []

    @task(retries=2)
    def consume(rows: list[int]) -> None:
        seen.append(list(rows))
        rows.clear()
        if current.attempt < 3:
            raise OSError("again")

    with Flow("inputs") as built:
        consume([1, 2])
    assert built.run(executor=InlineExecutor()).succeeded
    assert seen == [[1, 2]] * 3


def outcome(work: Callable[[], Any], **fields: Any) -> State:
    with Flow("one") as built:
        task(**fields)(work)()
    return built.run(executor=InlineExecutor()).states["work"]


def test_retry_in_a_flow_is_exhausted_at_last() -> None:
    attempts: list[int] = []

    def work() -> None:
        attempts.append(current.attempt)
        raise Retry("not there yet", after=0)

    state = outcome(work, retries=2)
    assert isinstance(state, Failed)
    assert isinstance(state.error, RetriesExhausted)
    assert state.message == "not there yet, after 3 attempts"
    assert attempts == [1, 2, 3]


def test_the_last_error_is_the_states() -> None:
    def work() -> None:
        raise OSError(f"attempt {current.attempt}")

    state = outcome(work, retries=2)
    assert isinstance(state, Failed)
    assert str(state.error) == "attempt 3"
    assert "in work" in state.traceback


def test_a_broken_retry_rule_fails_the_step_and_says_what_it_failed_with_first() -> None:
    def work() -> None:
        raise OSError("down")

    state = outcome(work, retries=2, retry_on=lambda error: error.code == 3)
    assert isinstance(state, Failed)
    assert state.message == (
        "OSError: down; then its retry rule: AttributeError: 'OSError' object has no attribute 'code'"
    )


def test_system_exit_in_a_step_ends_the_step_and_not_the_run() -> None:
    def work() -> None:
        raise SystemExit(3)

    state = outcome(work, retries=2)
    assert isinstance(state, Failed)
    assert state.message == "SystemExit: 3"


def test_a_timed_out_attempt_of_a_step_is_retried_and_then_timed_out() -> None:
    release = threading.Event()

    def work() -> None:
        release.wait(10)

    state = outcome(work, retries=1, timeout=0.05)
    release.set()
    assert type(state).__name__ == "TimedOut"
    assert state.message == "'work' was not done after 0.05 s"


def test_an_error_that_cannot_say_what_it_is_fails_the_step_all_the_same() -> None:
    class Mute(Exception):  # noqa: N818 - it says nothing
        def __str__(self) -> str:
            raise RuntimeError("cannot say")

    def work() -> None:
        raise Mute

    state = outcome(work)
    assert isinstance(state, Failed)
    assert "Mute" in state.message


def test_a_step_that_succeeds_after_retries_is_success() -> None:
    def work() -> int:
        if current.attempt < 3:
            raise OSError("again")
        return current.attempt

    assert outcome(work, retries=5) == Success(3)
