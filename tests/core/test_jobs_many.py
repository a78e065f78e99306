"""A process that waits for very many jobs: a handful of threads, little memory, few questions."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from job_server import JobServer

PROGRAM = """
import json, resource, sys, threading, time
from longshore import Flow, Success, ThreadExecutor
from sample_jobs import RemoteJob

url, count, seconds, store = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
most, done = 0, threading.Event()

def watch():
    global most
    while not done.wait(0.02):
        most = max(most, threading.active_count())

threading.Thread(target=watch, daemon=True).start()
with Flow("few") as few:
    RemoteJob(url=url, name="job", poll_interval=2.0).map(seconds=[0.1] * 4)
few.run(store=store, executor=ThreadExecutor(4))  # loads the plugins that are installed, however large
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with Flow("many") as many:
    RemoteJob(url=url, name="job", poll_interval=2.0).map(seconds=[seconds] * count, value=list(range(count)))
run = many.run(store=store, executor=ThreadExecutor(4))
done.set()
print(json.dumps({
    "state": type(run.state).__name__,
    "right": run.results["job"] == list(range(count)),
    "threads": most,
    "MiB": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024,
}))
"""


@pytest.fixture
def system() -> Iterator[JobServer]:
    with JobServer() as running:
        yield running


@pytest.mark.gate("C7")
def test_very_many_jobs_are_waited_for_with_few_threads_and_little_memory(
    system: JobServer, tmp_path: Path, gate_count: Callable[[int, int], int]
) -> None:
    count, seconds = gate_count(200, 1000), gate_count(3, 20)
    seen = run_program(system.url, count, seconds, tmp_path / "runs.db")
    jobs = system.jobs()[4:]
    assert (seen["state"], seen["right"], len(jobs)) == ("Success", True, count)
    first_end = min(job["created"] for job in jobs) + seconds
    at_once = sum(job["created"] < first_end for job in jobs)
    assert at_once > 2 * seen["threads"], "none of them has a thread of its own"
    assert seen["threads"] <= 16, "4 workers, 8 that look at jobs, and a few"
    assert seen["MiB"] < 100
    assert len(system.asked("status")) <= count * 40


def run_program(*arguments: object) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}{PROGRAM}", *map(str, arguments)],
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
