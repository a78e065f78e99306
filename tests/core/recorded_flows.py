"""Flows whose runs are recorded and looked at on the command line, and the command as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

COMMAND = [sys.executable, "-c", "import sys; from longshore.cli import main; sys.exit(main())"]
FLOWS = """
    import os
    import time
    from datetime import date
    from pathlib import Path

    from longshore import Resource, current, flow, task


    @task
    def count(day: date) -> int:
        current.log.info("counting %s", day)
        return day.day


    @task
    def refuse(n: int) -> int:
        if n == 1 and Path("refuse").exists():
            raise ValueError("no airport 1")
        return n


    @task(retries=1)
    def load(rows: int, parts: list[int]) -> dict[str, int]:
        if current.attempt == 1:
            raise ConnectionError("reset by peer")
        current.log.warning("loaded %d", rows)
        return {"rows": rows}


    @flow
    def nightly(day: date = date(2013, 1, 14)):
        n = count(day)
        parts = refuse.map([0, 1, 2])
        return load(n, parts)


    @task
    def wait() -> None:
        Path("waiting").touch()
        while not current.cancelled:
            current.log.info("waiting %s", len(current.log_tail))
            if Path("enough").exists():
                return
            time.sleep(0.05)


    @task(repeatable=False)
    def post(rows: int) -> str:
        Path("posting").touch()
        while not Path("posted").exists():
            time.sleep(0.05)
        return f"posted {rows}"


    @flow
    def long():
        wait(after=count(date(2013, 1, 2)))


    @flow
    def told():
        return post(count(date(2013, 1, 3)))
"""


class Command:
    """The `longshore` command in a folder of its own, with a store of its own.

    Args:
        folder: Where flows.py is written and commands run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "runs.db"
        self._started: list[subprocess.Popen[str]] = []
        (folder / "flows.py").write_text(textwrap.dedent(FLOWS))

    @property
    def environment(self) -> dict[str, str]:
        """What its processes find in their environment."""
        return os.environ | {"LONGSHORE_STORE": str(self.store), "COLUMNS": "120"}

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [*COMMAND, *words], cwd=self.folder, env=self.environment, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command in a process group of its own."""
        process = subprocess.Popen(
            [*COMMAND, *words], cwd=self.folder, env=self.environment, start_new_session=True, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._started.append(process)
        return process

    def end(self) -> None:
        """Kill what was started and still runs."""
        for process in self._started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

    def told(self, *words: str) -> Any:
        """Return what a command prints as JSON."""
        answer = self(*words, "--json")
        assert answer.stdout, answer.stderr
        return json.loads(answer.stdout)

    def runs(self) -> list[Any]:
        """Return the recorded runs, the newest first."""
        return list(self.told("runs"))


def until(holds: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to hold"
        time.sleep(0.02)
