"""Runs that go on, die, are cancelled from elsewhere and resumed, as processes and from the command line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("click", reason="needs longshore[cli]")
if sys.platform == "win32":
    pytest.skip("needs signals", allow_module_level=True)

from recorded_flows import Command, until


@pytest.fixture
def longshore(tmp_path: Path) -> Iterator[Command]:
    command = Command(tmp_path)
    yield command
    command.end()


def kill(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def started(longshore: Command, flow: str, mark: str) -> subprocess.Popen[str]:
    """Start a run and wait until a step of it has made its mark."""
    process = longshore.start("run", f"flows.py:{flow}")
    until((longshore.folder / mark).exists)
    (longshore.folder / mark).unlink()
    return process


@pytest.mark.gate("D7")
def test_a_killed_run_shows_as_crashed_at_once(
    longshore: Command, gate_count: Callable[[int, int], int]
) -> None:
    for _ in range(gate_count(1, 20)):
        process = started(longshore, "long", "waiting")
        assert longshore.runs()[0]["state"] == "Running"
        kill(process)
        assert longshore("runs").stdout.splitlines()[1].split()[2] == "Crashed"  # nothing is waited for
        run = longshore.runs()[0]["run_id"]
        assert f"longshore resume {run[:8]}" in longshore("show", run).stdout


def test_a_killed_run_is_resumed_from_where_it_was(longshore: Command) -> None:
    kill(started(longshore, "long", "waiting"))
    [run] = longshore.runs()
    (longshore.folder / "enough").touch()
    answer = longshore("resume", run["run_id"][:8])
    assert answer.returncode == 0, answer.stderr
    assert "resumed: 1 of 2 steps are done" in answer.stderr
    assert "counting" not in answer.stderr
    [run] = longshore.runs()
    assert (run["state"], run["tries"]) == ("Success", 2)
    attempts = longshore.told("show", run["run_id"], "wait")["attempts"]
    assert [attempt["state"] for attempt in attempts] == ["Crashed", "Success"]


def killed_while_posting(longshore: Command) -> str:
    """Return a run that was killed while a step that may not be repeated was under way."""
    kill(started(longshore, "told", "posting"))
    run: str = longshore.runs()[0]["run_id"]
    answer = longshore("resume", run)
    assert answer.returncode == 1
    assert "post | Unknown" in answer.stderr
    assert not (longshore.folder / "posting").exists()
    return run


def test_a_step_that_is_unknown_is_shown_with_the_two_ways_on(longshore: Command) -> None:
    run = killed_while_posting(longshore)
    lines = [" ".join(line.split()) for line in longshore("show", run).stdout.splitlines()]
    assert lines[-2:] == [
        f"next: longshore resume {run[:8]} --rerun post # when what is Unknown did not happen",
        f"longshore resume {run[:8]} --accept post # when it did",
    ]


def test_a_step_that_is_unknown_runs_again_when_that_is_said(longshore: Command) -> None:
    run = killed_while_posting(longshore)
    (longshore.folder / "posted").touch()
    told = longshore.told("resume", run, "--rerun", "post")
    assert (told["state"], told["result"]) == ("Success", "posted 3")


def test_a_step_that_is_unknown_is_accepted_with_its_result(longshore: Command) -> None:
    run = killed_while_posting(longshore)
    told = longshore.told("resume", run, "--accept", 'post="posted by hand"')
    assert (told["state"], told["result"]) == ("Success", "posted by hand")
    assert not (longshore.folder / "posting").exists()


def test_a_run_is_cancelled_from_another_terminal(longshore: Command) -> None:
    process = started(longshore, "long", "waiting")
    run = longshore.runs()[0]["run_id"]
    answer = longshore("cancel", run[:8], "--reason", "the wrong day")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.startswith(f"run {run[:8]} (long) ended Cancelled")
    assert "the wrong day" in answer.stdout
    process.communicate(timeout=20)
    assert longshore.runs()[0]["state"] == "Cancelled"
    again = longshore("cancel", run)
    assert (again.returncode, again.stdout) == (1, f"run {run[:8]} (long) has ended already: Cancelled\n")


def test_cancelling_says_when_a_run_takes_longer_than_one_waits(longshore: Command) -> None:
    process = started(longshore, "told", "posting")
    run = longshore.runs()[0]["run_id"]
    asked = longshore("cancel", run, "--no-wait")
    assert (asked.returncode, asked.stdout) == (0, f"asked for run {run[:8]} (told) to be cancelled\n")
    waited = longshore("cancel", run, "--timeout", "0.1")
    assert waited.returncode == 1
    assert (
        f"was asked to end and is still Running after 0.1 s; see: longshore show {run[:8]}" in waited.stderr
    )
    kill(process)


def test_a_killed_run_is_cancelled_at_once(longshore: Command) -> None:
    kill(started(longshore, "long", "waiting"))
    run = longshore.runs()[0]["run_id"]
    answer = longshore("cancel", run)
    assert (answer.returncode, longshore.runs()[0]["state"]) == (0, "Cancelled")


def test_a_log_is_followed_until_the_run_ends(longshore: Command) -> None:
    process = started(longshore, "long", "waiting")
    run = longshore.runs()[0]["run_id"]
    following = longshore.start("logs", run, "wait", "--follow")
    time.sleep(1.5)
    assert following.poll() is None
    (longshore.folder / "enough").touch()
    process.communicate(timeout=20)
    stdout, stderr = following.communicate(timeout=20)
    assert (following.returncode, stderr) == (0, "")
    numbers = [int(line.rpartition(" ")[2]) for line in stdout.splitlines()]
    assert len(numbers) > 10
    assert stdout == longshore("logs", run, "wait").stdout


def test_a_run_that_somebody_drives_is_not_resumed(longshore: Command) -> None:
    process = started(longshore, "long", "waiting")
    answer = longshore("resume", longshore.runs()[0]["run_id"])
    assert answer.returncode == 2
    assert str(process.pid) in answer.stderr
    kill(process)


def test_a_run_whose_file_has_moved_is_resumed_with_the_new_one(longshore: Command) -> None:
    kill(started(longshore, "long", "waiting"))
    run = longshore.runs()[0]["run_id"]
    (longshore.folder / "flows.py").rename(longshore.folder / "moved.py")
    answer = longshore("resume", run)
    assert answer.returncode == 2
    assert "no such file" in answer.stderr
    assert f"when its flow is elsewhere now: longshore resume {run[:8]} flows.py:name" in answer.stderr
    (longshore.folder / "enough").touch()
    assert longshore("resume", run, "moved.py:long", "--changed", "keep").returncode == 0


def test_a_run_that_code_started_says_that_its_flow_has_to_be_named(longshore: Command) -> None:
    code = "from longshore import flow\n@flow\ndef small(): ...\nsmall.run(store='runs.db', run_id='by-code')"
    subprocess.run([sys.executable, "-c", code], cwd=longshore.folder, check=True, timeout=30)
    answer = longshore("resume", "by-code")
    assert answer.returncode == 2
    assert "longshore resume by-code flows.py:name" in answer.stderr


@pytest.mark.parametrize("spoil", ["no database", "a folder"])
def test_a_store_that_cannot_be_used_is_an_error_that_names_no_store(longshore: Command, spoil: str) -> None:
    if spoil == "a folder":
        longshore.store.mkdir()
    else:
        longshore.store.write_text("this is no database, and was none before\n" * 100)
    answer = longshore("run", "flows.py:nightly")
    assert answer.returncode == 2, answer.stderr
    assert str(longshore.store) in answer.stderr
    assert answer.stderr.endswith("to run it without a record: add --no-store\n")
    assert "Running" not in answer.stderr
    assert longshore("run", "flows.py:nightly", "--no-store").returncode == 0


def test_a_run_without_a_store_leaves_none_and_hints_at_none(longshore: Command) -> None:
    (longshore.folder / "refuse").touch()
    answer = longshore("run", "flows.py:nightly", "--no-store")
    assert answer.returncode == 1
    assert "longshore show" not in answer.stderr
    assert not longshore.store.exists()
    assert (
        "give --store or --no-store" in longshore("run", "flows.py:long", "--store", "x", "--no-store").stderr
    )


def test_an_id_that_is_taken_says_how_to_go_on(longshore: Command) -> None:
    assert longshore("run", "flows.py:nightly", "--run-id", "mine").returncode == 0
    answer = longshore("run", "flows.py:nightly", "--run-id", "mine")
    assert answer.returncode == 2
    assert "longshore resume mine" in answer.stderr
    assert "--no-store" not in answer.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--accept", "load={"), "cannot read --accept 'load={'"),
        (("--rerun", "laod"), "no step 'laod' (did you mean 'load'?)"),
        (("--executor", "nowhere"), "there is no executor 'nowhere'"),
    ],
)
def test_a_resume_that_cannot_start_exits_with_2(
    longshore: Command, words: tuple[str, ...], said: str
) -> None:
    (longshore.folder / "refuse").touch()
    run: dict[str, Any] = longshore.told("run", "flows.py:nightly")
    answer = longshore("resume", run["run_id"], *words)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert said in answer.stderr
