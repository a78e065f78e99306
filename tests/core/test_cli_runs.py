"""Recorded runs on the command line: listed, shown, with their logs, and pruned."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

pytest.importorskip("click", reason="needs longshore[cli]")

from recorded_flows import Command

from longshore.stores.records import (
    JobIntended,
    JobRecord,
    Logged,
    LogRecord,
    RunChanged,
    RunRecord,
    StepChanged,
)
from longshore.stores.sqlite import SQLiteStore


@pytest.fixture
def longshore(tmp_path: Path) -> Command:
    return Command(tmp_path)


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """A store with one run that succeeded and a newer one that failed."""
    command = Command(tmp_path_factory.mktemp("failed"))
    assert command("run", "flows.py:nightly", "--day", "2013-01-15").returncode == 0
    (command.folder / "refuse").touch()
    assert command("run", "flows.py:nightly").returncode == 1
    return command


def test_runs_are_listed_the_newest_first(failed: Command) -> None:
    lines = failed("runs").stdout.splitlines()
    assert lines[0].split() == ["run", "name", "state", "started", "took", "steps"]
    assert re.fullmatch(
        r"[0-9a-f]{8}  nightly  Failed   \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  [\d.]+ s  1/3", lines[1]
    )
    assert re.fullmatch(
        r"[0-9a-f]{8}  nightly  Success  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  [\d.]+ s  3/3", lines[2]
    )
    assert lines[-1] == f"more of one: longshore show {lines[1][:8]}"


def test_of_the_runs_that_a_schedule_made_the_next_one_of_each_flow_is_listed(longshore: Command) -> None:
    store = SQLiteStore(longshore.folder / "runs.db")
    for flow in ("hourly", "nightly"):
        for due in (3e9, 1e9, 2e9):
            run = RunRecord(run_id=f"{flow}-{due:.0f}", flow=flow, state="Scheduled", due=due, schedule="x")
            assert store.create(run)
    store.create(RunRecord(run_id="past", flow="nightly", created=1e9))
    store.close()
    chosen = ("--store", "runs.db")
    listed = [run["run_id"] for run in longshore.told("runs", *chosen)]
    assert sorted(listed[:2]) == ["hourly-1000000000", "nightly-1000000000"]
    assert listed[2:] == ["past"]
    assert len(longshore.told("runs", *chosen, "--state", "Scheduled")) == 6


def test_runs_are_chosen_by_flow_state_and_number(failed: Command) -> None:
    assert [run["state"] for run in failed.told("runs", "--state", "failed")] == ["Failed"]
    assert [run["state"] for run in failed.told("runs", "--state", "Success", "--state", "Failed")] == [
        "Failed",
        "Success",
    ]
    assert len(failed.told("runs", "--limit", "1")) == 1
    assert failed.told("runs", "--flow", "other") == []
    assert failed("runs", "--flow", "other").stdout == "no such run\n"
    assert "'Crashd' is not one of" in failed("runs", "--state", "Crashd").stderr


def test_a_run_is_listed_for_programs(failed: Command) -> None:
    [run, _] = failed.runs()
    assert run["flow"] == "nightly"
    assert run["target"] == f"{failed.folder}/flows.py:nightly"
    assert run["steps"] == {"done": 1, "total": 3}
    assert run["started"].endswith("+00:00")
    assert run["tries"] == 1


def test_a_run_is_shown_with_its_steps_and_what_can_be_done_next(failed: Command) -> None:
    run = failed.runs()[0]["run_id"]
    lines = failed("show", run[:6]).stdout.splitlines()
    text = " ".join(" ".join(lines).split())
    assert lines[0].startswith("nightly  Failed in ")
    assert f"run {run}" in text
    assert f"from {failed.folder}/flows.py:nightly" in text
    assert "parameters day=2013-01-14" in text
    assert "count Success" in text
    assert "2 Success, 1 Failed" in text
    assert "refuse[1] Failed" in text
    assert "load TriggerFailed" in text
    assert lines[-1] == f"next:  longshore resume {run[:8]}  # run what has not succeeded"


def test_a_step_is_shown_with_its_attempts_its_result_and_its_log(failed: Command) -> None:
    run = failed.runs()[1]["run_id"]
    text = " ".join(failed("show", run, "load").stdout.split())
    assert re.search(r"attempts 1 Retrying .* ConnectionError: reset by peer 2 Success", text)
    assert 'result 11 bytes { "rows": 15 }' in text
    assert re.search(r"log \d\d:\d\d:\d\d loaded 15", text)


def test_one_of_a_mapped_step_is_shown_with_its_traceback(failed: Command) -> None:
    run = failed.runs()[0]["run_id"]
    text = failed("show", run, "refuse[1]").stdout
    assert text.startswith("refuse[1]  Failed in ")
    assert 'raise ValueError("no airport 1")' in text


def test_a_run_and_a_step_are_shown_for_programs(failed: Command) -> None:
    run = failed.runs()[0]["run_id"]
    told = failed.told("show", run)
    assert told["parameters"] == {"day": "2013-01-14"}
    assert [step["name"] for step in told["steps"]] == ["count", "refuse", "load"]
    assert told["steps"][1]["mapped"] == {"count": 3, "states": {"Success": 2, "Failed": 1}}
    assert told["next"] == [f"longshore resume {run[:8]}"]
    step = failed.told("show", run, "refuse[2]")
    assert (step["name"], step["index"], step["state"], step["result"]) == ("refuse", 2, "Success", 2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "{run}", "laod"), "has no step 'laod' (did you mean 'load'?)"),
        (("show", "{run}", "refuse[7]"), "step 'refuse' has no 'refuse[7]': it has 3, from 0"),
        (("logs", "{run}", "load[0]"), "step 'load' has no 'load[0]': it is not mapped, or has not begun"),
        (("show", "0000000"), "cannot find run '0000000'"),
        (("show", "a"), "an id has 4 characters or more"),
    ],
)
def test_a_wrong_run_or_step_exits_with_2_and_says_what_there_is(
    failed: Command, words: tuple[str, ...], said: str
) -> None:
    run = failed.runs()[0]["run_id"]
    answer = failed(*(word.format(run=run) for word in words))
    assert (answer.returncode, answer.stdout) == (2, "")
    assert said in answer.stderr


def test_logs_have_time_level_and_step(failed: Command) -> None:
    run = failed.runs()[1]["run_id"]
    lines = failed("logs", run).stdout.splitlines()
    assert [re.sub(r"^[-\d]+ [:\d]+ ", "", line) for line in lines] == [
        "INFO    count | counting 2013-01-15",
        "WARNING load | loaded 15",
    ]
    assert [line for line in lines if "load |" in line] == failed("logs", run, "load").stdout.splitlines()
    told = [json.loads(line) for line in failed("logs", run, "count", "--json").stdout.splitlines()]
    assert [(line["step"], line["level"], line["text"]) for line in told] == [
        ("count", "INFO", "counting 2013-01-15")
    ]


@pytest.mark.parametrize(
    "words", [("runs",), ("show", "6f1ab3c2"), ("prune", "--older-than", "1d"), ("sweep",)]
)
def test_a_store_that_is_not_there_is_said_and_not_made(longshore: Command, words: tuple[str, ...]) -> None:
    answer = longshore(*words)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert f"cannot read run store '{longshore.store}': there is no such file" in answer.stderr
    assert "longshore run flows.py:name" in answer.stderr
    assert not longshore.store.exists()


def test_a_store_is_named_on_the_line_and_stands_in_the_lines_to_paste(failed: Command) -> None:
    answer = failed("runs", "--store", "other.db")
    assert "there is no such file" in answer.stderr
    assert failed("run", "flows.py:nightly", "--store", "other place.db").returncode == 1
    [run] = failed.told("runs", "--store", "other place.db")
    shown = failed("show", run["run_id"], "--store", "other place.db").stdout
    assert f"longshore resume {run['run_id'][:8]} --store 'other place.db'  #" in shown


def old_run(store: SQLiteStore, run_id: str, *, open_job: bool = False) -> None:
    """Record a run that ended in 1970, with a result in a file."""
    store.create(RunRecord(run_id=run_id, flow="old", created=1.0))
    store.claim(run_id, "token")
    result = store.results.put(run_id, "big", "x" * 50_000)
    big = StepChanged(
        step="big",
        map_index=-1,
        attempt=1,
        state="Success",
        message="",
        time=3.0,
        finished=True,
        result=result,
    )
    job = JobRecord(run_id=run_id, step="big", map_index=-1, attempt=1, serial=1, key=run_id)
    store.write(run_id, "token", [big, *([JobIntended(job=job)] if open_job else ())])
    store.write(run_id, "token", [RunChanged(state="Success", message="", time=4.0, finished=True)])
    store.release(run_id, "token")


def test_old_runs_are_pruned_but_for_those_with_open_jobs(longshore: Command) -> None:
    store = SQLiteStore(longshore.store)
    for run_id in ("old-1", "old-2"):
        old_run(store, run_id)
    old_run(store, "old-with-job", open_job=True)
    store.close()
    assert longshore("run", "flows.py:nightly").returncode == 0
    foreseen = longshore.told("prune", "--older-than", "2w", "--dry-run")
    assert (foreseen["runs"], foreseen["files"], foreseen["kept"]) == (2, 2, ["old-with-job"])
    assert foreseen["bytes"] > 100_000
    assert len(longshore.runs()) == 4
    said = longshore("prune", "--older-than", "2w").stdout.splitlines()
    assert said[0].startswith("removed 2 runs with 2 files (97.7 KiB) that ended before ")
    assert said[1:] == ["kept 1 run with open jobs; see: longshore sweep", "  old-with-job"]
    assert [run["flow"] for run in longshore.runs()] == ["nightly", "old"]
    assert "cannot read a duration from 'a month'" in longshore("prune", "--older-than", "a month").stderr


def test_text_of_a_run_cannot_steer_the_terminal(longshore: Command) -> None:
    store = SQLiteStore(longshore.store)
    store.create(RunRecord(run_id="naughty-run", flow="\x1b[2Jcleared", name="\x1b]0;title\x07", created=1.0))
    store.claim("naughty-run", "token")
    line = LogRecord(step="a\x1bb", map_index=-1, attempt=1, time=1.0, level=20, text="\x1b[31mred\u202egnp")
    store.write("naughty-run", "token", [Logged(lines=(line,))])
    store.close()
    for words in (("runs",), ("show", "naughty-run"), ("logs", "naughty-run")):
        answer = longshore(*words)
        assert answer.returncode == 0
        assert "\x1b" not in answer.stdout
        assert "\u202e" not in answer.stdout
    assert "a\\x1bb | \\x1b[31mred\\x202egnp" in longshore("logs", "naughty-run").stdout
    for words in (("runs",), ("show", "naughty-run"), ("logs", "naughty-run")):
        assert json.loads(longshore(*words, "--json").stdout)
