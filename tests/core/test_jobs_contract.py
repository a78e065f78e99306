"""What every job promises, shown with a job of a small system."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest
from job_server import JobServer
from sample_jobs import RemoteJob

from longshore.testing import JobContract


@pytest.fixture(scope="module")
def system() -> Iterator[JobServer]:
    with JobServer() as running:
        yield running


class TestRemoteJob(JobContract):
    inputs: ClassVar[Mapping[str, Any]] = {
        "seconds": 1.0,
        "value": {"rows": 42},
        "lines": ["one", "two", "three"],
    }
    expected: ClassVar[Any] = {"rows": 42}
    log_lines = ("one", "two", "three")
    failing_inputs: ClassVar[Mapping[str, Any]] = {"seconds": 0.1, "outcome": "exit code"}

    @pytest.fixture(autouse=True)
    def _connect(self, system: JobServer) -> None:
        system.reset()
        self.system = system
        type(self).job = RemoteJob(url=system.url)

    def submissions(self, key: str) -> int:
        return len(self.system.jobs(key))

    def alive(self, key: str) -> bool:
        return any(job["state"] == "running" for job in self.system.jobs(key))
