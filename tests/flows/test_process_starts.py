"""Processes started every way while this one has threads, handlers and loops at work: no deadlock."""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest

from longshore import BestEffort, Cache, Flow, ThreadExecutor, current, task


@task
async def wait_a_little(n: int) -> int:
    await asyncio.sleep(0.001)
    current.log.info("waited %d", n)
    return n


@task(timeout=20.0, cache=Cache())
def square(n: int) -> int:
    return n * n


def observe(subject: Any, old: Any, new: Any) -> None:
    subject.inputs  # noqa: B018 - masks the inputs, as a real handler's message would


@pytest.fixture
def busy_process() -> Iterator[None]:
    """Threads that use the core's locks all the time."""
    stop = threading.Event()

    def work() -> None:
        with Flow("busy") as busy:
            square.map(list(range(20)))
            wait_a_little.map(list(range(5)))
        while not stop.is_set():
            busy.run(executor=ThreadExecutor(2))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    yield
    stop.set()
    for thread in threads:
        thread.join()


@pytest.mark.gate("C11")
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_process_pool_started_by_any_method_does_not_deadlock(
    method: str, busy_process: None, gate_count: Callable[[int, int], int]
) -> None:
    with Flow("pool", step_handlers=(BestEffort(observe),)) as pool_flow:
        numbers = square.map([1, 2, 3])
        wait_a_little.map(numbers)
    for _ in range(gate_count(20 if method == "fork" else 2, 500)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # forking a process with threads is the point
            with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as pool:
                run = pool_flow.run(executor=pool)
        assert run.results["wait_a_little"] == [1, 4, 9]
