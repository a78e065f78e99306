"""A standalone master that is killed and started again: nothing is lost, and nothing is submitted twice."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from s3_servers import free_port
from spark_cluster import SparkCluster, spark_home_here
from spark_rig import JVM

from longshore import JobFinished
from longshore_spark import SparkSubmit, SparkUnreachableError, clusterdrivers
from longshore_spark.memories import Memory

HOST = ["--host", "127.0.0.1"]
RECOVERY = 5
"""Seconds that a master waits for those it knew, when it starts."""


class LoneMaster:
    """A master which keeps on disk what it knows, and a small worker."""

    def __init__(self, folder: Path) -> None:
        self.at = SparkCluster(free_port(), free_port(), free_port(), str(folder))
        self._daemons: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start the master, and wait until its page is there."""
        options = {
            "spark.deploy.recoveryMode": "FILESYSTEM",
            "spark.deploy.recoveryDirectory": f"{self.at.folder}/kept",
            "spark.deploy.recoveryTimeout": f"{RECOVERY}s",
            "spark.master.rest.enabled": "true",
            "spark.master.rest.host": "127.0.0.1",
            "spark.master.rest.port": self.at.rest,
        }
        self._run(
            ["master.Master", *HOST, "--port", str(self.at.port), "--webui-port", str(self.at.web)],
            {"SPARK_MASTER_OPTS": " ".join(f"-D{name}={value}" for name, value in options.items())},
        )
        self.wait_for("ALIVE", "RECOVERING")

    def add_worker(self) -> None:
        """Start a worker, and wait until the master knows it."""
        room = [
            "--cores",
            "1",
            "--memory",
            "600m",
            "--work-dir",
            f"{self.at.folder}/work",
            "--webui-port",
            "0",
        ]
        self._run(["worker.Worker", *HOST, *room, self.at.master], {})
        until = time.monotonic() + 60
        while not self.at.state()["workers"]:
            assert time.monotonic() < until, self.log()
            time.sleep(0.05)

    def _run(self, words: list[str], variables: dict[str, str]) -> None:
        """Start a daemon."""
        home = spark_home_here()
        env = {
            **os.environ,
            "SPARK_HOME": str(home),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_DAEMON_MEMORY": "256m",
            "SPARK_DAEMON_JAVA_OPTS": JVM,
            **variables,
        }
        command = [str(home / "bin" / "spark-class"), f"org.apache.spark.deploy.{words[0]}", *words[1:]]
        with Path(self.at.folder, "log").open("ab") as log:
            daemon = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._daemons.append(daemon)

    def log(self) -> str:
        return Path(self.at.folder, "log").read_text()[-2000:]

    def status(self) -> str | None:
        try:
            return str(self.at.state()["status"])
        except (OSError, ValueError):
            return None

    def wait_for(self, *states: str) -> None:
        until = time.monotonic() + 60
        while self.status() not in states:
            assert time.monotonic() < until, self.log()
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill both, the master first: it is not to learn that the worker is gone."""
        while self._daemons:
            daemon = self._daemons.pop(0)
            daemon.kill()
            daemon.wait(30)


@pytest.fixture
def master(java: str, tmp_path: Path) -> Iterator[LoneMaster]:
    with ExitStack() as stack:
        lone = LoneMaster(tmp_path)
        stack.callback(lone.kill)
        lone.start()
        lone.add_worker()
        yield lone


@pytest.mark.gate("D2")
def test_while_a_master_is_gone_or_reads_what_it_kept_nothing_is_taken_for_done_or_lost(
    master: LoneMaster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a driver that waits Spark keeps no more than that it was lost."""
    job = SparkSubmit(tmp_path / "app.jar", main_class="App", connection=master.at.connection())
    (tmp_path / "app.jar").touch()
    handle = job.replace(driver_memory="64g").submit("a-key")  # there is no room for it
    master.kill()
    refuses(job, handle, "cannot reach http://127.0.0.1")
    master.start()
    assert master.status() == "RECOVERING"
    refuses(job, handle, r"does not lead \(yet\)")
    master.wait_for("ALIVE")
    assert job.find("a-key") == handle
    stands = job.poll(handle)
    assert isinstance(stands, JobFinished)
    assert stands.failure is not None
    assert stands.failure.reason == "evicted"
    assert handle["driver"] in str(stands.failure)
    monkeypatch.setattr(clusterdrivers, "_keys", Memory[Any, str]())
    with pytest.raises(SparkUnreachableError, match="start a new run where it is not this step's"):
        job.find("a-key")


def refuses(job: SparkSubmit, handle: Any, says: str) -> None:
    """Nothing that is asked for is taken for done, or for not there."""
    with pytest.raises(SparkUnreachableError, match=says):
        job.poll(handle)
    with pytest.raises(SparkUnreachableError, match=says):
        job.find("another-key")
    with pytest.raises(SparkUnreachableError, match=says):
        job.submit("another-key")
    with pytest.raises(SparkUnreachableError, match=says):
        job.cancel(handle)
