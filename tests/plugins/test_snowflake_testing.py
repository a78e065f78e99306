"""The Snowflake for tests of one's own flows."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("snowflake.connector", reason="needs longshore[snowflake]")

from service_environments import UnavailableError, python_of

from longshore import ConfigurationError
from longshore.testing import raises_saying
from longshore_snowflake import SnowflakeLoad, SnowflakeQuery
from longshore_snowflake.testing import SnowflakeServer

PROGRAM = """
import sys, time
from longshore_snowflake.testing import SnowflakeServer

server = SnowflakeServer(python=sys.argv[1])
server.start()
print(server.port, flush=True)
time.sleep(100)
"""


@pytest.fixture(scope="module")
def python(require_service: Callable[[object, str], None]) -> Path:
    try:
        return python_of("fakesnow")
    except UnavailableError as error:
        require_service(None, str(error))
        raise


def test_a_flow_is_tried_without_an_account(python: Path, tmp_path: Path) -> None:
    (tmp_path / "flights.csv").write_text("carrier,delay\nUA,12\nEV,25\n")
    with SnowflakeServer(python=python) as server:
        loaded = SnowflakeLoad(create=True, connection=server.connection)(tmp_path / "flights.csv", "FLIGHTS")
        found = SnowflakeQuery("SELECT sum(delay) AS s FROM flights", connection=server.connection)()
        port = server.port
    assert (loaded.rows, found.rows) == (2, [{"S": 37}])
    assert not listens(port)
    with raises_saying(ConfigurationError, "no Snowflake is started; write: with SnowflakeServer()"):
        assert server.connection


def test_it_ends_with_the_process_that_started_it(python: Path) -> None:
    started = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(python)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with started:
        assert started.stdout is not None
        port = int(started.stdout.readline())
        assert listens(port)
        started.send_signal(signal.SIGKILL)
    end = time.monotonic() + 20
    while listens(port):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_an_environment_without_fakesnow_is_told_what_to_install(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -I "$@"\n')
    python.chmod(0o700)
    with raises_saying(ConfigurationError, "pip install 'fakesnow[server]' 'snowflake-connector-python<5'"):
        SnowflakeServer(python=python).start()


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5):
        return True
    return False
