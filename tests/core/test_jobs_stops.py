"""Jobs that are stopped, or whose result, key or worker is lost for a while: one job, and its result."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from job_server import JobServer
from sample_jobs import RemoteJob, ended_well, flow_of

from longshore import (
    Cancelled,
    Crashed,
    Failed,
    Flow,
    InlineExecutor,
    ProcessExecutor,
    ThreadExecutor,
    TimedOut,
    Unknown,
    task,
)


@pytest.fixture
def store(tmp_path: Path) -> str:
    return str(tmp_path / "runs.db")


def states(system: JobServer) -> list[str]:
    return [job["state"] for job in system.jobs()]


@pytest.mark.parametrize("retries", [0, 2])
def test_a_result_that_cannot_be_fetched_for_a_while_is_asked_for_again(
    system: JobServer, store: str, retries: int
) -> None:
    system.fault("result", "status", status=503, times=2)
    run = flow_of(system, retries=retries).run(store=store)
    assert ended_well(run), run.states
    assert states(system) == ["succeeded"]


@pytest.mark.parametrize("fields", [{"poll_patience": 0.2, "retries": 2}, {"timeout": 0.6, "retries": 1}])
def test_a_result_that_cannot_be_fetched_for_too_long_is_fetched_by_a_resume(
    system: JobServer, store: str, fields: dict[str, Any]
) -> None:
    system.fault("result", "status", status=503)
    flow = flow_of(system, seconds=0.1, **fields)
    run = flow.run(store=store)
    state = run.states["job"]
    assert isinstance(state, Unknown if "poll_patience" in fields else TimedOut), state
    system.heal()
    assert ended_well(flow.resume(run.run_id, store=store))
    assert states(system) == ["succeeded"]


class Clumsy(RemoteJob):
    """Cannot read its result before somebody has mended it.

    Args:
        mended: A file that says that it is.
    """

    mended: str

    def result(self, handle: Any) -> Any:
        return {True: super().result(handle)}[Path(self.mended).exists()]


def test_a_result_that_the_job_cannot_read_is_fetched_again_when_it_is_mended(
    system: JobServer, store: str, tmp_path: Path
) -> None:
    mended = tmp_path / "mended"
    with Flow("clumsy") as flow:
        Clumsy(url=system.url, name="job", mended=str(mended), retries=1)(seconds=0.1, value=42)
    run = flow.run(store=store)
    state = run.states["job"]
    assert isinstance(state, Unknown)
    assert "ended well, but its result cannot be fetched: KeyError: False" in state.message
    mended.touch()
    assert ended_well(flow.resume(run.run_id, store=store))
    assert states(system) == ["succeeded"]


def test_a_resume_that_cannot_ask_for_the_key_starts_no_job(system: JobServer, store: str) -> None:
    flow = flow_of(system, seconds=0.5, poll_patience=0.2)
    system.fault("status", "status", status=503)
    run = flow.run(store=store)
    assert isinstance(run.states["job"], Unknown)
    system.fault("any", "status", status=503)
    assert not ended_well(flow.resume(run.run_id, store=store))
    system.heal()
    assert ended_well(flow.resume(run.run_id, store=store))
    assert states(system) == ["succeeded"]


def test_a_job_that_is_timed_out_is_seen_to_end_before_its_step_does(system: JobServer) -> None:
    system.set(cancel_takes=0.5)
    run = flow_of(system, seconds=30.0, timeout=0.3).run()
    assert isinstance(run.states["job"], TimedOut)
    assert states(system) == ["cancelled"]


def test_a_timed_out_job_is_tried_again_when_it_has_ended(system: JobServer, store: str) -> None:
    run = flow_of(system, seconds=30.0, timeout=0.3, retries=1).run(store=store)
    assert isinstance(run.states["job"], TimedOut)
    first, second = system.jobs()
    assert first["key"] != second["key"]
    assert first["cancelled"] <= second["created"]
    assert second["state"] == "cancelled"


def test_a_job_that_cannot_be_cancelled_is_not_started_again_beside_itself(
    system: JobServer, store: str
) -> None:
    system.fault("cancel", "status", status=503)
    flow = flow_of(system, seconds=30.0, timeout=0.2, cancel_grace=0.3, retries=1)
    run = flow.run(store=store)
    state = run.states["job"]
    assert isinstance(state, Failed)
    assert "may still run" in state.message
    assert len(system.jobs()) == 1


@pytest.mark.parametrize("timeout", [0.3, None])
def test_a_job_whose_submission_was_under_way_is_stopped_too(
    system: JobServer, store: str, timeout: float | None
) -> None:
    system.fault("submit", "slow", seconds=1.0)
    with Flow("remote") as flow:
        RemoteJob(url=system.url, name="job", timeout=timeout)(seconds=30.0)
        if timeout is None:
            stop_soon()
    try:
        run = flow.run(store=store, executor=ThreadExecutor(2))
    except KeyboardInterrupt as interrupt:
        run = interrupt.__dict__["flow_run"]
    assert isinstance(run.states["job"], Cancelled if timeout is None else TimedOut)
    end = time.monotonic() + 5
    while states(system) != ["cancelled"]:
        assert time.monotonic() < end, states(system)
        time.sleep(0.05)


@task
def stop_soon() -> None:
    time.sleep(0.3)
    os.kill(os.getpid(), signal.SIGTERM)


class Deadly(RemoteJob):
    """Takes its process with it, once, when it has been submitted, or when its result was fetched.

    Args:
        place: Where it writes down that it did.
        point: `submit` or `result`.
    """

    place: str
    point: str

    def submit(self, key: str, /, seconds: float = 0.0, value: Any = None) -> Any:
        handle = super().submit(key, seconds=seconds, value=value)
        self._die("submit")
        return handle

    def result(self, handle: Any) -> Any:
        found = super().result(handle)
        self._die("result")
        return found

    def _die(self, point: str) -> None:
        if point == self.point and not Path(self.place).exists():
            Path(self.place).touch()
            os._exit(1)


@pytest.mark.parametrize("point", ["submit", "result"])
def test_a_worker_that_dies_over_a_job_does_not_start_it_again(
    system: JobServer, tmp_path: Path, store: str, point: str
) -> None:
    with Flow("deadly") as flow:
        Deadly(url=system.url, name="job", place=str(tmp_path / "died"), point=point)(seconds=0.2, value=42)
    run = flow.run(store=store, executor=ProcessExecutor(1))
    assert ended_well(run), run.states
    assert states(system) == ["succeeded"]


@task
def job_inside(url: str, place: str) -> Any:
    return Deadly(url=url, place=place, point="result")(seconds=0.2, value=42)


def test_a_job_that_a_function_calls_is_taken_up_when_the_function_runs_again(
    system: JobServer, tmp_path: Path, store: str
) -> None:
    with Flow("inside") as flow:
        job_inside.replace(name="job")(system.url, str(tmp_path / "died"))
    run = flow.run(store=store, executor=ProcessExecutor(1))
    assert isinstance(run.states["job"], Crashed)
    assert ended_well(flow.resume(run.run_id, store=store, executor=ProcessExecutor(1)))
    assert states(system) == ["succeeded"]


@pytest.mark.parametrize("executor", [InlineExecutor(), ThreadExecutor(2)], ids=["inline", "threads"])
def test_a_job_that_runs_when_the_process_is_told_to_stop_is_cancelled_and_run_anew_by_a_resume(
    system: JobServer, store: str, executor: Any
) -> None:
    with Flow("remote") as flow:
        RemoteJob(url=system.url, name="job")(seconds=1.0, value=42)
        stop_soon()
    with pytest.raises(KeyboardInterrupt) as interrupt:
        flow.run(store=store, executor=executor)
    run = interrupt.value.__dict__["flow_run"]
    assert isinstance(run.state, Cancelled)
    assert states(system) == ["cancelled"]
