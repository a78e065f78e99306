"""What every job promises, shown with a job of a small system."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from job_server import JobServer
from sample_jobs import RemoteJob

from longshore import JobFinished, JobRunning, LogLine
from longshore.testing import JobContract


@pytest.fixture(scope="module")
def system() -> Iterator[JobServer]:
    with JobServer() as running:
        yield running


class Remote(JobContract):
    """The contract, with the system that is to be asked."""

    __test__ = False
    kind: ClassVar[type[RemoteJob]] = RemoteJob
    inputs: ClassVar[Mapping[str, Any]] = {
        "seconds": 0.5,
        "value": {"rows": 42},
        "lines": ["one", "two", "three"],
    }
    expected: ClassVar[Any] = {"rows": 42}
    log_lines = ("one", "two", "three")
    failing_inputs: ClassVar[Mapping[str, Any]] = {"seconds": 0.1, "outcome": "exit code"}

    @pytest.fixture(autouse=True)
    def _connected(self, system: JobServer) -> None:
        self.connect(system)

    def connect(self, system: JobServer) -> None:
        system.reset()
        self.system = system
        type(self).job = self.kind(url=system.url)

    def submissions(self, key: str) -> int:
        return len(self.system.jobs(key))

    def alive(self, key: str) -> bool:
        return any(job["state"] == "running" for job in self.system.jobs(key))


@pytest.mark.gate("D2")
class TestRemoteJob(Remote):
    __test__ = True


class Forgetful(RemoteJob):
    """Does not find what it submitted."""

    def find(self, key: str) -> Any:
        return None


class Stubborn(RemoteJob):
    """Does not cancel."""

    def cancel(self, handle: Any) -> None:
        return None


class Repeating(RemoteJob):
    """Gives the whole log each time."""

    def logs(self, handle: Any, since: str | None) -> Iterator[LogLine]:
        yield from super().logs(handle, None)


class Taciturn(RemoteJob):
    """Ends well, whatever happened."""

    def poll(self, handle: Any) -> JobRunning | JobFinished:
        status = super().poll(handle)
        return JobFinished() if isinstance(status, JobFinished) else status


class Doubling(RemoteJob):
    """Starts a job whenever it is told to, and finds the first one."""

    def submit(self, key: str, /, **inputs: Any) -> Any:
        super().submit(key, **inputs)
        return super().submit(key, **inputs)


@pytest.mark.parametrize(
    ("kind", "test", "arguments", "says"),
    [
        (Forgetful, "test_it_is_found_by_its_key_and_an_unknown_key_finds_nothing", (), "is not found"),
        (Stubborn, "test_cancel_ends_it_and_is_no_error_twice", (), "the job was not stopped"),
        (Repeating, "test_its_log_goes_on_behind_each_line", (), "behind line 1"),
        (Taciturn, "test_a_job_that_fails_says_why", (), "Success"),
        (Doubling, "test_a_key_that_is_submitted_twice_makes_one_job", (), "4 jobs of one key"),
        (
            Forgetful,
            "test_killed_and_resumed_it_is_one_job_with_its_result",
            ("after submit", "SIGKILL"),
            "1 job.s. should be there",
        ),
    ],
)
def test_the_contract_fails_for_a_job_that_breaks_it(
    system: JobServer, tmp_path: Path, kind: type[RemoteJob], test: str, arguments: tuple[str, ...], says: str
) -> None:
    class Broken(Remote):
        __test__ = True

    Broken.kind = kind
    broken = Broken()
    broken.connect(system)
    system.set(idempotent=False)
    Broken.job = Broken.job.replace(cancel_grace=0.1)
    with pytest.raises(AssertionError, match=says):
        getattr(broken, test)(*((tmp_path, *arguments) if arguments else ()))
