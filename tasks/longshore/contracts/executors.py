"""`ExecutorContract`: what every executor does, as a suite that its tests inherit."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any, cast

import pytest

from longshore.context import current
from longshore.contracts import trips
from longshore.contracts.executions import ExecutorTrials
from longshore.contracts.filejobs import FileJob
from longshore.flows import Flow
from longshore.handlers import BestEffort
from longshore.states import Failed
from longshore.stores.locations import open_store

_LARGE = 3_000_000


class ExecutorContract(ExecutorTrials):
    """What a flow sees of every executor, wherever that runs its steps.

        class TestAcmeExecutor(ExecutorContract):
            @pytest.fixture(autouse=True, scope="class")
            def _start(self, request):
                with AcmeExecutor(workers=2) as executor:
                    request.cls.executor = executor
                    yield

    Attributes:
        executor: What is tried.
        pickles: Whether what goes to a step and what comes back is pickled.
        leaves_process: Whether steps run in other processes.
        at_once: Whether several steps run at the same time.
        pickles_code: Whether what a script defines can travel.
    """

    # What goes with a step.

    def test_handlers_are_called_at_each_transition_and_may_decide(self, tmp_path: Path) -> None:
        place = tmp_path / "seen"
        with Flow("handled", step_handlers=[BestEffort(trips.Noted(str(place)))]) as flow:
            trips.third_time.replace(retry_delay=0.0)(str(tmp_path / "times"))
        assert self._run(flow).succeeded
        trips.wait_for(lambda: place.exists() and len(place.read_text().split()) >= 6)
        seen = place.read_text().split()
        assert seen == ["Running", "Retrying", "Running", "Retrying", "Running", "Success"]
        with Flow("decided") as flow:
            trips.double.replace(state_handlers=[trips.refuses])(4)
        run = self._run(flow)
        assert isinstance(run.state, Failed)
        assert "refuses" in run.states["double"].message

    def test_logs_arrive_in_order_with_the_step_and_attempt_that_made_them(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        with Flow("told") as flow:
            trips.tells.map(["a", "b"])
        with caplog.at_level(logging.INFO, "longshore"):
            run = self._run(flow)
        assert run.succeeded
        for index, name in enumerate("ab"):
            lines = [cast("Any", r) for r in caplog.records if r.getMessage().startswith(f"{name} says")]
            assert [r.getMessage() for r in lines] == [f"{name} says {n}" for n in range(20)]
            of = {(r.step, r.map_index, r.attempt, r.run_id) for r in lines}
            assert of == {("tells", index, 1, run.run_id)}

    def test_secrets_are_masked_in_what_comes_back(
        self, caplog: pytest.LogCaptureFixture, tmp_path: Path
    ) -> None:
        (tmp_path / "token").write_text("s3cr3t-canary-value")
        with Flow("masked") as flow:
            trips.tells_a_secret(trips.Secret(f"file:{tmp_path / 'token'}"))
        with caplog.at_level(logging.INFO, "longshore"):
            run = self._run(flow)
        state = cast("Any", run.states["tells_a_secret"])
        assert "opened with" in caplog.text
        assert "s3cr3t-canary-value" not in caplog.text + repr(state) + state.message + state.traceback

    def test_a_limit_holds_across_all_workers(self, tmp_path: Path) -> None:
        (tmp_path / "inside").mkdir()
        with Flow("limited") as flow:
            trips.counts_others.replace(limit="door:2").map([str(tmp_path / "inside")] * 12, list(range(12)))
        run = self._run(flow)
        assert run.succeeded, run.states
        assert max(run.results["counts_others"]) <= 2

    def test_steps_run_at_the_same_time(self, tmp_path: Path) -> None:
        if not self.at_once:
            pytest.skip("one after the other")
        with Flow("together") as flow:
            trips.waits_for_others.map([str(tmp_path)] * 2, [0, 1])
        assert self._run(flow).succeeded

    def test_a_step_may_run_a_flow_of_its_own(self) -> None:
        with Flow("outer") as flow:
            trips.runs_a_flow.map([1, 2, 3])
        assert self._run(flow).results["runs_a_flow"] == [2, 4, 6]

    # Records and jobs.

    def test_a_recorded_run_goes_on_where_it_failed(self, tmp_path: Path) -> None:
        store, place, lines = str(tmp_path / "runs.db"), tmp_path / "there", tmp_path / "lines"
        with Flow("recorded") as flow:
            made = trips.large(_LARGE)
            line = trips.leave_a_line(str(lines), "once")
            trips.length(trips.keep_if_there(made["data"], str(place), after=line))
        first = self._run(flow, store=store)
        assert isinstance(first.states["keep_if_there"], Failed)
        place.touch()
        again = flow.resume(first.run_id, store=store, executor=self.executor)
        assert again.results["length"] == _LARGE, again.states
        assert lines.read_text() == "once\n"

    def test_a_job_is_submitted_once_and_its_result_and_log_come(self, tmp_path: Path) -> None:
        store = str(tmp_path / "runs.db")
        with Flow("jobs") as flow:
            made = FileJob(folder=str(tmp_path / "jobs"), poll_interval=0.1).map([20, 21])
            trips.total(made)
        run = self._run(flow, store=store)
        assert run.results["total"] == 41, run.states
        assert len(list((tmp_path / "jobs").glob("*.job"))) == 2
        opened = open_store(store)
        try:
            assert {job.state for job in opened.jobs(run.run_id)} <= {"Success", "discarded"}
        finally:
            opened.close()

    def test_one_interrupt_stops_what_runs_and_leaves_a_run_that_can_be_resumed(self, tmp_path: Path) -> None:
        store, place = str(tmp_path / "runs.db"), tmp_path / "place"
        with Flow("stopped") as flow:
            trips.double(trips.sleeper(30.0, str(place)))
        stop = threading.Thread(target=_interrupt_when, args=(Path(f"{place}.began"),))
        stop.start()
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt) as raised:
            self._run(flow, store=store)
        stop.join()
        assert time.monotonic() - began < 25
        run = cast("Any", raised.value).flow_run
        assert type(run.state).__name__ == "Cancelled"
        assert type(run.states["sleeper"]).__name__ == "Cancelled"
        if self.at_once:
            assert Path(f"{place}.ended").read_text()
        Path(f"{place}.short").touch()
        again = flow.resume(run.run_id, store=store, executor=self.executor)
        assert again.succeeded, again.states

    def test_nothing_is_left_behind_for_the_next_run(self) -> None:
        before = threading.active_count()
        for _ in range(3):
            with Flow("again") as flow:
                trips.double.map(list(range(20)))
            assert self._run(flow).succeeded
        assert threading.active_count() - before < 20
        assert not current.name


def _interrupt_when(place: Path) -> None:
    trips.wait_for(place.exists)
    time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGINT)
