"""Completion in a shell: commands, flows, parameters, and words that bash breaks at a colon."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("click", reason="needs longshore[cli]")

from longshore.cli import main
from longshore.stores.records import RunRecord, StepChanged
from longshore.stores.sqlite import SQLiteStore

FLOWS = """
from typing import Literal

import longshore
from longshore import flow

print("not for the shell")


@flow
def typed(day: str, mode: Literal["full", "part"] = "full", dry_run: bool = False): ...


@longshore.flow(name="other")
def clashing(json: str): ...


def flow_of_something_else(): ...
"""


def complete(tmp_path: Path, line: str) -> list[str]:
    """Return what bash is offered at the end of a line."""
    answer = subprocess.run(
        [sys.executable, "-c", "import sys; from longshore.cli import main; sys.exit(main())"],
        env={
            **os.environ,
            "_LONGSHORE_COMPLETE": "bash_complete",
            "COMP_LINE": line,
            "COMP_POINT": str(len(line)),
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert answer.stderr == ""
    return [item.partition(",")[2] for item in answer.stdout.splitlines() if item]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("longshore ru", ["run", "runs"]),
        ("longshore run fl", ["flows.py:typed", "flows.py:clashing"]),
        ("longshore run flows.py:cl", ["clashing"]),
        ("longshore run flows.py:typed --dr", ["--dry-run"]),
        ("longshore run flows.py:typed --mode ", ["full", "part"]),
        ("longshore run flows.py:typed --executor th", ["threads:8"]),
        ("longshore run broken.py:typed --exec", ["--executor"]),
        ("longshore completion z", ["zsh"]),
    ],
)
def test_completion_knows_commands_flows_and_their_parameters(
    tmp_path: Path, line: str, offered: list[str]
) -> None:
    (tmp_path / "flows.py").write_text(FLOWS)
    (tmp_path / "broken.py").write_text("1 / 0\n")
    assert complete(tmp_path, line) == offered


def test_completion_knows_recorded_runs_and_their_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LONGSHORE_STORE", str(tmp_path / "runs.db"))
    assert complete(tmp_path, "longshore show ") == []
    store = SQLiteStore(tmp_path / "runs.db")
    uuid = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
    for run_id in ("monday", uuid):
        store.create(RunRecord(run_id=run_id, flow="nightly", created=1.0))
    store.claim("monday", "token")
    changes = [
        StepChanged(step=step, map_index=-1, attempt=1, state="Success", message="", time=1.0)
        for step in ("count", "load")
    ]
    store.write("monday", "token", changes)
    store.close()
    assert sorted(complete(tmp_path, "longshore show ")) == ["0a1b2c3d", "monday"]
    assert complete(tmp_path, "longshore logs mo") == ["monday"]
    assert complete(tmp_path, f"longshore cancel {uuid[:10]}") == [uuid]
    assert complete(tmp_path, "longshore show monday ") == ["count", "load"]
    assert complete(tmp_path, "longshore resume monday --rerun l") == ["load"]
    assert complete(tmp_path, f"longshore show --store {tmp_path / 'other.db'} ") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_each_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert f"_LONGSHORE_COMPLETE={shell}_complete" in capsys.readouterr().out
