"""A Spark Connect server as a resource: it answers its owner alone, and ends with its process."""

from __future__ import annotations

import os
import pickle
import re
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from spark_rig import FAST

from longshore import ConfigurationError
from longshore_spark import (
    SparkConnection,
    SparkConnectServer,
    SparkError,
    SparkUnauthorizedError,
)
from longshore_spark.connectserver import ConnectServer
from longshore_spark.sessions import session_for

pytestmark = pytest.mark.usefixtures("java")
HERE = SparkConnection("local[2]", conf=FAST)
PATIENCE = 60.0
PROGRAM = """
    import pickle, time
    from pathlib import Path
    from spark_rig import FAST
    from longshore import ProcessExecutor, flow, task
    from longshore_spark import SparkConnection, SparkConnectServer, spark_task

    @spark_task
    def count(spark, n):
        return spark.range(n).count()

    @task
    def tell(server, counted):
        Path("told.part").write_bytes(pickle.dumps((server, counted)))
        Path("told.part").rename("told")
        time.sleep(600)

    @flow
    def f():
        with SparkConnectServer(connection=SparkConnection("local[2]", conf=FAST)) as server:
            counted = count.replace(connection=server.connection).map([3, 4])
            tell(server, counted)

    if __name__ == "__main__":
        f.run(executor=ProcessExecutor(1))
"""


def program(folder: Path) -> subprocess.Popen[bytes]:
    """Run a flow with a server, whose steps are in processes of their own."""
    path = folder / "program.py"
    path.write_text(textwrap.dedent(PROGRAM))
    places = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": places, "PYTHONWARNINGS": "ignore"}
    with (folder / "output").open("wb") as output:
        return subprocess.Popen(
            [sys.executable, str(path)], stdout=output, stderr=output, cwd=folder, env=environment
        )


def told(folder: Path, running: subprocess.Popen[bytes]) -> ConnectServer:
    """The server that the flow has, once its steps have used it."""
    end = time.monotonic() + PATIENCE
    while not (folder / "told").exists():
        assert running.poll() is None or (folder / "told").exists(), (folder / "output").read_text()
        assert time.monotonic() < end, (folder / "output").read_text()
        time.sleep(0.05)
    server, counted = pickle.loads((folder / "told").read_bytes())
    assert counted == [3, 4]
    assert isinstance(server, ConnectServer)
    return server


def is_gone(server: ConnectServer) -> bool:
    """Whether nothing of a server is left, after a while."""
    end = time.monotonic() + PATIENCE
    while Path(f"/proc/{server.pid}").exists() or server.folder.exists():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def test_a_server_is_shared_by_processes_refuses_strangers_and_ends_when_its_flow_is_killed(
    tmp_path: Path,
) -> None:
    running = program(tmp_path)
    try:
        server = told(tmp_path, running)
        assert server.folder.stat().st_mode & 0o077 == 0
        words = Path(f"/proc/{server.pid}/cmdline").read_bytes()
        assert (server.folder / "token").read_bytes() not in words
        with session_for(server.connection) as session:
            assert session.sql("SELECT 5").collect()[0][0] == 5
        stranger = SparkConnection(server.connection.master, timeout=5)
        with pytest.raises(SparkUnauthorizedError, match="it refuses the token"), session_for(stranger):
            pass
    finally:
        running.kill()
        running.wait()
    assert is_gone(server)


def test_clean_up_in_another_process_ends_what_was_started_and_nothing_else(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        began = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[19]
        server = ConnectServer(SparkConnection("sc://localhost:1"), process.pid, "0", tmp_path / "none")
        SparkConnectServer().cleanup(server)
        assert process.poll() is None
        SparkConnectServer().cleanup(ConnectServer(server.connection, process.pid, began, server.folder))
        assert process.wait(PATIENCE) == -15


def test_a_server_that_does_not_come_up_says_why_with_the_end_of_its_log() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            SparkError, match=r"cannot start a Spark Connect server on 'local\[2\]'"
        ) as caught:
            SparkConnectServer(connection=HERE, port=port).setup()
    assert re.search(r"(?i)already in use|failed to bind", str(caught.value))
    assert "\tat " not in str(caught.value)
    for wrong in (SparkConnectServer(connection="sc://localhost"), SparkConnectServer(port=70_000)):
        with pytest.raises(ConfigurationError, match="give the master that it runs its work on"):
            wrong.setup()
