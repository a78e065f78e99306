"""Whole flows, killed at random moments and resumed: nothing is lost, nothing is done twice."""

from __future__ import annotations

import random
import statistics
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from job_server import JobServer
from killing import KilledRun, kill_and_resume
from resumable import JOBS

from longshore.stores.locations import open_store
from longshore.stores.records import JobRecord


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
    kills = gate_count(2, 200)
    figures, _ = kill_and_resume(tmp_path, shape, executor, kills, seed)  # looks at all after each kill
    assert figures.kills == kills
    print(f"{figures.kills} kills of {figures.runs} runs, {figures.extra} extra executions")
    if len(figures.overheads) > 1:
        print(f"restart overhead: median {statistics.median(figures.overheads):.2f} s")


@pytest.mark.gate("D2")
@pytest.mark.timeout(0)
@pytest.mark.parametrize("shape", ["mixed", "fan"])
def test_a_killed_and_resumed_flow_starts_no_job_twice(
    tmp_path: Path, system: JobServer, shape: str, seed: int, gate_count: Callable[[int, int], int]
) -> None:
    figures, runs = kill_and_resume(tmp_path, shape, "threads", gate_count(2, 100), seed, system.url)
    print(f"{figures.kills} kills of {figures.runs} runs, {figures.extra} extra executions")
    jobs = system.jobs()
    assert {job["state"] for job in jobs} == {"succeeded"}
    assert_one_job_for_each_key(jobs, JOBS * figures.runs)
    for run in runs:
        recorded = jobs_of(run)
        assert len({(job.step, job.map_index) for job in recorded}) == len(recorded) == JOBS


@pytest.mark.gate("D2")
@pytest.mark.timeout(0)
def test_a_job_that_fails_once_is_started_twice_however_often_its_flow_is_killed(
    tmp_path: Path, system: JobServer, seed: int, gate_count: Callable[[int, int], int]
) -> None:
    system.set(fail_first=True)
    figures, runs = kill_and_resume(tmp_path, "flaky", "threads", gate_count(2, 100), seed, system.url)
    jobs = system.jobs()
    assert Counter(job["state"] for job in jobs) == dict.fromkeys(
        ["exit code", "succeeded"], JOBS * figures.runs
    )
    assert_one_job_for_each_key(jobs, 2 * JOBS * figures.runs)
    for run in runs:
        attempts = {(job.step, job.attempt, job.serial) for job in jobs_of(run)}
        assert attempts == {(step, n, n) for step, _, _ in attempts for n in (1, 2)}


def assert_one_job_for_each_key(jobs: list[dict[str, Any]], count: int) -> None:
    assert len(jobs) == len({job["key"] for job in jobs}) == count


def jobs_of(run: KilledRun) -> list[JobRecord]:
    with closing(open_store(run.store)) as store:
        recorded = store.jobs(run.run_id)
    assert len(recorded) == len({job.key for job in recorded})
    return recorded
