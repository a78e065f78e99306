"""`SparkSubmit` is a job: submitted once, found after any crash, cancelled for certain, in either mode."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from process_trees import MARK, alive, new_mark
from spark_cluster import SparkCluster

from longshore.contracts.deaths import keys_of
from longshore.testing import JobContract
from longshore_spark import SparkConnection, SparkResult, SparkSubmit, SparkUnreachableError
from longshore_spark.homes import spark_home

FULL = os.environ.get("LONGSHORE_GATE") == "full"
QUICK = (
    "result[after submit",
    "result[while it runs",
    "submitted_twice",
    "a_timeout_cancels_it",
    "log_goes_on",
)
"""What is tried of a driver on this machine when time is short: it is a job of `longshore_shell`."""
SERVED = (
    "result[before submit",
    "result[after submit",
    "result[while it runs",
    "result[after result",
    "cancelled_and_resumed",
    "asked_to_end",
    "submitted_twice",
    "found_by_its_key",
    "log_goes_on",
    "cancel_ends_it",
    "timeout_cancels_it",
    "fails_says_why",
)
"""What is tried of a driver in the cluster when time is short."""
LAUNCHER = """#!/bin/sh
echo "$LONGSHORE_OUTPUTS" >> {starts}
exec {home}/bin/spark-submit "$@"
"""


class HandedBack:
    """Equal to a result with these outputs: ids and times are others each time."""

    def __init__(self, **outputs: Any) -> None:
        self._outputs = outputs

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SparkResult) and other.outputs == self._outputs

    __hash__ = None  # type: ignore[assignment]


class SparkContract(JobContract):
    inputs: ClassVar[Mapping[str, Any]] = {"args": ("job", 100, 0)}
    expected: ClassVar[Any] = HandedBack(n="42")
    log_lines = ("line 1", "line 2", "line 3")
    failing_inputs: ClassVar[Mapping[str, Any]] = {"args": ("job", 0, 3)}


@pytest.mark.gate("D2")
class TestInTheCluster(SparkContract):
    cluster: ClassVar[SparkCluster]

    @pytest.fixture(autouse=True)
    def _connect(self, spark_cluster: SparkCluster, spark_jar: Path, request: pytest.FixtureRequest) -> None:
        if not FULL and not any(word in request.node.name for word in SERVED):
            pytest.skip("nox -s gate has all of them")
        kind = type(self)
        kind.cluster = spark_cluster
        kind.job = SparkSubmit(
            spark_jar, main_class="App", connection=spark_cluster.connection(), poll_interval=0.2
        )

    def submissions(self, key: str) -> int:
        """Each driver's folder has the command that it was started by."""
        launched = Path(self.cluster.folder).glob("work*/driver-*/stderr")
        mark = f'"-Dspark.longshore.key={key}"'.encode()
        started = sum(mark in path.read_bytes() for path in launched)
        return max(started, int(self._is_known(key)))

    def _is_known(self, key: str) -> bool:
        """A driver that waits for its worker cannot be told from another one."""
        give_up = time.monotonic() + 60
        while True:
            try:
                return self.job.find(key) is not None
            except SparkUnreachableError:
                if time.monotonic() > give_up:
                    raise
            time.sleep(0.2)

    def _has_jobs(self, folder: Path, count: int) -> None:
        found = sum(map(self.submissions, keys_of(folder)))
        assert found <= count <= found + self._never_started()

    def _never_started(self) -> int:
        """Return how many drivers were killed before a worker had started them: nothing has their keys."""
        folder = Path(self.cluster.folder)
        killed = [
            driver["id"]
            for driver in self.cluster.state()["completeddrivers"]
            if driver["state"] == "KILLED" and not list(folder.glob(f"work*/{driver['id']}/stderr"))
        ]
        return len(killed)

    def _stopped(self, key: str) -> None:
        """One that is cancelled before its worker has started it leaves no trace of its key."""
        self._gone(key)
        assert self.submissions(key) <= 1

    def alive(self, key: str) -> bool:
        mark = f"-Dspark.longshore.key={key}".encode()
        return any(mark in command for command in commands())


@pytest.mark.gate("D2")
class TestOnThisMachine(SparkContract):
    mark: ClassVar[str]
    starts: ClassVar[Path]

    @pytest.fixture(autouse=True)
    def _connect(
        self,
        spark_cluster: SparkCluster,
        spark_jar: Path,
        tmp_path_factory: pytest.TempPathFactory,
        request: pytest.FixtureRequest,
    ) -> None:
        if not FULL and not any(word in request.node.name for word in QUICK):
            pytest.skip("nox -s gate has all of them")
        folder = tmp_path_factory.mktemp("jobs")
        kind = type(self)
        kind.starts, kind.mark = folder / "starts", new_mark()
        home = spark_home(SparkConnection())
        (folder / "bin").mkdir()
        (folder / "jars").symlink_to(home / "jars")
        launcher = folder / "bin" / "spark-submit"
        launcher.write_text(LAUNCHER.format(starts=kind.starts, home=home))
        launcher.chmod(0o755)
        for name in ("load-spark-env.sh", "spark-class"):
            (folder / "bin" / name).symlink_to(home / "bin" / name)
        kind.job = SparkSubmit(
            spark_jar,
            main_class="App",
            connection=spark_cluster.connection("client", spark_home=folder),
            environment={MARK: kind.mark},
            jobs_folder=folder / "jobs",
            poll_interval=0.2,
            grace=0.5,
        )

    def submissions(self, key: str) -> int:
        """Each start leaves a line, a moment after its job can be found."""
        started = self.starts.read_text().count(f"/{key}/") if self.starts.exists() else 0
        return max(started, int(self.job.find(key) is not None))

    def alive(self, key: str) -> bool:
        return bool(alive(self.mark))


def commands() -> list[bytes]:
    """The command lines of all processes."""
    found: list[bytes] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes())
        except OSError:
            continue
    return found
