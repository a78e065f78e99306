"""The JVM that a classic session of this process has its driver in.

PySpark's own way to start one puts all properties on its command line, and its log on the user's terminal. So
it is started here: its properties go by a private file that is gone once it has read them, secrets are set
over its socket later, and what it prints is logged. It ends when its standard input does: with this process,
however that ends.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final
from weakref import WeakSet

from longshore import LogLine, redact, require
from longshore_spark.applications import properties_text
from longshore_spark.errors import SparkError
from longshore_spark.homes import check_home
from longshore_spark.java import check_java
from longshore_spark.loglines import leveled
from longshore_spark.settings import defaults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from longshore_spark.connections import SparkConnection

log: Final = logging.getLogger("longshore.spark")
_UP_WITHIN: Final = 120.0
"""Seconds in which a JVM must be up: those that fetch packages first take a while."""
_DOWN_WITHIN: Final = 10.0
_connecting = threading.Lock()
_living: Final[WeakSet[Jvm]] = WeakSet()
_left_alone: Final[list[Jvm]] = []
"""Those of a forked child's parent: never collected, since they would hear of that."""
_TAIL: Final = 20
_NOT_ITS: Final = frozenset({"PYSPARK_SUBMIT_ARGS", "SPARK_REMOTE", "SPARK_CONNECT_MODE_ENABLED"})


class Jvm:
    """A JVM with Spark in it, and the gateway to it.

    Args:
        connection: Where Java and Spark are.
        properties: What it is started with: no secrets.

    Attributes:
        home: The folder of its Spark.
        tail: The last lines that it printed, without stacks.
        quiet: Whether what it prints is logged as DEBUG alone.

    Raises:
        MissingExtraError: PySpark is not installed.
        SparkJavaError: There is no Java, or none that this Spark runs on.
        SparkVersionError: `SPARK_HOME` and PySpark are of two versions.
        SparkError: It did not come up.
    """

    def __init__(self, connection: SparkConnection, properties: Mapping[str, str]) -> None:
        require("pyspark.java_gateway", extra="spark")
        self.home = check_home(connection)
        check_java(connection)
        self.tail: deque[str] = deque(maxlen=_TAIL)
        self.quiet = True
        with tempfile.TemporaryDirectory(prefix="longshore-spark-") as folder:
            file, answer = Path(folder, "spark.properties"), Path(folder, "gateway")
            file.write_text(defaults(self.home) + properties_text(dict(properties)), "utf-8")
            words = [str(self.home / "bin" / "spark-submit"), "--properties-file", str(file), "pyspark-shell"]
            self.process = subprocess.Popen(  # noqa: S603 - Spark's own launcher, no shell
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=_environment(connection, self.home, answer),
                process_group=0,  # Ctrl-C is for this process, which then cancels what runs
            )
            _living.add(self)
            threading.Thread(target=self._read, name="longshore-spark-log", daemon=True).start()
            try:
                self.gateway = _connect(*self._answer(answer))
            except BaseException:
                self.stop()
                raise

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def stop(self) -> None:
        """End it, and wait for that."""
        gateway = getattr(self, "gateway", None)
        if gateway is not None:
            apart(gateway.shutdown, _DOWN_WITHIN)
        self.let_go()
        try:
            self.process.wait(_DOWN_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def leave(self) -> None:
        """Let go of it in a forked child, whose parent uses it."""
        gateway = getattr(self, "gateway", None)
        if gateway is not None:
            gateway._gateway_client.is_connected = False  # else it is told what is collected here
        self.let_go()
        _left_alone.append(self)

    def let_go(self) -> None:
        """Close this process's end of its standard input."""
        with contextlib.suppress(OSError):
            _pipe(self.process.stdin).close()

    def last_lines(self) -> str:
        """Return the end of what it printed."""
        return redact("\n".join(self.tail))

    def _answer(self, answer: Path) -> tuple[int, str]:
        """Return the port and the secret of its gateway."""
        end = time.monotonic() + _UP_WITHIN
        while not answer.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                seen = "it ended" if self.process.poll() is not None else f"no answer in {_UP_WITHIN:g} s"
                raise SparkError(
                    f"cannot start Spark's JVM: {seen}; the end of what it printed:\n{self.last_lines()}"
                )
            time.sleep(0.02)
        data = answer.read_bytes()  # it is moved there when it is whole
        size = int.from_bytes(data[4:8], "big")
        return int.from_bytes(data[:4], "big"), data[8 : 8 + size].decode()

    def _read(self) -> None:
        for line in leveled(self._lines()):
            if not line.text.startswith("\tat "):
                self.tail.append(line.text)
            level = logging.DEBUG if self.quiet else logging.getLevelNamesMapping()[line.level or "DEBUG"]
            log.log(level, "%s", redact(line.text))

    def _lines(self) -> Iterator[LogLine]:
        with _pipe(self.process.stdout) as stream:
            for line in stream:
                yield LogLine(text=line.decode("utf-8", "replace").rstrip("\r\n"), cursor="", stream="stderr")


def apart(call: Callable[[], object], seconds: float) -> None:
    """Make a call in a thread of its own, and wait for it at most so long; what it raises is of no interest.

    For what must not hang, and for what must not use this thread's connection to a JVM, which Ctrl-C may have
    interrupted in the middle of an answer.
    """

    def quietly() -> None:
        with contextlib.suppress(Exception):
            call()

    thread = threading.Thread(target=quietly, name="longshore-spark-apart", daemon=True)
    thread.start()
    thread.join(seconds)


def reason(error: Exception) -> str:
    """Return what an error of Java says, without its stack: what it was caused by in the end.

    PySpark translates errors by the JVM of its own context, and fails where that is another one, or none.
    """
    around = error.__context__
    lines = str(around if hasattr(around, "java_exception") else error).splitlines()
    causes = [line.partition(": ")[2] for line in lines if line.startswith((": ", "Caused by: "))]
    return redact(causes[-1] if causes else lines[0] if lines else type(error).__name__).rstrip(".")


def _environment(connection: SparkConnection, home: Path, answer: Path) -> dict[str, str]:
    python = {"PYSPARK_PYTHON": sys.executable} if connection.kind == "local" else {}
    ours = {"SPARK_HOME": str(home), "SPARK_CONNECT_MODE": "0", "_PYSPARK_DRIVER_CONN_INFO_PATH": str(answer)}
    if connection.java_home is not None:
        ours["JAVA_HOME"] = str(connection.java_home)
    inherited = {name: text for name, text in os.environ.items() if name not in _NOT_ITS}
    return python | inherited | ours


def _connect(port: int, secret: str) -> Any:
    """Return PySpark's gateway to a JVM that runs; it is told of one by variables alone."""
    names = {"PYSPARK_GATEWAY_PORT": str(port), "PYSPARK_GATEWAY_SECRET": secret}
    launch = require("pyspark.java_gateway", extra="spark").launch_gateway
    with _connecting:
        os.environ.update(names)
        try:
            return launch()
        finally:
            for name in names:
                os.environ.pop(name, None)


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


def _after_fork() -> None:
    """Let go of the JVMs of the parent, which would outlive it otherwise."""
    global _connecting
    _connecting = threading.Lock()
    for jvm in list(_living):
        jvm.leave()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
