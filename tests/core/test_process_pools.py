"""Steps in other processes: what travels, what cannot, and workers that die."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from longshore import (
    Crashed,
    Failed,
    Flow,
    FlowError,
    InlineExecutor,
    PortableError,
    ProcessExecutor,
    ThreadExecutor,
    TravelError,
    TriggerFailed,
    WorkerCrashed,
    current,
    flow,
    task,
)
from longshore.testing import Recorder


class UnpicklableError(Exception):
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
def whereabouts() -> tuple[int, str]:
    current.log.info("here")
    return os.getpid(), threading.current_thread().name


@task
def raise_unpicklable() -> None:
    raise UnpicklableError(3, "cannot come back")


@task
def return_lambda() -> Any:
    return lambda: 1


@task
def die() -> None:
    os.kill(os.getpid(), 9)


@task(retries=1)
def die_once(marker: str) -> str:
    if not os.path.exists(marker):  # noqa: PTH110
        open(marker, "w").close()  # noqa: PTH123
        os.kill(os.getpid(), 9)
    return "alive"


@task
def take(value: Any) -> str:
    return type(value).__name__


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
    assert "raise UnpicklableError" in failed.traceback
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


def test_a_task_is_loaded_while_another_thread_imports_its_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = "import time; time.sleep(0.5)\nfrom longshore import task\n@task\ndef step(): return 42\n"
    (tmp_path / "slowly_imported.py").write_text(slow)
    monkeypatch.syspath_prepend(tmp_path)
    dump = "import pickle, slowly_imported, sys; sys.stdout.buffer.write(pickle.dumps(slowly_imported.step))"
    paths = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    pickled = subprocess.run(
        [sys.executable, "-c", dump], env={**os.environ, "PYTHONPATH": paths}, capture_output=True, check=True
    ).stdout
    with ThreadPoolExecutor(4) as pool:
        loaded = list(pool.map(lambda _: pickle.loads(pickled)(), range(4)))
    assert loaded == [42] * 4
