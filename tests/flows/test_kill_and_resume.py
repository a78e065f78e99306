"""Whole flows, killed at random moments and resumed: nothing is lost, nothing is done twice."""

from __future__ import annotations

import random
import statistics
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from job_server import JobServer
from killing import KilledRun, kill_and_resume

from longshore.stores.locations import open_store


@pytest.fixture
def system() -> Iterator[JobServer]:
    with JobServer() as running:
        yield running


@pytest.fixture
def seed() -> int:
    """Another one each time; a failure prints it."""
    chosen = random.SystemRandom().randrange(10**6)
    print(f"seed {chosen}")
    return chosen


@pytest.mark.gate("D1")
@pytest.mark.timeout(0)
@pytest.mark.parametrize("shape", ["chain", "wide"])
@pytest.mark.parametrize("executor", ["inline", "threads", "processes"])
def test_a_killed_and_resumed_flow_loses_nothing_and_repeats_only_what_was_in_flight(
    tmp_path: Path, shape: str, executor: str, seed: int, gate_count: Callable[[int, int], int]
) -> None:
    figures, _ = kill_and_resume(tmp_path, shape, executor, gate_count(3, 200), seed)
    print(f"{figures.kills} kills of {figures.runs} runs, {figures.extra} extra executions")
    if len(figures.overheads) > 1:
        print(f"restart overhead: median {statistics.median(figures.overheads):.2f} s")


@pytest.mark.gate("D2")
@pytest.mark.timeout(0)
def test_a_killed_and_resumed_flow_starts_no_job_twice(
    tmp_path: Path, system: JobServer, seed: int, gate_count: Callable[[int, int], int]
) -> None:
    figures, runs = kill_and_resume(tmp_path, "mixed", "threads", gate_count(4, 100), seed, system.url)
    print(f"{figures.kills} kills of {figures.runs} runs, {figures.extra} extra executions")
    jobs = system.jobs()
    assert [key for key, count in Counter(job["key"] for job in jobs).items() if count > 1] == []
    assert len(jobs) == 40 * figures.runs
    assert {job["state"] for job in jobs} == {"succeeded"}
    for run in runs:
        assert_one_key_for_each_job_step(run)


def assert_one_key_for_each_job_step(run: KilledRun) -> None:
    store = open_store(run.store)
    try:
        recorded = store.jobs(run.run_id)
    finally:
        store.close()
    assert len(recorded) == len({job.key for job in recorded}) == 40
    assert len({(job.step, job.map_index, job.attempt) for job in recorded}) == 40
    assert {job.state for job in recorded} <= {"Success", "discarded"}
