"""`longshore run` as a process: what it exits with, what it prints where, and how signals end it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

pytest.importorskip("click", reason="needs longshore[cli]")

COMMAND = [sys.executable, "-c", "import sys; from longshore.cli import main; sys.exit(main())"]
FLOWS = """
    import os
    import time
    from datetime import date
    from pathlib import Path

    from longshore import Resource, current, flow, task

    print("the file says hello")


    @task(retries=1)
    def count(day: date) -> int:
        current.log.info("counting %s", day)
        if current.attempt == 1:
            raise ValueError("not yet")
        print("a step prints")
        os.system("echo a child prints")
        return day.day


    @task
    def path(n: int) -> Path:
        return Path("counted", str(n))


    @task
    def thing(n: int) -> object:
        return object()


    @flow
    def good(day: date = date(2013, 1, 14)):
        n = count(day)
        path.map([1, 2])
        thing(n)
        return n


    @task
    def refuse(n: int) -> int:
        if n == 1:
            raise KeyError("no such airport")
        return n


    @flow
    def bad():
        refuse.map([0, 1, 2])


    class Room(Resource[str]):
        def setup(self) -> str:
            return "room"

        def cleanup(self, value: str) -> None:
            time.sleep(float(os.environ.get("CLEANUP", "0")))
            print("cleaned up", flush=True)


    @task
    def wait() -> None:
        print("waiting", flush=True)
        while not current.cancelled:
            time.sleep(0.01)


    @flow
    def long():
        with Room():
            wait()
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "flows.py").write_text(textwrap.dedent(FLOWS))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def longshore(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_flow_that_succeeds_exits_with_0_and_says_each_transition_on_stderr() -> None:
    answer = longshore("run", "flows.py:good")
    assert answer.returncode == 0
    assert sorted(answer.stdout.splitlines()) == ["a child prints", "a step prints"]
    for line in (
        "count | counting 2013-01-14",
        "count | Retrying in 0 s (attempt 1 of 2): ValueError: not yet",
        "count | Success",
        "path | Mapped: 2 steps succeeded",
        "flow good | Success",
    ):
        assert line in answer.stderr


def test_a_flow_that_fails_exits_with_1_and_says_which_step_and_why() -> None:
    answer = longshore("run", "flows.py:bad")
    assert answer.returncode == 1
    assert "refuse[1] | Failed" in answer.stderr
    assert "flow bad | Failed" in answer.stderr
    verdict, hint = answer.stderr.splitlines()[-2:]
    assert "no such airport" in verdict
    assert hint.startswith("longshore: to see more: longshore show ")


def test_json_is_one_object_and_nothing_else_on_stdout_whatever_steps_and_their_children_print() -> None:
    answer = longshore("run", "flows.py:good", "--json", "--run-id", "mine", "--executor", "inline")
    assert answer.returncode == 0
    assert answer.stdout.count("\n") == 1
    report = json.loads(answer.stdout)
    assert "a step prints" in answer.stderr
    assert "a child prints" in answer.stderr
    assert "the file says hello" in answer.stderr
    assert {name: report[name] for name in ("flow", "run_id", "state", "result", "parameters")} == {
        "flow": "good",
        "run_id": "mine",
        "state": "Success",
        "result": 14,
        "parameters": {"day": "2013-01-14"},
    }
    assert report["seconds"] > 0
    assert report["started"] < report["ended"]
    count, path, thing = sorted(report["steps"], key=lambda step: step["name"])
    assert (count["state"], count["result"], count["message"]) == ("Success", 14, "")
    assert path["result"] == ["counted/1", "counted/2"]
    assert path["mapped"] == {"count": 2, "states": {"Success": 2}, "failed": []}
    assert (thing["result"], thing["result_type"]) == (None, "object")


def test_json_of_a_failed_flow_has_the_states_and_errors_of_its_steps() -> None:
    answer = longshore("run", "flows.py:bad", "--json")
    assert answer.returncode == 1
    report = json.loads(answer.stdout)
    assert (report["state"], report["result"]) == ("Failed", None)
    [step] = report["steps"]
    assert step["result"] == [0, None, 2]
    assert step["mapped"]["states"] == {"Success": 2, "Failed": 1}
    [failed] = step["mapped"]["failed"]
    assert (failed["index"], failed["state"], failed["error"]) == (1, "Failed", "KeyError")


def test_a_flow_runs_in_processes_that_find_its_file() -> None:
    answer = longshore("run", "flows.py:good", "--executor", "processes:2", "--json")
    assert answer.returncode == 0, answer.stderr
    steps = json.loads(answer.stdout)["steps"]
    assert {step["name"]: step["state"] for step in steps}["count"] == "Success"


def test_where_the_file_set_logging_up_the_lines_go_there_and_the_failure_is_still_said(here: Path) -> None:
    lines = "import logging\nlogging.basicConfig(filename='run.log', level=logging.INFO)\n"
    (here / "logged.py").write_text(lines + textwrap.dedent(FLOWS))
    answer = longshore("run", "logged.py:bad")
    assert answer.returncode == 1
    assert "refuse[1] | Failed" in (here / "run.log").read_text()
    assert answer.stderr.splitlines()[0] == "the file says hello"
    assert answer.stderr.splitlines()[1].startswith("longshore: flow 'bad' ended Failed: ")


def test_a_secret_is_masked_wherever_a_run_shows_it(here: Path) -> None:
    (here / "hidden.py").write_text(
        textwrap.dedent("""
            from longshore import Secret, current, flow, task

            @task
            def leak(given: str) -> dict[str, str]:
                value = Secret("env:CANARY").get()
                current.log.info("got %s", value)
                return {"value": value, "given": given}

            @task
            def fail(found: dict[str, str]) -> None:
                raise ValueError(f"cannot use {found['value']}")

            @flow
            def hidden(given: str):
                fail(leak(given))
        """)
    )
    canary = "canary-5f3a9c21"
    answer = longshore("run", "hidden.py", "--given", canary, "--json", CANARY=canary)
    assert answer.returncode == 1
    assert canary not in answer.stdout + answer.stderr
    assert json.loads(answer.stdout)["steps"][0]["result"] == {"value": "***", "given": "***"}


def test_output_that_nobody_reads_any_more_is_no_traceback() -> None:
    command = subprocess.list2cmdline([*COMMAND, "graph", "flows.py:good"])
    answer = subprocess.run(
        ["bash", "-c", f"{command} | true"], capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" not in answer.stderr


def start(*words: str, **environment: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [*COMMAND, "run", *words],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    return process


@pytest.mark.parametrize("executor", ["inline", "threads:2"])
@pytest.mark.parametrize(
    ("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)]
)
@pytest.mark.gate("C5")
def test_a_signal_ends_the_run_in_order(executor: str, signum: signal.Signals, code: int) -> None:
    process = start("flows.py:long", "--executor", executor)
    began = time.monotonic()
    process.send_signal(signum)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == code
    assert time.monotonic() - began < 10
    assert stdout == "cleaned up\n"
    assert "flow long | Cancelled" in stderr
    assert "Traceback" not in stderr


@pytest.mark.gate("C5")
def test_json_is_printed_after_a_signal_too() -> None:
    process = subprocess.Popen(
        [*COMMAND, "run", "flows.py:long", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    while "waiting" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGTERM)
    stdout, _ = process.communicate(timeout=30)
    assert process.returncode == 143
    report = json.loads(stdout)
    assert report["state"] == "Cancelled"
    assert report["message"] == "received SIGTERM"


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.gate("C5")
def test_a_second_signal_ends_the_command_at_once(signum: signal.Signals, code: int) -> None:
    process = start("flows.py:long", CLEANUP="30")
    process.send_signal(signum)
    time.sleep(0.6)
    began = time.monotonic()
    process.send_signal(signum)
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == code
    assert time.monotonic() - began < 5
    assert stdout == ""
    assert stderr.splitlines()[-1] == "longshore: left at once, without clean-up"
    assert "Traceback" not in stderr


def test_ctrl_c_while_the_file_is_loaded_exits_with_130(here: Path) -> None:
    (here / "slow.py").write_text("import time\nprint('loading', flush=True)\ntime.sleep(30)\n")
    process = subprocess.Popen(
        [*COMMAND, "run", "slow.py"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "loading\n"
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in stderr
