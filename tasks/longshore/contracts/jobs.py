"""`JobContract`: what every job does, as a suite that its tests inherit."""

from __future__ import annotations

import json
import logging
import os
import signal
import time
from contextlib import closing
from typing import TYPE_CHECKING, Final

import pytest

from longshore.contracts.deaths import POINTS, WAYS, JobProcess, keys_of
from longshore.contracts.trials import JobTrials, keep_if_there, new_key
from longshore.errors import AttemptTimedOut, TaskError
from longshore.executors import ProcessExecutor
from longshore.flows import Flow
from longshore.jobs.protocol import JobFailed, JobFinished
from longshore.states import Failed, Success
from longshore.stores.locations import open_store

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST_HANDLE: Final = 2_000
"""Characters of a handle, as JSON."""
_FULL: Final = os.environ.get("LONGSHORE_GATE") == "full"
_WAYS: Final = [way for way in (WAYS if _FULL else WAYS[:1]) if way != "SIGTERM"]
_COMMITS: Final = [f"{when} commit {n}" for n in range(1, 7) for when in ("before", "after")][
    slice(None) if _FULL else slice(2, 3)
]


class JobContract(JobTrials):
    """What every job does, whoever wrote it: among others, that it is never started twice and never lost.

        class TestAcmeRun(JobContract):
            inputs = {"program": "sleep 1; echo 42"}
            expected = 42
            failing_inputs = {"program": "exit 3"}

            @pytest.fixture(autouse=True)
            def _connect(self, acme):
                type(self).job = AcmeRun(server=acme.url)
                self.acme = acme

            def submissions(self, key):
                return len(self.acme.all_runs(label=key))

            def alive(self, key):
                return any(run.active for run in self.acme.all_runs(label=key))

    The job and its inputs travel to other processes, which are killed and resumed: they must pickle, and
    the job's class must come from a module that can be imported. With `LONGSHORE_GATE=full` in the
    environment these processes die in every way at every point, else by SIGKILL alone.
    """

    # The job's own methods.

    def test_its_handle_is_small_and_json(self) -> None:
        with self._submitted() as (_, handle):
            text = json.dumps(handle)
            assert json.loads(text) == handle
            assert len(text) <= _LONGEST_HANDLE

    def test_it_is_found_by_its_key_and_an_unknown_key_finds_nothing(self) -> None:
        assert self.job.find(new_key()) is None
        with self._submitted() as (key, handle):
            assert self._status(self._found(key)) is not None
            self._wait(handle)
            self._check(self.job.result(self._found(key)))

    def test_a_key_that_is_submitted_twice_makes_one_job(self) -> None:
        with self._submitted() as (key, handle):
            again = self.job.submit(key, **self.inputs)
            assert self.submissions(key) == 1, f"{self.submissions(key)} jobs of one key"
            self._wait(handle)
            self._wait(again)
            late = self.job.submit(key, **self.inputs)
            assert self.submissions(key) == 1, f"{self.submissions(key)} jobs of one key"
            self._check(self.job.result(late))

    def test_cancel_ends_it_and_is_no_error_twice(self) -> None:
        with self._submitted() as (key, handle):
            self.job.cancel(handle)
            self.job.cancel(handle)
            self._stopped(key)
            self.job.cancel(handle)

    def test_cancel_after_the_end_is_no_error_and_leaves_the_result(self) -> None:
        with self._submitted() as (key, handle):
            self._wait(handle)
            self.job.cancel(handle)
            self._check(self.job.result(handle))
            self._check(self.job.result(handle))
            assert not self.alive(key)

    def test_its_log_goes_on_behind_each_line(self) -> None:
        with self._submitted() as (_, handle):
            self._wait(handle)
            lines = list(self.job.logs(handle, None))
            self._check_log([line.text for line in lines])
            for number, line in enumerate(lines, 1):
                assert list(self.job.logs(handle, line.cursor)) == lines[number:], f"behind line {number}"

    def test_a_discarded_job_is_gone_or_has_ended_and_discarding_it_again_is_no_error(self) -> None:
        with self._submitted() as (_, handle):
            self._wait(handle)
            self.job.discard(handle)
            assert self._status(handle) in (None, JobFinished())
            self.job.discard(handle)

    # As a task.

    def test_it_is_a_step_under_other_processes_and_logs_each_line_once(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.INFO, "longshore"):
            run = self._flow().run(executor=ProcessExecutor(1))
        assert isinstance(run.state, Success), run.states
        self._check(run.results["job"])
        self._check_log([r.getMessage() for r in caplog.records if r.name == "longshore.task"])

    def test_a_job_that_fails_says_why(self) -> None:
        run = self._flow(**self.failing_inputs).run()
        state = run.states["job"]
        assert isinstance(state, Failed), state
        assert isinstance(state.error, JobFailed), state.error
        assert state.error.reason == self.failing_reason
        with pytest.raises(TaskError):
            self.job(**self.failing_inputs)

    def test_a_timeout_cancels_it(self, tmp_path: Path) -> None:
        outcome, keys = self._in_a_process(tmp_path, job=self.job.replace(timeout=0.4), store=None)
        assert (outcome.state, outcome.step) == ("Failed", "TimedOut"), outcome
        [key] = keys
        self._stopped(key)

    def test_a_timeout_of_a_call_cancels_it_too(self) -> None:
        began = time.monotonic()
        with pytest.raises(AttemptTimedOut):
            self.job.replace(timeout=0.2)(**self.inputs)
        assert time.monotonic() - began < self.job.cancel_grace + 5.0

    @pytest.mark.parametrize("signal_name", ["SIGINT", "SIGTERM"])
    def test_a_signal_to_the_process_cancels_it(self, tmp_path: Path, signal_name: str) -> None:
        process = JobProcess(self._plan(tmp_path, store=None))
        process.wait_until("while it runs")
        process.process.send_signal(signal.Signals[signal_name])
        process.wait()
        assert process.outcome().state == "Cancelled", process.outcome()
        [key] = keys_of(tmp_path)
        self._stopped(key)

    # With a run store.

    def test_its_result_comes_back_from_the_store(self, tmp_path: Path) -> None:
        store, place = str(tmp_path / "runs.db"), tmp_path / "there"
        with Flow("contract") as flow:
            keep_if_there(self.job.replace(name="job")(**self.inputs), str(place))
        first = flow.run(store=store)
        assert isinstance(first.states["job"], Success), first.states
        place.touch()
        again = flow.resume(first.run_id, store=store)
        assert again.results["keep_if_there"] == first.results["job"], again.states
        self._check(again.results["keep_if_there"])
        with closing(open_store(store)) as opened:
            assert len(opened.jobs(first.run_id)) == 1

    @pytest.mark.parametrize("way", _WAYS)
    @pytest.mark.parametrize("point", [point for point in POINTS if not point.endswith("cancel")])
    def test_killed_and_resumed_it_is_one_job_with_its_result(
        self, tmp_path: Path, point: str, way: str
    ) -> None:
        assert self._dies(tmp_path, point, way), f"it did not come to {point!r}"
        self._has_jobs(tmp_path, 0 if point == "before submit" else 1)
        self._gives_its_result_when_resumed(tmp_path)

    @pytest.mark.parametrize("way", _WAYS)
    @pytest.mark.parametrize("point", _COMMITS)
    def test_killed_around_what_it_records_and_resumed_it_is_one_job_with_its_result(
        self, tmp_path: Path, point: str, way: str
    ) -> None:
        if self._dies(tmp_path, point, way):  # how much it records depends on how long it takes
            self._gives_its_result_when_resumed(tmp_path)

    @pytest.mark.parametrize("way", _WAYS)
    @pytest.mark.parametrize("point", [point for point in POINTS if point.endswith("cancel")])
    def test_killed_while_it_is_cancelled_and_resumed_it_comes_to_a_clear_end(
        self, tmp_path: Path, point: str, way: str
    ) -> None:
        folder = self._dies_in_one_of(tmp_path, point, way)
        self._has_jobs(folder, 1)
        outcome, keys = self._in_a_process(folder, resume=True)
        assert outcome.step in ("Success", "Failed", "Cancelled"), outcome
        if outcome.step == "Success":
            self._check(outcome.result)
        assert sum(map(self.submissions, keys)) <= 1  # none when it left no trace and was discarded
        for key in keys:
            self._gone(key)

    @pytest.mark.parametrize("point", POINTS[:6] if _FULL else ("after submit", "while it runs"))
    def test_asked_to_end_it_leaves_nothing_running_and_can_be_resumed(
        self, tmp_path: Path, point: str
    ) -> None:
        first, keys = self._in_a_process(tmp_path, point=point, way="SIGTERM")
        assert first.state in ("Cancelled", "Success"), first
        for key in keys:
            self._gone(key)
        outcome, keys = self._in_a_process(tmp_path, resume=True)
        assert outcome.state == "Success", outcome
        self._check(outcome.result)
        assert [key for key in keys if self.submissions(key) > 1] == []
