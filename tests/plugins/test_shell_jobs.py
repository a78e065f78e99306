"""Detached jobs do what `Shell` and `Subprocess` do: the same inputs, results, failures, output."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from detached_jobs import lines_of, new_key, run_program, wait_for, wait_for_end
from process_trees import MARK, TREES, alive, new_mark, wait_until_gone, wait_until_there

from longshore import ConfigurationError, JobFailed, JobNotFoundError, OutputsError, Secret, Skip
from longshore.stores.serializers import decode, encode
from longshore.testing import raises_saying
from longshore_shell import CommandInputError, CommandNotFound, CommandNotStarted, ShellJob, SubprocessJob

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="jobs need Linux")


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    return tmp_path / "state" / "jobs"


@pytest.fixture
def mark() -> Iterator[str]:
    yield (value := new_mark())
    for pid in alive(value):
        os.kill(pid, signal.SIGKILL)


def run(job: ShellJob | SubprocessJob, **inputs: Any) -> tuple[JobFailed | None, Any]:
    """Submit a job and wait for its end."""
    handle = job.submit(new_key(), **inputs)
    return wait_for_end(job, handle), handle


# Results


def test_a_job_takes_the_inputs_of_shell_and_returns_its_result(jobs: Path, tmp_path: Path) -> None:
    job = ShellJob(
        'echo "$DAY $1 {place} $(cat) $PWD" >&2; echo "day=$DAY" >> "$LONGSHORE_OUTPUTS"; '
        """printf '{{"rows": %d}}\\n' 3 >> "$LONGSHORE_OUTPUTS"; exit 4""",
        jobs_folder=jobs,
        cwd=tmp_path,
        success_codes=(4,),
    )
    result = job(env={"DAY": 1}, args=("one",), stdin="in", values={"place": "$(x)"})
    assert result == {"day": "1", "rows": 3}
    assert (result.exit_code, result.leftovers) == (4, ())
    assert result.stderr_tail == f"1 one $(x) in {tmp_path}\n"
    assert result.peak_memory > 1_000_000
    assert [path for path in jobs.iterdir() if path.is_dir()] == []


def test_a_program_is_a_job_too(jobs: Path) -> None:
    job = SubprocessJob(("sh", "-c", 'echo "$0"; echo n=$0 >> "$LONGSHORE_OUTPUTS"'), jobs_folder=jobs)
    assert job(args=("a b; c",)) == {"n": "a b; c"}


def test_a_result_comes_back_from_a_store_with_all_that_it_knows(jobs: Path) -> None:
    result = ShellJob("echo out; echo rows=3 >> $LONGSHORE_OUTPUTS", jobs_folder=jobs)()
    back = decode(encode(result))
    assert (type(back), back, vars(back)) == (type(result), result, vars(result))


def test_the_result_can_be_fetched_until_the_job_is_discarded(jobs: Path) -> None:
    job = ShellJob("echo rows=3 >> $LONGSHORE_OUTPUTS", jobs_folder=jobs)
    failure, handle = run(job)
    assert failure is None
    assert job.result(handle) == job.result(handle) == {"rows": "3"}
    job.discard(handle)
    job.discard(handle)
    with raises_saying(JobNotFoundError, "there is no job in"):
        job.poll(handle)
    assert lines_of(job, handle) == []


def test_what_was_not_submitted_is_not_found_and_what_was_is(jobs: Path) -> None:
    job, key = ShellJob("true", jobs_folder=jobs), new_key()
    assert job.find(key) is None
    handle = job.submit(key)
    assert job.find(key) == handle == job.submit(key)
    assert wait_for_end(job, handle) is None
    assert job.find(key) == handle == job.submit(key)


def test_jobs_are_kept_where_the_xdg_specification_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    job = ShellJob("true")
    handle = job.submit("one")
    assert handle == {"folder": str(tmp_path / "longshore" / "jobs" / "one")}
    wait_for_end(job, handle)
    monkeypatch.setenv("XDG_STATE_HOME", "not/absolute")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert job.find("one") is None
    assert job._jobs_folder() == str(tmp_path / "home" / ".local" / "state" / "longshore" / "jobs")


# Failures


@pytest.mark.parametrize(
    ("script", "code", "number", "text"),
    [
        ("echo bad >&2; exit 3", 3, None, "exited with 3 after"),
        ("no-such-program", 127, None, "exited with 127 (a program was not found)"),
        ("kill -SEGV $$", None, 11, "was ended by SIGSEGV"),
    ],
)
def test_a_failure_says_what_shell_says(
    jobs: Path, script: str, code: int | None, number: int | None, text: str
) -> None:
    failure, _ = run(ShellJob(f"echo rows=7 >> $LONGSHORE_OUTPUTS; echo out; {script}", jobs_folder=jobs))
    assert failure is not None
    assert (failure.reason, failure.exit_code, failure.signal) == ("exit code", code, number)
    assert text in str(failure)
    assert failure.log_tail[0] == "out"
    assert failure.outputs == {"rows": "7"}
    assert failure.retryable


def test_exit_codes_mean_what_the_task_says(jobs: Path) -> None:
    job = ShellJob("exit $1", jobs_folder=jobs, skip_codes=(3,), retry_codes=(4,))
    failure, handle = run(job, args=(3,))
    assert failure is None
    with pytest.raises(Skip):
        job.result(handle)
    failures = [run(job, args=(code,))[0] for code in (4, 5)]
    assert [failure is not None and failure.retryable for failure in failures] == [True, False]


def test_an_outputs_file_that_cannot_be_read_is_an_error_of_the_result(jobs: Path) -> None:
    job = ShellJob("echo nonsense >> $LONGSHORE_OUTPUTS", jobs_folder=jobs)
    failure, handle = run(job)
    assert failure is None
    with raises_saying(OutputsError, "'nonsense'"):
        job.result(handle)


def test_what_cannot_be_started_is_said_before_anything_is(jobs: Path, tmp_path: Path) -> None:
    for job, error, text in [
        (ShellJob("true", cwd="/no/such"), CommandNotFound, "cannot run a command in '/no/such'"),
        (SubprocessJob(("no-such-program",)), CommandNotFound, "cannot run 'no-such-program': not found"),
        (ShellJob("true", interpreter="no-such-shell"), CommandNotFound, "'no-such-shell'"),
        (
            ShellJob("true", output_file="/no/such/file"),
            CommandNotStarted,
            "the output file '/no/such/file': No",
        ),
    ]:
        key = new_key()
        with raises_saying(error, text):
            job.replace(jobs_folder=jobs).submit(key)
        assert job.replace(jobs_folder=jobs).find(key) is None
    (tmp_path / "file").touch()
    with raises_saying(CommandNotStarted, "cannot write the job folder"):
        ShellJob("true", jobs_folder=tmp_path / "file").submit(new_key())
    secret: Any = Secret("env:HOME")
    with raises_saying(CommandInputError, "argument 1 is a secret"):
        ShellJob("true", jobs_folder=jobs).submit(new_key(), args=(secret,))


def test_a_watcher_that_cannot_be_started_is_said(jobs: Path) -> None:
    said = run_program(
        """
        sys.executable = "/no/such/python"
        job = ShellJob("true", jobs_folder=sys.argv[1])
        try:
            job.submit("k")
        except CommandNotStarted as error:
            print(error, error.retryable, job.find("k"))
        """,
        str(jobs),
    )
    assert said == (
        "bash script 'true' was not started: cannot start its watcher with '/no/such/python': "
        "No such file or directory False None\n"
    )


def test_elsewhere_than_on_linux_a_job_says_that_it_cannot_be(jobs: Path) -> None:
    said = run_program(
        """
        sys.platform = "darwin"
        job = ShellJob("true", jobs_folder=sys.argv[1])
        print(job.find("k"))
        try:
            job.submit("k")
        except CommandNotStarted as error:
            print(error)
        """,
        str(jobs),
    )
    assert said == (
        "None\ncannot start ShellJob on darwin: a command that outlives its worker needs Linux; use Shell or "
        "Subprocess, which end with it\n"
    )


@pytest.mark.parametrize(
    ("content", "mode", "reason", "text"),
    [
        (
            "#!/no/such/interpreter\n",
            0o700,
            "not found",
            "the interpreter that its first line names is not there",
        ),
        ("\0garbage", 0o700, "bad data", "it is no program for this system"),
        ("#!/bin/sh\n", 0o600, "unauthorized", "run: chmod +x"),
    ],
)
def test_a_program_that_the_system_refuses_fails_with_the_reason(
    jobs: Path, tmp_path: Path, content: str, mode: int, reason: str, text: str
) -> None:
    program = tmp_path / "program"
    program.write_text(content)
    program.chmod(mode)
    failure, _ = run(SubprocessJob((str(program),), jobs_folder=jobs))
    assert failure is not None
    assert (failure.reason, failure.retryable) == (reason, False)
    assert text in str(failure)


@pytest.mark.parametrize("key", ["", "..", "../x", "/etc/x", "a/b", ".hidden", "a\0b", "a" * 201, "x.gone"])
def test_a_hostile_key_is_refused(jobs: Path, key: str) -> None:
    job = ShellJob("true", jobs_folder=jobs)
    for use in (job.submit, job.find):
        with raises_saying(ConfigurationError, "as a job's key"):
            use(key)
    assert not jobs.exists()


def test_a_grace_that_a_cancelled_job_has_no_time_for_is_refused(jobs: Path) -> None:
    with raises_saying(ConfigurationError, "below cancel_grace, which is 10"):
        ShellJob("true", grace=10)
    with raises_saying(ConfigurationError, "log_limit=-1"):
        ShellJob("true", log_limit=-1)
    assert ShellJob("true", grace=60, cancel_grace=70).grace == 60


# The end


@pytest.mark.gate("P4")
@pytest.mark.parametrize("kind", TREES)
def test_a_cancelled_job_ends_as_a_tree_by_another_process_than_its_own(
    jobs: Path, mark: str, kind: str
) -> None:
    body = "ShellJob(sys.argv[1], jobs_folder=sys.argv[2], grace=0.3).submit('k')"
    run_program(body, TREES[kind], str(jobs), env={MARK: mark})
    job = ShellJob(TREES[kind], jobs_folder=jobs, grace=0.3)
    handle = job.find("k")
    assert handle is not None
    wait_until_there(mark, 2)
    job.cancel(handle)
    job.cancel(handle)
    failure = wait_for_end(job, handle, 8)
    assert failure is not None
    assert (failure.reason, failure.retryable) == ("cancelled", False)
    assert wait_until_gone(mark, 2) == {}
    job.cancel(handle)
    job.discard(handle)
    job.cancel(handle)


def test_a_cancelled_job_has_its_grace_to_clean_up(jobs: Path, tmp_path: Path) -> None:
    script = (
        "trap 'echo cleaning; sleep 0.3; touch clean; exit 0' TERM; touch ready; while :; do sleep 0.1; done"
    )
    job = ShellJob(script, jobs_folder=jobs, cwd=tmp_path)
    handle = job.submit(new_key())
    wait_for(tmp_path / "ready")
    job.cancel(handle)
    failure = wait_for_end(job, handle)
    assert failure is not None
    assert failure.reason == "cancelled"
    assert (tmp_path / "clean").exists()
    assert "cleaning" in failure.log_tail


def test_what_a_command_leaves_behind_is_ended_and_named(jobs: Path, mark: str) -> None:
    job = ShellJob("setsid -f sleep 300; sleep 300 & echo done", jobs_folder=jobs, grace=0.2)
    failure, handle = run(job, env={MARK: mark})
    assert failure is None
    assert [name.split()[0] for name in job.result(handle).leftovers] == ["sleep", "sleep"]
    assert alive(mark) == {}


def test_a_timeout_of_a_call_cancels_the_job(jobs: Path, mark: str) -> None:
    from longshore import AttemptTimedOut

    with pytest.raises(AttemptTimedOut):
        ShellJob("sleep 300", jobs_folder=jobs, timeout=0.3)(env={MARK: mark})
    assert wait_until_gone(mark, 2) == {}


# What lies on disk


@pytest.mark.gate("S12")
def test_everything_is_private_whatever_the_umask(jobs: Path, tmp_path: Path) -> None:
    body = """
        os.umask(int(sys.argv[3], 8))
        job = ShellJob("umask; touch made; sleep 0.3; echo ::progress 0.1", jobs_folder=sys.argv[1],
                       cwd=sys.argv[2], output_file=sys.argv[2] + "/out")
        handle = job.submit(new_key())
        folder = Path(handle["folder"])
        for path in (folder.parent, folder, *sorted(folder.iterdir()), Path(sys.argv[2], "out")):
            print(path.name, oct(path.stat().st_mode & 0o777))
        assert wait_for_end(job, handle) is None
        print(lines_of(job, handle), oct((folder / "end").stat().st_mode & 0o777))
    """
    shown = dict(
        line.rsplit(" ", 1) for line in run_program(body, str(jobs), str(tmp_path), "000").splitlines()
    )
    assert shown.pop("['0000']") == "0o600"
    assert shown.pop("script") == "0o700"
    assert shown.pop("jobs") == "0o700"
    assert {name for name, mode in shown.items() if mode == "0o700"} == {
        name for name in shown if "-" in name
    }
    assert set(shown.values()) == {"0o600", "0o700"}
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o666


def test_jobs_that_ended_long_ago_are_removed_by_a_later_submission(jobs: Path) -> None:
    job = ShellJob("true", jobs_folder=jobs)
    old, new, never = (job.submit(key) for key in ("old", "new", "never"))
    for handle in (old, new, never):
        wait_for_end(job, handle)
    (jobs / "never" / "start").unlink()
    (jobs / "half.123.gone").mkdir()
    week_ago = time.time() - 7 * 24 * 3600 - 60
    for name in ("old", "never", ".tidied"):
        os.utime(jobs / name, (week_ago, week_ago))
    wait_for_end(job, job.submit("next"))
    assert {path.name for path in jobs.iterdir()} == {".tidied", "new", "next"}
