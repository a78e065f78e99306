"""Classic Spark in this process: a JVM, its one context, and the sessions in it.

A process has one context at a time, with one master and one set of static properties. Sessions in it have
their own SQL properties, temporary views and functions.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from longshore import Secret, current, require
from longshore_spark.connections import conf_text, shown_master
from longshore_spark.errors import SparkError, SparkInputError, SparkUnreachableError
from longshore_spark.jvms import Jvm, apart, reason

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from longshore_spark.connections import SparkConnection

_QUIET: Final = {"spark.ui.showConsoleProgress": "false", "spark.log.level": "WARN"}
_LOCAL: Final = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
}
"""A local master has nobody to talk to, and nobody was told the address of its pages."""
_OURS: Final = {"spark.master", "spark.remote", "spark.submit.deployMode"}
_DOWN_WITHIN: Final = 20.0
_LAUNCHED: Final = ("extraJavaOptions", "defaultJavaOptions", "extraClassPath", "extraLibraryPath")


class MisfitError(Exception):
    """A context is not what somebody wants."""


class Context:
    """The context of this process: ours, with its JVM, or one that was there already.

    Attributes:
        settings: What it was made with.
        paths: What it has added to the path of Python.
    """

    def __init__(self, master: str, settings: Mapping[str, str], spark: Any, jvm: Jvm | None) -> None:
        self.master = master
        self.settings = dict(settings)
        self.spark = spark
        self.paths: tuple[str, ...] = ()
        self._jvm = jvm

    @property
    def ours(self) -> bool:
        """Whether it is stopped by us."""
        return self._jvm is not None

    @property
    def alive(self) -> bool:
        """Whether it takes work."""
        if self._jvm is not None and not self._jvm.alive:
            return False
        try:
            return not self.spark._jsc.sc().isStopped()
        except Exception:  # noqa: BLE001 - there is no JVM any more, or nothing that answers
            return False

    def session(self, wanted: Mapping[str, str]) -> Any:
        """Return a new session with properties of its own; without any, the one that somebody else has made.

        Raises:
            MisfitError: They are not for a session to have.
        """
        first = _classes()[1](self.spark)
        if not self.ours and not wanted:
            return first
        made = first.newSession()
        for name in sorted(self.settings.keys() | wanted.keys()):
            value = wanted.get(name)
            if value == self.settings.get(name) or (not self.ours and value is None):
                continue
            if not name.startswith("spark.sql.") or not made.conf.isModifiable(name):
                raise MisfitError(f"with another {name}")
            if value is None:
                made.conf.unset(name)
            else:
                made.conf.set(name, value)
        return made

    def stop(self) -> None:
        """Stop it, and its JVM, if it is ours."""
        if self._jvm is None:
            return
        self._jvm.quiet = True
        context, session = _classes()
        if not self._jvm.alive:
            self.spark._jsc = None  # there is nothing left to stop, and PySpark would warn of that
        apart(self.spark.stop, _DOWN_WITHIN)
        self._jvm.stop()
        for path in self.paths:
            with suppress(ValueError):
                sys.path.remove(path)
        _forget(context, session)

    def leave(self) -> None:
        """Let go of it in a forked child, whose parent uses it."""
        _forget(*_classes())


def there_already() -> Context | None:
    """Return the context that somebody else made in this process."""
    module = sys.modules.get("pyspark")
    found = None if module is None else module.SparkContext._active_spark_context
    if found is None or found._jsc is None:
        return None
    return Context(found.master, dict(found.getConf().getAll()), found, None)


def start(connection: SparkConnection, settings: Mapping[str, str]) -> Context:
    """Start a JVM and a context.

    Raises:
        SparkError: It cannot be done.
    """
    if "SPARK_CONNECT_MODE_ENABLED" in os.environ:
        raise SparkError(
            f"cannot start Spark on {connection.master!r} here: PySpark is in Connect mode in this process; "
            "run the step in another one (ProcessExecutor), or after those that use Spark Connect"
        )
    hidden = {name for name, value in connection.conf.items() if isinstance(value, Secret)}
    named = {"spark.app.name": current.flow or "longshore", **settings}
    jvm = Jvm(connection, {name: text for name, text in named.items() if name not in hidden})
    context, session = _classes()
    known = frozenset(sys.path)
    try:
        context._ensure_initialized(gateway=jvm.gateway)
        conf = require("pyspark", extra="spark").SparkConf()
        for name in hidden:
            conf.set(name, settings[name])
        with _signals_kept():
            spark = context(conf=conf)
        if connection.kind == "local" and "PYSPARK_PYTHON" not in os.environ:
            spark.pythonExec = conf.get("spark.pyspark.python", sys.executable)
    except BaseException as error:
        why = reason(error) if isinstance(error, Exception) else ""
        jvm.stop()
        _forget(context, session)
        if why:
            raise SparkError(
                f"cannot start Spark on {connection.master!r}: {why}; "
                f"the end of what it printed:\n{jvm.last_lines()}"
            ) from error
        raise
    jvm.quiet = False
    made = Context(connection.master, settings, spark, jvm)
    made.paths = tuple(path for path in sys.path if path not in known)
    return made


def settings_of(connection: SparkConnection) -> dict[str, str]:
    """Return the properties of a connection; secrets are resolved, and masked from now on.

    Raises:
        SparkInputError: One has a field of its own, or cannot be kept out of a command line.
    """
    where = f"SparkConnection({shown_master(connection.master)!r})"
    for name, value in connection.conf.items():
        if name in _OURS:
            raise SparkInputError(f"{where}: {name} is given by the connection, not by conf")
        if isinstance(value, Secret) and name.startswith("spark.driver.") and name.endswith(_LAUNCHED):
            raise SparkInputError(
                f"{where}: {name} would be in a command line; a Secret cannot be a part of that"
            )
    given = {name: conf_text(value) for name, value in connection.conf.items()}
    return {
        **_QUIET,
        **(_LOCAL if connection.kind == "local" else {}),
        **given,
        "spark.master": connection.master,
        "spark.submit.deployMode": "client",
    }


def check_reachable(connection: SparkConnection) -> None:
    """Look whether a standalone master takes connections: Spark itself would try for a minute.

    Raises:
        SparkUnreachableError: None does.
    """
    if connection.kind != "standalone":
        return
    places = connection.master.removeprefix("spark://").split(",")
    seen: OSError | None = None
    for place in places:
        parts = urlsplit(f"//{place}")
        try:
            socket.create_connection(
                (parts.hostname or "", parts.port or 7077), connection.timeout / len(places)
            ).close()
        except OSError as error:
            seen = error
        else:
            return
    raise SparkUnreachableError(
        f"cannot open a session on {connection.master!r}: nothing answers there ({seen}); "
        "look whether the master runs, and whether host and port are right"
    ) from seen


@contextmanager
def _signals_kept() -> Generator[None]:
    """Keep the handler of Ctrl-C, which PySpark would replace in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)


def _classes() -> tuple[Any, Any]:
    require("pyspark", extra="spark")
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    return SparkContext, SparkSession


def _forget(context: Any, session: Any) -> None:
    """Have PySpark make everything anew when it is next needed."""
    context._active_spark_context = context._gateway = context._jvm = None
    session._instantiatedSession = session._activeSession = None
