"""`longshore sweep` and detached commands: found and ended without the file that started them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("click", reason="needs longshore[cli]")
if sys.platform != "linux":
    pytest.skip("needs detached process trees", allow_module_level=True)
pytestmark = pytest.mark.extras

COMMAND = [sys.executable, "-c", "import sys; from longshore.cli import main; sys.exit(main())"]
FLOW = """
from longshore import flow
from longshore_shell import ShellJob


@flow
def exporting():
    ShellJob("echo $$ > pid; exec sleep 60", jobs_folder="jobs")()
"""


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return what a command prints as JSON."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LONGSHORE_STORE", str(tmp_path / "runs.db"))
    (tmp_path / "flows.py").write_text(FLOW)

    def tell(*words: str) -> Any:
        answer = subprocess.run([*COMMAND, *words, "--json"], capture_output=True, text=True, timeout=60)
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)

    return tell


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def lives(pid: int) -> bool:
    """Whether a process runs; one that ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_command_that_outlived_its_run_is_swept_up(tmp_path: Path, told: Callable[..., Any]) -> None:
    process = subprocess.Popen(
        [*COMMAND, "run", "flows.py"],
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    pid = int((tmp_path / "pid").read_text())
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (tmp_path / "flows.py").unlink()
    [stray] = told("sweep")
    assert (stray["step"], stray["found"], stray["run_state"]) == ("ShellJob", "running", "Crashed")
    assert lives(pid)
    [swept] = told("sweep", "--end")
    assert swept["found"] == "was ended"
    until(lambda: not lives(pid))
    assert told("sweep") == []
