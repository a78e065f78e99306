"""A file of flows whose runs are recorded, driven by processes that may die, and what they left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path

from longshore.stores.records import StepRecord
from longshore.stores.sqlite import SQLiteStore

PRELUDE = """
    import os, signal, sys, time
    from pathlib import Path
    from longshore import *

    HERE = Path(__file__).parent

    def did(what):
        with open(HERE / "effects", "a") as file:
            file.write(f"{what}\\n")

    def shown(run):
        return run.state, dict(run.results)

    def die_unless(name):
        if not (HERE / name).exists():
            (HERE / name).touch()
            os.kill(os.getpid(), signal.SIGKILL)
"""


class FlowFile:
    """`flows.py` in a folder, with a store beside it.

    What a flow's code does is told by `did("name")`; `die_unless("once")` kills its process the first time.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = SQLiteStore(folder / "runs.db")

    def write(self, code: str) -> None:
        """Write the flows anew."""
        (self.folder / "flows.py").write_text(textwrap.dedent(PRELUDE) + textwrap.dedent(code))

    def call(self, expression: str) -> subprocess.CompletedProcess[str]:
        """Print the value of an expression of the file, in a process of its own."""
        code = f"from flows import *\nif __name__ == '__main__': print({expression})"
        return subprocess.run(
            [sys.executable, "-c", code], cwd=self.folder, env={**os.environ, "PYTHONPATH": str(self.folder)},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def run(self, flow: str = "f", more: str = "") -> subprocess.CompletedProcess[str]:
        """Run a flow as run `r`, and print its state and results."""
        return self.call(f"shown({flow}.run(store='runs.db', run_id='r', {more}))")

    def resume(self, flow: str = "f", more: str = "") -> subprocess.CompletedProcess[str]:
        """Resume run `r`, and print its state and results."""
        return self.call(f"shown({flow}.resume('r', store='runs.db', {more}))")

    def effects(self) -> Counter[str]:
        """Return how often each thing was done."""
        path = self.folder / "effects"
        return Counter(path.read_text().split("\n")[:-1] if path.exists() else [])

    def step(self, name: str, index: int = -1) -> StepRecord:
        """Return what is on record of a step."""
        return next(s for s in self.store.steps("r") if (s.step, s.map_index) == (name, index))
