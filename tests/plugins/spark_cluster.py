"""A standalone cluster of one master and two workers on loopback, and a JAR to run there.

The fixtures are `spark_cluster` and `spark_jar`. The processes of one test run share both. Run as a program
it is the cluster: it lives until it is told to end, and its daemons end with it.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from types import FrameType
from typing import Any, Literal

import pytest
from s3_servers import free_port, shared_folder, start_kept
from spark_rig import JVM

APP = Path(__file__).parent / "spark_apps" / "App.scala"
WORKERS = 2
_DIES_WITH_US = 1  # PR_SET_PDEATHSIG


@dataclass(frozen=True)
class SparkCluster:
    """A cluster that runs.

    Args:
        port: Of its master.
        rest: Of the master's REST server.
        web: Of the master's page.
        folder: Where its workers keep what they run.
    """

    port: int
    rest: int
    web: int
    folder: str

    @property
    def master(self) -> str:
        return f"spark://127.0.0.1:{self.port}"

    def connection(self, deploy_mode: Literal["client", "cluster"] = "cluster", **fields: Any) -> Any:
        """Return a connection to it."""
        from longshore_spark import SparkConnection

        quick = {
            "spark.driver.extraJavaOptions": JVM,
            "spark.executor.extraJavaOptions": JVM,
            "spark.driver.memory": "512m",
            "spark.executor.memory": "512m",
            "spark.cores.max": "2",
            "spark.driver.host": "127.0.0.1",
            "spark.ui.enabled": "false",
            **fields.pop("conf", {}),
        }
        if deploy_mode == "cluster":
            quick.pop("spark.driver.host")
            fields |= {
                "rest_url": f"http://127.0.0.1:{self.rest}",
                "web_url": f"http://127.0.0.1:{self.web}",
            }
        return SparkConnection(self.master, deploy_mode=deploy_mode, conf=quick, **fields)

    def state(self) -> dict[str, Any]:
        """Return what the master says of itself."""
        connection = HTTPConnection("127.0.0.1", self.web, timeout=30)
        try:
            connection.request("GET", "/json/")
            found: dict[str, Any] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return found

    def is_up(self) -> bool:
        with suppress(OSError, ValueError):
            return sum(worker["state"] == "ALIVE" for worker in self.state()["workers"]) == WORKERS
        return False


@pytest.fixture(scope="session")
def spark_cluster(java: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkCluster]:
    """The cluster that the processes of this test run share; the first of them starts it."""
    folder = shared_folder(tmp_path_factory)
    told = folder / "spark.json"
    with (folder / "spark.lease").open("a") as lease, (folder / "spark.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        fcntl.flock(lease, fcntl.LOCK_SH)
        cluster = SparkCluster(**json.loads(told.read_text())) if told.exists() else None
        if cluster is None or not cluster.is_up():
            cluster = _start(folder)
            told.write_text(json.dumps(vars(cluster)))
        fcntl.flock(lock, fcntl.LOCK_UN)
        yield cluster


@pytest.fixture(scope="session")
def spark_jar(java: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A JAR with the class `App`, compiled by the compiler that Spark itself has."""
    folder = shared_folder(tmp_path_factory)
    jar = folder / "app.jar"
    with (folder / "jar.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not jar.exists():
            words = [
                "-cp",
                f"{spark_home_here()}/jars/*",
                "scala.tools.nsc.Main",
                "-nowarn",
                "-usejavacp",
                "-d",
                "app.new.jar",
            ]
            subprocess.run(
                [java, "-XX:TieredStopAtLevel=1", *words, str(APP)], cwd=folder, check=True, timeout=100
            )
            (folder / "app.new.jar").rename(jar)
    return jar


def _start(folder: Path) -> SparkCluster:
    files = tempfile.mkdtemp(prefix="spark-", dir=folder)
    cluster = SparkCluster(free_port(), free_port(), free_port(), files)
    command = [sys.executable, str(Path(__file__)), json.dumps(vars(cluster)), str(spark_home_here())]
    start_kept("spark", command, os.environ, folder, files, cluster.is_up)
    return cluster


def spark_home_here() -> Path:
    """Return the installation of Spark that tests use."""
    from longshore_spark import SparkConnection
    from longshore_spark.homes import spark_home

    return spark_home(SparkConnection())


def main(text: str, home: str) -> None:
    """Run the daemons."""
    cluster = SparkCluster(**json.loads(text))
    env = {
        **os.environ,
        "SPARK_HOME": home,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_DAEMON_JAVA_OPTS": JVM,
        "SPARK_MASTER_OPTS": "-Dspark.master.rest.enabled=true -Dspark.master.rest.host=127.0.0.1 "
        f"-Dspark.master.rest.port={cluster.rest}",
    }
    place = ["--host", "127.0.0.1", "--port"]
    web = str(cluster.web)
    commands = [["master.Master", *place, str(cluster.port), "--webui-port", web]]
    for number in range(WORKERS):
        work = str(Path(cluster.folder, f"work{number}"))
        room = ["--cores", "8", "--memory", "8g", "--work-dir", work, "--webui-port", "0"]
        commands.append(["worker.Worker", *place, "0", *room, cluster.master])
    libc = ctypes.CDLL(None)
    daemons = [
        subprocess.Popen(
            [f"{home}/bin/spark-class", f"org.apache.spark.deploy.{name}", *rest],
            env=env,
            stdin=subprocess.DEVNULL,
            preexec_fn=lambda: libc.prctl(_DIES_WITH_US, signal.SIGTERM),
        )
        for name, *rest in commands
    ]
    signal.signal(signal.SIGTERM, ended)
    while all(daemon.poll() is None for daemon in daemons):
        time.sleep(0.2)


def ended(number: int, frame: FrameType | None) -> None:
    sys.exit()


if __name__ == "__main__":
    main(*sys.argv[1:])
