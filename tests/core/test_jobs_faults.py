"""Jobs whose system does not answer, refuses, forgets, is slow; jobs that fail and are tried again."""

from __future__ import annotations

import logging
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from job_server import JobServer
from sample_jobs import RemoteError, RemoteJob, ended_well, flow_of

from longshore import Failed, Flow, JobFailed, JobUnreachableError, Retrying, Unknown
from longshore.stores.errors import StoreError
from longshore.testing import Recorder, raises_saying


@pytest.fixture
def store(tmp_path: Path) -> str:
    return str(tmp_path / "runs.db")


def gaps(times: list[float]) -> list[float]:
    return [after - before for before, after in pairwise(times)]


def test_a_system_that_does_not_answer_for_a_while_is_asked_again(system: JobServer, store: str) -> None:
    system.fault("status", "silence", seconds=1.5)
    assert ended_well(flow_of(system, answer_timeout=0.3).run(store=store))
    assert len(system.jobs()) == 1


def test_a_system_that_cuts_connections_is_asked_again(system: JobServer) -> None:
    system.fault("status", "cut", times=3)
    system.fault("status", "reset", times=3)
    assert ended_well(flow_of(system).run())
    assert len(system.jobs()) == 1


def test_a_look_waits_as_long_as_the_system_asks(system: JobServer) -> None:
    system.fault("status", "status", status=429, retry_after=1.0, times=1)
    assert ended_well(flow_of(system, seconds=0.1).run())
    looks = system.asked("status")
    assert gaps(looks)[0] >= 1.0


def test_a_submit_that_is_refused_is_tried_again_as_late_as_the_system_asks(system: JobServer) -> None:
    system.fault("submit", "status", status=429, retry_after=1.0, times=1)
    assert ended_well(flow_of(system, retries=1).run())
    assert gaps(system.asked("submit"))[0] >= 1.0
    assert len(system.jobs()) == 1


def test_a_submit_that_is_refused_and_not_to_be_tried_again_fails(system: JobServer) -> None:
    system.fault("submit", "status", status=429, retry_after=1.0, times=1)
    run = flow_of(system).run()
    state = run.states["job"]
    assert isinstance(state, Failed)
    assert isinstance(state.error, RemoteError)
    assert system.jobs() == []


@pytest.mark.parametrize("retries", [0, 1])
@pytest.mark.parametrize("idempotent", [True, False])
def test_a_submit_whose_answer_is_lost_starts_one_job(
    system: JobServer, store: str, idempotent: bool, retries: int
) -> None:
    system.set(idempotent=idempotent)
    system.fault("submit", "reset", times=1)
    run = flow_of(system, retries=retries, look_first=not idempotent).run(store=store)
    assert len(system.jobs()) == 1
    assert ended_well(run), run.states


def test_a_job_that_shows_only_after_a_while_is_waited_for(system: JobServer) -> None:
    system.set(hidden=1.0)
    assert ended_well(flow_of(system, seconds=1.5).run())
    assert len(system.jobs()) == 1


def test_a_storm_of_refusals_is_waited_out_and_not_answered_with_a_storm(system: JobServer) -> None:
    system.fault("status", "status", status=503, times=20)
    assert ended_well(flow_of(system, poll_interval=0.2).run())
    assert len(system.jobs()) == 1
    assert min(gaps(system.asked("status"))) >= 0.04


def test_a_system_that_is_gone_for_too_long_leaves_the_job_unknown_and_a_resume_finds_it(
    system: JobServer, store: str
) -> None:
    flow = flow_of(system, seconds=0.5, poll_patience=0.5, retries=3)
    system.fault("status", "status", status=503)
    run = flow.run(store=store)
    state = run.states["job"]
    assert isinstance(state, Unknown), state
    assert isinstance(state.error, JobUnreachableError)
    assert "may still run" in state.message
    assert len(system.jobs()) == 1
    system.heal()
    assert ended_well(flow.resume(run.run_id, store=store))
    assert len(system.jobs()) == 1


def test_a_resume_whose_system_cannot_say_yet_whether_there_is_a_job_asks_again(
    system: JobServer, store: str
) -> None:
    flow = flow_of(system, poll_patience=0.3)
    system.fault("submit", "reset")
    system.fault("find", "status", status=503)
    run = flow.run(store=store)
    assert len(system.jobs()) == 1
    again = flow.resume(run.run_id, store=store)
    state = again.states["job"]
    assert isinstance(state, Unknown), state
    assert "not known whether the job of 'job' was started" in state.message
    assert "resume the run" in state.message
    system.heal()
    system.fault("find", "status", status=503, times=2)
    assert ended_well(flow_of(system).resume(run.run_id, store=store))
    assert len(system.jobs()) == 1


def test_a_failed_job_is_tried_again_under_a_new_key(system: JobServer, store: str) -> None:
    recorder = Recorder()
    run = flow_of(system, 0.1, "exit code", retries=1, state_handlers=(recorder,)).run(store=store)
    assert isinstance(run.states["job"], Failed)
    keys = [job["key"] for job in system.jobs()]
    assert len(keys) == len(set(keys)) == 2
    assert [type(state) for state in recorder.states].count(Retrying) == 1


def test_a_resume_of_a_finished_run_starts_no_job(system: JobServer, store: str) -> None:
    flow = flow_of(system)
    run = flow.run(store=store)
    with raises_saying(StoreError, "it succeeded"):
        flow.resume(run.run_id, store=store)
    assert len(system.jobs()) == 1


def test_a_resume_of_a_failed_run_tries_again_under_a_new_key(system: JobServer, store: str) -> None:
    flow = flow_of(system, 0.1, "out of memory", retries=3)
    run = flow.run(store=store)
    state = run.states["job"]
    assert isinstance(state, Failed)
    assert isinstance(state.error, JobFailed)
    assert state.error.reason == "out of memory"
    assert len(system.jobs()) == 1, "running out of memory is not worth a retry"
    flow.resume(run.run_id, store=store)
    keys = [job["key"] for job in system.jobs()]
    assert len(keys) == len(set(keys)) == 2


def test_mapped_jobs_are_jobs_of_their_own_and_keep_their_order(system: JobServer, store: str) -> None:
    with Flow("mapped") as flow:
        RemoteJob(url=system.url, name="job").map(
            seconds=[0.3 - n * 0.03 for n in range(10)], value=list(range(10))
        )
    run = flow.run(store=store)
    assert run.results["job"] == list(range(10))
    assert len({job["key"] for job in system.jobs()}) == len(system.jobs()) == 10


@pytest.mark.parametrize("settings", [{}, {"late_lines": 0.3}, {"repeated_lines": 2}])
def test_each_line_of_a_log_comes_once_and_none_is_lost(
    system: JobServer, caplog: pytest.LogCaptureFixture, settings: dict[str, Any]
) -> None:
    system.set(**settings)
    lines = [f"line {n}" for n in range(30)]
    with Flow("logged") as flow:
        RemoteJob(url=system.url, name="job")(seconds=0.6, value=42, lines=lines)
    with caplog.at_level(logging.INFO, "longshore"):
        assert ended_well(flow.run())
    assert [r.getMessage() for r in caplog.records if r.name == "longshore.task"] == lines


def test_looks_become_rarer_up_to_the_interval(system: JobServer) -> None:
    assert ended_well(flow_of(system, seconds=2.0, poll_interval=0.5).run())
    looks = system.asked("status")
    between = gaps(looks)
    assert between[0] >= 0.04
    assert sum(between[-4:-1]) > sum(between[:3])
    assert 4 <= len(looks) <= 40


def test_a_job_that_ends_at_once_is_looked_at_once(system: JobServer) -> None:
    assert ended_well(flow_of(system, seconds=0.0).run())
    assert len(system.asked("status")) == 1
