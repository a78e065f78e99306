"""A job for the system of job_server.py, written as an integration would write it."""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from job_server import JobServer

from longshore import (
    Flow,
    FlowRun,
    Job,
    JobFailed,
    JobFinished,
    JobNotFoundError,
    JobRunning,
    LogLine,
    Success,
    TaskError,
)


class RemoteError(TaskError):
    """The system refused, or cannot be reached.

    Args:
        message: What it said.
        retry_after: Seconds that it asks to wait.
        status: The answer's; 0 without an answer.
    """

    def __init__(self, message: str, retry_after: float | None = None, status: int = 0) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.status = status


class RemoteJob(Job[Any]):
    """Have the job server run a job.

    Args:
        url: Where it listens.
        answer_timeout: Seconds that it may take to answer.
        look_first: Look for a job of the key before submitting: for a system that takes a key twice.
    """

    url: str
    answer_timeout: float = 5.0
    look_first: bool = False

    def submit(
        self,
        key: str,
        /,
        seconds: float = 0.0,
        outcome: str = "succeeded",
        value: Any = None,
        lines: Any = (),
    ) -> dict[str, str]:
        """Start a job.

        Args:
            seconds: How long it takes.
            outcome: How it ends: `succeeded`, or a reason of `JobFailed`.
            value: Its result.
            lines: What it logs, spread over its time.
        """
        if self.look_first and (known := self.find(key)) is not None:
            return known
        job = {"key": key, "seconds": seconds, "outcome": outcome, "value": value, "lines": list(lines)}
        return {"id": self._ask("POST", "/jobs", job)["id"]}

    def find(self, key: str) -> dict[str, str] | None:
        found = self._ask("GET", f"/jobs?key={quote(key)}")["ids"]
        return {"id": found[0]} if found else None

    def poll(self, handle: dict[str, str]) -> JobRunning | JobFinished:
        job = self._ask("GET", f"/jobs/{handle['id']}")
        if job["state"] == "running":
            return JobRunning(fraction=job["fraction"], link=f"{self.url}/jobs/{handle['id']}")
        if job["state"] == "succeeded":
            return JobFinished()
        exit_code = 3 if job["state"] == "exit code" else None
        return JobFinished(
            JobFailed(f"{handle['id']} ended: {job['state']}", reason=job["state"], exit_code=exit_code)
        )

    def result(self, handle: dict[str, str]) -> Any:
        return self._ask("GET", f"/jobs/{handle['id']}/result")["value"]

    def logs(self, handle: dict[str, str], since: str | None) -> Iterator[LogLine]:
        answer = self._ask("GET", f"/jobs/{handle['id']}/logs?since={since or 0}")
        for line in answer["lines"]:
            if line["number"] > int(since or 0):
                time = datetime.fromtimestamp(line["time"], UTC)
                yield LogLine(text=line["text"], cursor=str(line["number"]), time=time)
        if not answer["whole"]:
            raise RemoteError(f"the log of {handle['id']} is not complete yet")

    def cancel(self, handle: dict[str, str]) -> None:
        with contextlib.suppress(JobNotFoundError):
            self._ask("DELETE", f"/jobs/{handle['id']}")

    def discard(self, handle: dict[str, str]) -> None:
        with contextlib.suppress(JobNotFoundError):
            self._ask("DELETE", f"/jobs/{handle['id']}?discard")

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=self.answer_timeout) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refusal(f"{method} {path}", error) from error
        except (OSError, ValueError) as error:
            raise RemoteError(f"{method} {path}: {error}") from error

    def _refusal(self, what: str, error: urllib.error.HTTPError) -> TaskError:
        if error.code == 404:
            return JobNotFoundError(f"{what}: there is no such job")
        asked = error.headers.get("Retry-After")
        return RemoteError(f"{what}: {error.code}", float(asked) if asked else None, error.code)


def flow_of(system: JobServer, seconds: float = 0.3, outcome: str = "succeeded", **fields: Any) -> Flow:
    """Return a flow of one step, `job`, whose result is 42."""
    with Flow("remote") as flow:
        RemoteJob(url=system.url, name="job", **fields)(seconds=seconds, outcome=outcome, value=42)
    return flow


def ended_well(run: FlowRun) -> bool:
    """Whether a run of `flow_of` gave its result."""
    return isinstance(run.state, Success) and run.results["job"] == 42
