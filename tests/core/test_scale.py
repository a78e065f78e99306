"""Flows of many steps: what ends how, in which order, in how much memory."""

from __future__ import annotations

import signal
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from subprocess import PIPE, Popen

import pytest

from longshore import (
    BestEffort,
    Fail,
    Failed,
    Flow,
    InlineExecutor,
    Mapped,
    Skip,
    Skipped,
    Success,
    ThreadExecutor,
    TriggerFailed,
    all_finished,
    flatten,
    task,
)

Count = Callable[[int, int], int]
BYTES_A_STEP = 5 * 1024


@task
def same(n: int) -> int:
    return n


@task
def pick(n: int) -> int:
    if n == 4_321:
        raise Skip("nothing to pick")
    if n == 1_234:
        raise Fail("gone")
    return n


@task(trigger=all_finished)
def total(numbers: list[int | None]) -> int:
    return sum(n for n in numbers if n is not None)


@task
def counted(numbers: list[int]) -> int:
    return len(numbers)


@task
def row(n: int) -> list[int]:
    return [100 * n + column for column in range(100)]


@pytest.mark.gate("C1")
def test_a_hundred_thousand_mapped_steps_take_five_kilobytes_each_at_most(gate_count: Count) -> None:
    steps = gate_count(20_000, 100_000)
    with Flow("wide") as wide:
        each = same.map(range(steps))
    tracemalloc.start()
    try:
        run = wide.run(executor=InlineExecutor())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert run.results[each] == list(range(steps))
    assert peak / steps < BYTES_A_STEP


@pytest.mark.gate("C1")
def test_ten_times_the_mapped_steps_make_at_most_twelve_times_the_work(gate_count: Count) -> None:
    small = gate_count(2_000, 10_000)

    def calls(steps: int) -> int:
        with Flow("wide") as wide:
            same.map(range(steps))
        return _lines_run(lambda: wide.run(executor=InlineExecutor()))

    assert calls(10 * small) <= 12 * calls(small)


@pytest.mark.parametrize("executor", [InlineExecutor(), ThreadExecutor(8)], ids=repr)
@pytest.mark.gate("C2")
def test_one_failed_and_one_skipped_of_ten_thousand_are_told_apart_by_index(
    executor: InlineExecutor | ThreadExecutor,
) -> None:
    with Flow("sieve", reference_steps=["total"]) as sieve:
        picked = pick.map(range(10_000))
        summed = total(picked)
        never = counted(picked)
    run = sieve.run(executor=executor)
    states = run.mapped_states[picked]
    assert [i for i, state in enumerate(states) if isinstance(state, Failed)] == [1_234]
    assert [i for i, state in enumerate(states) if isinstance(state, Skipped)] == [4_321]
    assert sum(1 for state in states if type(state) is Success) == 9_998
    assert isinstance(run.states[picked], Failed)
    assert run.states[picked].message == "1 of 10,000 mapped steps failed: [1234] gone"
    assert run.results[summed] == sum(range(10_000)) - 1_234 - 4_321
    assert isinstance(run.states[never], TriggerFailed)
    assert run.succeeded


@pytest.mark.parametrize("executor", [InlineExecutor(), ThreadExecutor(8)], ids=repr)
@pytest.mark.gate("C2")
def test_a_map_of_maps_keeps_the_order(executor: InlineExecutor | ThreadExecutor) -> None:
    with Flow("grid") as grid:
        rows = row.map(range(100))
        cells = same.map(flatten(rows))
        count = counted(cells)
    run = grid.run(executor=executor)
    assert isinstance(run.states[cells], Mapped)
    assert run.results[cells] == list(range(10_000))
    assert run.results[count] == 10_000


def test_a_chain_of_ten_thousand_steps_builds_checks_and_runs_without_recursion() -> None:
    with Flow("chain") as chain:
        last = same(7)
        for _ in range(9_999):
            last = same(last)
    run = chain.run(executor=InlineExecutor())
    assert run.succeeded
    assert run.results[last] == 7
    assert len(run.states) == 10_000


def test_ten_times_the_chain_makes_at_most_twelve_times_the_work_of_building() -> None:
    def calls(steps: int) -> int:
        def build() -> None:
            with Flow("chain") as chain:
                last = 0
                for _ in range(steps):
                    last = same(last)
            chain.check()

        return _lines_run(build)

    assert calls(5_000) <= 12 * calls(500)


def test_a_failure_at_the_head_of_a_long_chain_reaches_its_end() -> None:
    with Flow("chain") as chain:
        last = pick(1_234)
        for _ in range(5_000):
            last = same(last)
    run = chain.run(executor=InlineExecutor())
    assert isinstance(run.states[last], TriggerFailed)
    assert isinstance(run.state, Failed)


LARGE = """
import sys, time
from longshore import Flow, InlineExecutor, ThreadExecutor, task

@task
def same(n):
    if n == 300:
        print("under way", flush=True)
    return n

with Flow("large") as large:
    same.map(range(1_000_000))
executor = InlineExecutor() if sys.argv[1] == "inline" else ThreadExecutor(2)
try:
    large.run(executor=executor)
except KeyboardInterrupt as interrupt:
    print(interrupt.flow_run.state.message, flush=True)
    sys.exit(130)
"""
"""A run of far more steps than the test waits for."""


@pytest.mark.parametrize("where", ["inline", "threads"])
def test_one_interrupt_ends_a_huge_run(where: str) -> None:
    with Popen([sys.executable, "-c", LARGE, where], stdout=PIPE, stderr=PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "under way\n"
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        out, _ = process.communicate(timeout=60)
    assert out == "received SIGINT\n"
    assert process.returncode == 130
    assert time.monotonic() - began < 20


def _lines_run(work: Callable[[], object]) -> int:
    """Count the Python calls that work makes: a measure that a busy machine does not change."""
    count = 0

    def see(frame: object, event: str, arg: object) -> None:
        nonlocal count
        count += 1

    sys.setprofile(see)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def test_an_observer_that_falls_behind_ten_thousand_transitions_fills_no_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    until = threading.Event()
    observer = BestEffort(lambda subject, old, new: until.wait(30), queue_size=10)
    with Flow("wide", step_handlers=[observer]) as wide:
        each = same.map(range(5_000))
    try:
        run = wide.run(executor=InlineExecutor())
    finally:
        until.set()
    assert run.results[each] == list(range(5_000))
    counts = [record.args[1] for record in caplog.records if "is behind" in record.msg]
    assert counts == [1, 10, 100, 1_000]
