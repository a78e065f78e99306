"""What every job promises, shown for a script: also when the process that runs the flow dies."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from process_trees import MARK, alive, new_mark

from longshore.testing import JobContract
from longshore_shell import ShellJob

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="jobs need Linux")
SCRIPT = """
echo "$LONGSHORE_OUTPUTS" >> "$STARTS"
echo one; echo two >&2; sleep 1.2; echo three
echo rows=42 >> "$LONGSHORE_OUTPUTS"
exit "$1"
"""


@pytest.mark.gate("D2")
class TestShellJob(JobContract):
    expected: ClassVar[Any] = {"rows": "42"}
    log_lines = ("one", "two", "three")
    inputs: ClassVar[Mapping[str, Any]] = {}
    starts: ClassVar[Path]
    mark: ClassVar[str]

    @pytest.fixture(autouse=True)
    def _own_folder(self, tmp_path_factory: pytest.TempPathFactory) -> None:
        folder = tmp_path_factory.mktemp("jobs")
        kind = type(self)
        kind.starts, kind.mark = folder / "starts", new_mark()
        env = {"STARTS": self.starts, MARK: self.mark}
        kind.job = ShellJob(SCRIPT, jobs_folder=folder / "jobs", grace=0.5)
        kind.inputs = {"env": env, "args": ("0",)}
        kind.failing_inputs = {"env": env, "args": ("3",)}

    def submissions(self, key: str) -> int:
        """Each start leaves a line, a moment after its job can be found."""
        started = self.starts.read_text().count(f"/{key}/") if self.starts.exists() else 0
        return max(started, int(self.job.find(key) is not None))

    def alive(self, key: str) -> bool:
        return bool(alive(self.mark))
