"""Alerts of served flows: of each run, of silence, and what a run that died has left in the store."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("click", reason="needs longshore[cli]")

COMMAND = [sys.executable, "-c", "import sys; from longshore.cli import main; sys.exit(main())"]
FLOWS = Path(__file__).with_name("alerted_flows.py")


class Desk:
    """A folder with a store, a process that serves from it, and what channels were told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = dict(
            os.environ,
            ALERTED_FOLDER=str(folder),
            LONGSHORE_STORE=str(folder / "runs.db"),
            LONGSHORE_ALLOW_PLUGINS="none",
        )
        self.server: subprocess.Popen[bytes] | None = None

    def serve(self, *words: str) -> None:
        with (self.folder / "server.log").open("w") as log:
            self.server = subprocess.Popen(
                [*COMMAND, "serve", *words], env=self.environment, cwd=self.folder, stdout=log, stderr=log
            )

    def submit(self, name: str) -> None:
        command = [*COMMAND, "submit", f"{FLOWS}:{name}"]
        subprocess.run(command, env=self.environment, cwd=self.folder, check=True, timeout=60)

    def told(self) -> list[str]:
        path = self.folder / "told.txt"
        return path.read_text().splitlines() if path.exists() else []

    def wait_until(self, found: Callable[[], object], seconds: float = 80) -> None:
        end = time.monotonic() + seconds
        while not found():
            assert time.monotonic() < end, (self.folder / "server.log").read_text()
            time.sleep(0.05)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    if made.server is not None:
        made.server.terminate()
        made.server.wait(60)


def test_serve_has_the_channels_of_alert_told_of_each_run(desk: Desk) -> None:
    desk.serve(f"{FLOWS}:plain", "--alert", "note:desk")
    desk.submit("plain")
    desk.wait_until(desk.told)
    assert all(line.startswith("desk|") for line in desk.told())
    assert "plain" in desk.told()[0]
    assert "fail" in desk.told()[0]


def test_a_served_flow_without_a_success_is_told_to_be_silent(desk: Desk) -> None:
    desk.serve(f"{FLOWS}:unheard")
    desk.submit("unheard")
    desk.wait_until(desk.told)
    [line] = desk.told()
    assert line.startswith("switch|server|")
    assert "unheard" in line
    assert "silent" in line


def test_what_a_run_that_was_killed_has_left_is_told_by_the_serving_process(desk: Desk) -> None:
    desk.serve(f"{FLOWS}:stranded")
    desk.submit("stranded")
    desk.wait_until(desk.told)
    assert "SIGKILL" in (desk.folder / "server.log").read_text()
    [line] = desk.told()
    assert line.startswith("deadly|server|")
    assert "stranded failed" in line
