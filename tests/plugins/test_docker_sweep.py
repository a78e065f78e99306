"""`longshore sweep` and containers: asked after and ended when the process that started them is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker_engine import IMAGE, DockerEngine

from longshore import SQLiteStore
from longshore.sweeps import end_stray, find_strays

RUN = """
import sys
from longshore import flow
from longshore_docker import DockerConnection, DockerRun

@flow
def exporting():
    DockerRun({image!r}, command=("sleep", "60"), network="none", stop_timeout=1,
              connection=DockerConnection(base_url={url!r}))()

exporting.run(store="runs.db", run_id="left")
"""


@pytest.fixture
def store(tmp_path: Path, docker: DockerEngine) -> Iterator[SQLiteStore]:
    """A store with a run that was killed while its container ran."""
    code = RUN.format(image=IMAGE, url=docker.url)
    process = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stderr=subprocess.DEVNULL)
    store = SQLiteStore(tmp_path / "runs.db")
    deadline = time.monotonic() + 30
    while not any(job.handle for job in store.jobs()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    yield store
    store.close()


def test_a_container_that_outlived_its_run_is_swept_up(store: SQLiteStore) -> None:
    [stray] = find_strays(store)
    assert (stray.label, stray.run.state, stray.found) == ("DockerRun", "Crashed", "running")
    assert end_stray(store, stray).found == "was ended"
    assert find_strays(store) == []
    assert stray.task is not None
    handle = stray.task.find(stray.job.key)
    assert handle is None or type(stray.task.poll(handle)).__name__ == "JobFinished"
