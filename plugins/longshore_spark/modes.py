"""What PySpark has to know of a session while a function uses it.

Its functions (`functions.col`, `Window`, ...) look for the active session, and are of one of two lines,
classic or Spark Connect. That is decided for a whole process, by a variable of the environment. So functions
of both lines cannot run in one process at one time; one after the other they can. Statements of SQL need
nothing of this.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from longshore_spark.errors import SparkError
from longshore_spark.tags import is_connect

if TYPE_CHECKING:
    from collections.abc import Generator

    from pyspark.sql import SparkSession

CONNECT: Final = "SPARK_CONNECT_MODE_ENABLED"
_lock = threading.RLock()
_running: Final = {True: 0, False: 0}
_set_by_us = False


@contextmanager
def activated(session: SparkSession) -> Generator[None]:
    """Have PySpark's functions be of the line that a session is of, and find it as this thread's active one.

    Raises:
        SparkError: A function that needs the other line runs in this process.
    """
    connect = is_connect(session)
    _enter(connect)
    try:
        with _active_remote(session) if connect else _active_here(session):
            yield
    finally:
        _leave(connect)


@contextmanager
def _active_remote(session: Any) -> Generator[None]:
    here: Any = session.__class__._active_session
    before = getattr(here, "session", None)
    here.session = session
    try:
        yield
    finally:
        here.session = before


@contextmanager
def _active_here(session: Any) -> Generator[None]:
    kind: Any = session.__class__
    in_java: Any = kind._get_j_spark_session_class(session._jvm)
    before, known = in_java.getActiveSession(), kind._activeSession
    in_java.setActiveSession(session._jsparkSession)
    kind._activeSession = session
    try:
        yield
    finally:
        with suppress(Exception):  # its JVM may have ended
            if before.isDefined():
                in_java.setActiveSession(before.get())
                kind._activeSession = known
            else:
                in_java.clearActiveSession()


def _enter(connect: bool) -> None:
    global _set_by_us
    with _lock:
        if _running[not connect]:
            ours, other = ("Spark Connect", "a classic session")[:: 1 if connect else -1]
            raise SparkError(
                f"cannot run a function with {ours} while one with {other} runs in this process: PySpark has "
                "one mode for all of a process; run them one after the other, or in processes of their own "
                "(ProcessExecutor)"
            )
        if connect and CONNECT not in os.environ:
            os.environ[CONNECT] = "1"
            _set_by_us = True
        _running[connect] += 1


def _leave(connect: bool) -> None:
    global _set_by_us
    with _lock:
        _running[connect] -= 1
        if connect and not _running[True] and _set_by_us:
            os.environ.pop(CONNECT, None)
            _set_by_us = False


def _after_fork() -> None:
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
