"""What a job tells while it runs: counts become progress, and lines keep their level."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest

from longshore import Job, JobFinished, JobRunning, LogLine, flow
from longshore.testing import progress_told

LEVELS: tuple[Any, ...] = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", None)


class Counting(Job[int]):
    """Counts to three, a step a look."""

    def submit(self, key: str, /) -> dict[str, float]:
        return {"begun": time.time()}

    def find(self, key: str) -> None:
        return None

    def poll(self, handle: Any) -> JobRunning | JobFinished:
        done = int((time.time() - handle["begun"]) / 0.3)
        if done >= 3:
            return JobFinished()
        return JobRunning(done=done, total=3, unit="steps", message=f"step {done + 1}")

    def result(self, handle: Any) -> int:
        return 3

    def logs(self, handle: Any, since: str | None) -> Iterator[LogLine]:
        for number, level in enumerate(LEVELS):
            if since is None or number > int(since):
                yield LogLine(text=f"line {number}", cursor=str(number), level=level)

    def cancel(self, handle: Any) -> None:
        handle["begun"] = 0.0


@flow
def counted(level: str | None = "INFO") -> Any:
    return Counting(log_level=level)()


def test_what_a_job_counts_is_told_as_progress() -> None:
    with progress_told() as told:
        assert Counting().run() == 3
    assert {(seen.done, seen.total, seen.unit, seen.message) for seen in told} >= {
        (1, 3, "steps", "step 2"),
        (2, 3, "steps", "step 3"),
    }
    assert {round(seen.fraction or 0.0, 2) for seen in told} <= {0.0, 0.33, 0.67, 1.0}


@pytest.mark.parametrize("level", ["INFO", "WARNING"])
def test_a_line_of_a_log_keeps_the_level_that_the_other_system_gave_it(
    caplog: pytest.LogCaptureFixture, level: str
) -> None:
    with caplog.at_level(logging.DEBUG, "longshore"):
        counted.run(level=level)
    seen = [r.levelname for r in caplog.records if r.name == "longshore.task" and "line" in r.getMessage()]
    assert seen == ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", level]


def test_a_job_without_a_log_of_its_own_logs_no_lines(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "longshore"):
        counted.run(level=None)
    assert [r for r in caplog.records if r.name == "longshore.task" and "line" in r.getMessage()] == []
