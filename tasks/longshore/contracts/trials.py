"""What the tests of a job are made of: its flow, its processes, waiting for its end."""

from __future__ import annotations

import signal
import time
import uuid
from abc import ABC, abstractmethod
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from longshore.contracts.deaths import JobProcess, Outcome, Plan, keys_of
from longshore.contracts.tasks import TaskContract
from longshore.errors import TaskFailed
from longshore.flows import Flow
from longshore.functions import task
from longshore.jobs.protocol import JobFinished, JobNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from longshore.jobs.tasks import Job
    from longshore.tasks import Task


_TURNS: Final = 4


class JobTrials(TaskContract, ABC):
    """One job of a real system, tried in many ways.

    Attributes:
        job: A configured instance.
        inputs: Inputs of a job that takes one to three seconds and ends well.
        expected: That job's result; ANYTHING when it is not the same each time.
        log_lines: Lines which that job logs, in this order, each once.
        failing_inputs: Inputs of a job that fails.
        failing_reason: Why it fails, in the words of `JobFailed.reason`.
    """

    job: ClassVar[Job[Any]]
    log_lines: ClassVar[Sequence[str]] = ()
    failing_inputs: ClassVar[Mapping[str, Any]]
    failing_reason: ClassVar[str] = "exit code"

    @abstractmethod
    def submissions(self, key: str) -> int:
        """Ask the other system how many jobs there are, or were, under a key."""

    @abstractmethod
    def alive(self, key: str) -> bool:
        """Ask the other system whether anything of a key's job still runs."""

    @property
    def _tested(self) -> Task[Any]:
        return self.job

    def _flow(self, **inputs: Any) -> Flow:
        with Flow("contract") as flow:
            self.job.replace(name="job")(**(inputs or self.inputs))
        return flow

    def _plan(self, folder: Path, **changes: Any) -> Plan:
        values: dict[str, Any] = {"job": self.job, "store": str(folder / "runs.db"), **changes}
        run_id = f"contract-{uuid.uuid5(uuid.NAMESPACE_URL, folder.as_uri())}"  # others share the system
        return Plan(inputs=self.inputs, run_id=run_id, folder=folder, **values)

    def _in_a_process(self, folder: Path, **changes: Any) -> tuple[Outcome, list[str]]:
        process = JobProcess(self._plan(folder, **changes))
        process.wait()
        return process.outcome(), keys_of(folder)

    def _dies(self, folder: Path, point: str, way: str) -> bool:
        """Have a process die at a point; return whether it came to that."""
        process = JobProcess(self._plan(folder, point=point, way=way))
        code = process.wait()
        if code == 0:
            return False
        assert code == (7 if way == "exit" else -signal.Signals[way]), f"{process.events()} {process.said()}"
        assert any(event.startswith(point) for event in process.events()), process.events()
        return True

    def _dies_in_one_of(self, folder: Path, point: str, way: str) -> Path:
        """Have a process die at a point that a short job may be too quick for; return its run's folder."""
        for turn in range(_TURNS):
            place = folder / str(turn)
            place.mkdir()
            if self._dies(place, point, way):
                return place
        raise AssertionError(f"it did not come to {point!r} in {_TURNS} turns; let the job take longer")

    def _gives_its_result_when_resumed(self, folder: Path) -> None:
        outcome, keys = self._in_a_process(folder, resume=True)
        assert (outcome.state, outcome.step) == ("Success", "Success"), outcome
        self._check(outcome.result)
        self._has_jobs(folder, 1)
        assert not any(map(self.alive, keys))

    def _has_jobs(self, folder: Path, count: int) -> None:
        found = {key: self.submissions(key) for key in keys_of(folder)}
        assert sum(found.values()) == count, f"{count} job(s) should be there, by key: {found}"

    @contextmanager
    def _submitted(self) -> Generator[tuple[str, Any]]:
        key = new_key()
        handle = self.job.submit(key, **self.inputs)
        try:
            yield key, handle
        finally:
            self.job.cancel(handle)
            self._gone(key)
            self.job.discard(handle)

    def _found(self, key: str) -> Any:
        handle = self.job.find(key)
        assert handle is not None, f"the job of {key} is not found"
        return handle

    def _status(self, handle: Any) -> Any:
        try:
            return self.job.poll(handle)
        except JobNotFoundError:
            return None

    def _wait(self, handle: Any) -> None:
        self._until(lambda: isinstance(self.job.poll(handle), JobFinished), 60.0, "end")
        assert self.job.poll(handle) == JobFinished()

    def _gone(self, key: str) -> None:
        self._until(lambda: not self.alive(key), self.job.cancel_grace + 5.0, "stop")

    def _stopped(self, key: str) -> None:
        self._gone(key)
        assert self.submissions(key) == 1, f"{self.submissions(key)} jobs of one key"
        handle = self.job.find(key)
        assert handle is None or self._status(handle) != JobFinished(), "the job was not stopped, it ended"

    def _until(self, holds: Callable[[], bool], seconds: float, what: str) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"the job did not {what} within {seconds:g} s"
            time.sleep(0.05)

    def _check_log(self, texts: Sequence[str]) -> None:
        assert [text for text in texts if text in self.log_lines] == list(self.log_lines)


@task
def keep_if_there(value: Any, place: str) -> Any:
    """Return a value, if there is a file; fail if not."""
    if not Path(place).exists():
        raise TaskFailed(f"there is no {place!r}")
    return value


def new_key() -> str:
    """Return a key that no job has."""
    return str(uuid.uuid4())
