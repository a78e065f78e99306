"""`DockerRun` is a job: submitted once, found after any crash, cancelled for certain."""

from __future__ import annotations

import gc
import json
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from docker_engine import IMAGE, DockerEngine, new_key
from docker_proxy import proxy

from longshore import (
    ConfigurationError,
    JobFinished,
    JobNotFoundError,
    JobRunning,
    Secret,
)
from longshore.testing import Canary, JobContract, raises_saying
from longshore_docker import DockerConnection, DockerResult, DockerRun, DockerUnreachableError

SCRIPT = """
echo n=42 >> $LONGSHORE_OUTPUTS
for i in 1 2 3; do echo line $i; sleep 0.35; done
exit ${1:-0}
"""


class HandedBack:
    """Equal to a result with these outputs: ids and times are others each time."""

    def __init__(self, **outputs: Any) -> None:
        self._outputs = outputs

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DockerResult) and other.outputs == self._outputs

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.gate("D2")
class TestDockerRun(JobContract):
    inputs: ClassVar[dict[str, Any]] = {}
    expected: ClassVar[Any] = HandedBack(n="42")
    log_lines = ("line 1", "line 2", "line 3")
    failing_inputs: ClassVar[dict[str, Any]] = {"args": ("3",)}

    @pytest.fixture(autouse=True)
    def _connect(self, docker: DockerEngine) -> None:
        self.engine = docker
        type(self).job = DockerRun(
            IMAGE,
            command=("sh", "-c", SCRIPT, "sh"),
            stop_timeout=1,
            network="none",
            connection=DockerConnection(base_url=docker.url),
        )

    def submissions(self, key: str) -> int:
        return self.engine.made(key)

    def alive(self, key: str) -> bool:
        return any(container["State"] == "running" for container in self.engine.containers(key))


@pytest.fixture
def task(docker: DockerEngine) -> DockerRun:
    connection = DockerConnection(base_url=docker.url)
    return DockerRun(IMAGE, command=("sh", "-c", "sleep 0.3; echo done"), connection=connection)


def until_ended(task: DockerRun, handle: dict[str, str]) -> JobFinished:
    end = time.monotonic() + 30
    while not isinstance(status := task.poll(handle), JobFinished):
        assert time.monotonic() < end
        time.sleep(0.02)
    return status


def test_eight_submits_of_one_key_at_once_are_one_container(task: DockerRun, docker: DockerEngine) -> None:
    key, handles, ready = new_key(), [], threading.Barrier(8)

    def submit() -> None:
        ready.wait()
        handles.append(task.submit(key))

    threads = [threading.Thread(target=submit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(handles) == 8
    assert len({handle["container"] for handle in handles}) == 1
    assert until_ended(task, handles[0]) == JobFinished()
    assert docker.starts(key) == 1


def test_a_container_that_was_made_and_not_started_is_started_when_it_is_taken_up(
    task: DockerRun, docker: DockerEngine, canary: Canary, tmp_path: Path
) -> None:
    """Killed between the two calls: the secrets are put in and the container is started by who finds it."""
    task = task.replace(
        command=("sh", "-c", "wc -c < /run/secrets/token"), secrets={"token": Secret("env:LONGSHORE_CANARY")}
    )
    key = new_key()
    program = """
import os, pickle, sys
from longshore_docker import client
client.Engine.put = lambda *_: os.kill(os.getpid(), 9)
pickle.loads(bytes.fromhex(sys.argv[1])).submit(sys.argv[2])
"""
    command = [sys.executable, "-c", program, pickle.dumps(task).hex(), key]
    assert subprocess.run(command).returncode == -signal.SIGKILL
    [left] = docker.containers(key)
    assert left["State"] == "created"
    handle = task.find(key)
    assert handle == {"container": left["Id"]}
    assert docker.starts(key) == 0, "looking for it started it"
    assert isinstance(task.poll(handle), JobRunning)
    assert until_ended(task, handle) == JobFinished()
    assert [line.text for line in task.logs(handle, None)] == [str(len(canary.value))]
    assert docker.starts(key) == 1


def test_a_container_that_could_not_be_started_is_not_started_again(
    task: DockerRun, docker: DockerEngine
) -> None:
    task, key = task.replace(command=("nosuch",), init=False), new_key()
    handle = task.submit(key)
    for _ in range(3):
        status = task.poll(task.submit(key))
        assert isinstance(status, JobFinished)
        assert status.failure is not None
        assert status.failure.exit_code == 127
    assert docker.starts(key) == 0
    task.discard(handle)
    with pytest.raises(JobNotFoundError):
        task.poll(handle)


def test_a_container_that_is_cancelled_before_its_start_can_never_run(
    task: DockerRun, docker: DockerEngine
) -> None:
    key = new_key()
    made = docker.api.create_container(
        IMAGE, ["true"], name=f"longshore-{key}", labels={"longshore.key": key}
    )
    task.cancel({"container": made["Id"]})
    assert docker.containers(key) == []
    task.cancel({"container": made["Id"]})


def test_a_cancel_returns_at_once_and_the_engine_sees_to_the_end(
    task: DockerRun, docker: DockerEngine
) -> None:
    deaf = task.replace(command=("sh", "-c", "trap '' TERM; echo ready; sleep 60"), stop_timeout=4)
    handle = deaf.submit(new_key())
    while not list(deaf.logs(handle, None)):
        time.sleep(0.02)
    began = time.monotonic()
    deaf.cancel(handle)
    assert time.monotonic() - began < 3.5
    status = until_ended(deaf, handle)
    assert status.failure is not None
    assert status.failure.exit_code == 137
    assert 3.9 < time.monotonic() - began < 20


def test_the_handle_of_something_else_is_refused(task: DockerRun) -> None:
    for handle in ({"container": "../x"}, {"container": "0" * 64}, {}, {"container": None}, "x"):
        with pytest.raises(JobNotFoundError):
            task.poll(handle)  # type: ignore[arg-type]
    with raises_saying(ConfigurationError, "cannot be part of a container's name"):
        task.submit("../x")
    with raises_saying(ConfigurationError, "stop_timeout=10", "give less than cancel_grace=10.0"):
        task.replace(stop_timeout=10)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_engine_that_stops_answering_is_an_error_that_is_tried_again(
    task: DockerRun, tmp_path: Path
) -> None:
    """A proxy before the engine's socket is closed while a container runs, and opened again."""
    engine, place = str(task.connection.base_url), tmp_path / "proxy.sock"
    with proxy(engine, str(place)) as (url, process):
        behind = task.replace(connection=DockerConnection(base_url=url))
        handle = behind.submit(new_key())
        process.kill()
        process.wait()
        with raises_saying(DockerUnreachableError, "refuses connections: nobody listens"):
            behind.poll(handle)
        place.unlink()
        with raises_saying(DockerUnreachableError, "has no socket there"):
            behind.poll(handle)
    with proxy(engine, str(place)):
        assert until_ended(behind, handle) == JobFinished()
    gc.collect()  # the SDK leaves a socket open that it cannot connect


def test_hundreds_of_polls_leave_no_descriptor_open(task: DockerRun) -> None:
    handles = [task.submit(new_key()) for _ in range(2)]
    for handle in handles:
        until_ended(task, handle)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(400):
        task.poll(handles[number % 2])
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 30


def test_labels_say_whose_container_it_is(task: DockerRun, docker: DockerEngine) -> None:
    from longshore import flow

    @flow
    def nightly() -> None:
        task.replace(name="export", keep="always", command=("true",)).map([("a",), ("b",)])

    run = nightly.run(run_id="run-of-tests")
    labels = sorted((c["Labels"] for c in docker.containers()), key=json.dumps)
    assert [labels_of["longshore.map_index"] for labels_of in labels] == ["0", "1"]
    for found in labels:
        assert found["longshore.run"] == run.run_id
        assert (found["longshore.flow"], found["longshore.step"]) == ("nightly", "export")
        assert found["longshore.attempt"] == "1"


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    assert threading.active_count() < 60
