"""`SparkConnectServer`: a Spark Connect server of this machine, for the steps of a flow."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Mapping  # noqa: TC003 - a field's type, looked up at run time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from longshore import ConfigurationError, Resource, Secret, field, register_secret
from longshore_spark.classic import settings_of
from longshore_spark.connections import ConfValue, SparkConnection, connection_of
from longshore_spark.connectsessions import close_session, open_session
from longshore_spark.errors import SparkError
from longshore_spark.jvms import Jvm, reason

_PLUGIN: Final = "org.apache.spark.sql.connect.SparkConnectPlugin"
_GRACE: Final = 10.0
"""Seconds between SIGTERM and SIGKILL."""
_STEP: Final = 0.05
_running: Final[dict[int, Jvm]] = {}


@dataclass(frozen=True)
class ConnectServer:
    """A Spark Connect server that runs.

    Attributes:
        connection: How to reach it, from this machine.
        pid: Its process.
        started: When that began, as the system tells it.
        folder: Where its token is.
    """

    connection: SparkConnection
    pid: int
    started: str
    folder: Path


class SparkConnectServer(Resource[ConnectServer]):
    """A Spark Connect server on 127.0.0.1, for tests and laptops.

    It takes those alone who have its token, which is in a file of this user. It ends with the flow's clean-up
    and also when the process that started it dies, however that happens.

    Args:
        connection: The master that it runs its work on; not a Spark Connect server.
        conf: Spark properties, over those of `connection`.
        port: Where it listens; a free port when 0.

    Example:
        with SparkConnectServer(connection="local[2]") as server:
            SparkSQL("SELECT 1", connection=server.connection)()
    """

    connection: SparkConnection | str = SparkConnection()
    conf: Mapping[str, ConfValue] = field(default_factory=dict[str, ConfValue])
    port: int = 0

    def setup(self) -> ConnectServer:
        """Start it, and wait until it answers.

        Raises:
            SparkError: It did not come up.
        """
        given = connection_of(self.connection)
        if given.kind == "connect" or not 0 <= self.port < 1 << 16:
            raise ConfigurationError(
                f"SparkConnectServer(connection={given.master!r}, port={self.port!r}): give the master that "
                "it runs its work on, such as local[2], and a port from 0 to 65535"
            )
        folder = Path(tempfile.mkdtemp(prefix="longshore-spark-connect-"))
        try:
            return self._start(replace(given, conf={**given.conf, **self.conf}), folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def cleanup(self, value: ConnectServer) -> None:
        """Stop it, and wait until nothing of it is left."""
        jvm = _running.pop(value.pid, None)
        if jvm is not None:
            jvm.stop()
        elif value.started == _started(value.pid):
            _end(value.pid, value.started)
        shutil.rmtree(value.folder, ignore_errors=True)

    def _start(self, connection: SparkConnection, folder: Path) -> ConnectServer:
        token = folder / "token"
        token.touch(0o600)
        token.write_text(secrets.token_hex(32))
        register_secret(token.read_text())
        settings = self._settings(connection)
        hidden = {name for name, value in connection.conf.items() if isinstance(value, Secret)}
        jvm = Jvm(connection, {name: text for name, text in settings.items() if name not in hidden})
        try:
            private = {name: settings[name] for name in hidden}
            port = _serve(jvm, private | {"spark.connect.authenticate.token": token.read_text()}, folder)
            reached = SparkConnection(f"sc://localhost:{port}", token=Secret(f"file:{token}"))
            close_session(open_session(reached))
        except BaseException as error:
            why = reason(error) if isinstance(error, Exception) else ""
            jvm.stop()
            if why:
                raise SparkError(
                    f"cannot start a Spark Connect server on {connection.master!r}: {why}; "
                    f"the end of what it printed:\n{jvm.last_lines()}"
                ) from error
            raise
        _running[jvm.process.pid] = jvm
        return ConnectServer(reached, jvm.process.pid, _started(jvm.process.pid), folder)

    def _settings(self, connection: SparkConnection) -> dict[str, str]:
        settings = settings_of(connection)
        plugins = [name for name in settings.get("spark.plugins", "").split(",") if name]
        return {
            "spark.app.name": "longshore-connect",
            "spark.connect.progress.reportInterval": "1s",
            "spark.sql.artifact.isolation.enabled": "true",
            "spark.sql.artifact.isolation.alwaysApplyClassloader": "true",
            **settings,
            "spark.plugins": ",".join(dict.fromkeys([*plugins, _PLUGIN])),
            "spark.connect.grpc.binding.address": "127.0.0.1",
            "spark.connect.grpc.binding.port": str(self.port),
        }


def _serve(jvm: Jvm, private: Mapping[str, str], folder: Path) -> int:
    """Make the session that the server is a plugin of; return its port."""
    java: Any = jvm.gateway.jvm
    for path in (folder, folder / "token"):  # the last one is removed first
        java.java.io.File(str(path)).deleteOnExit()
    conf = java.SparkConf(True)
    for name, text in private.items():
        conf.set(name, text)
    java.org.apache.spark.sql.classic.SparkSession.builder().config(conf).getOrCreate()
    service = getattr(java.org.apache.spark.sql.connect.service, "SparkConnectService$")
    return int(getattr(service, "MODULE$").localPort())


def _end(pid: int, started: str) -> None:
    """End a server that another process has started."""
    end = time.monotonic() + _GRACE
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        while _started(pid) == started:
            if time.monotonic() > end:
                os.kill(pid, signal.SIGKILL)
            time.sleep(_STEP)


def _started(pid: int) -> str:
    """Return when a process began, which tells it from a later one of its number; empty if it has ended."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return ""
        try:  # a system that tells nothing
            os.kill(pid, 0)
        except OSError:
            return ""
        return "running"
    return "" if words[0] == "Z" else words[19]
