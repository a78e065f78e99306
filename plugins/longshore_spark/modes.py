"""Which of its two lines PySpark's functions (`functions.col`, `Window`, ...) are of in this process.

PySpark decides that for a whole process, by a variable of the environment. So functions that use classic
sessions and functions that use Spark Connect cannot run in one process at one time; one after the other they
can. Statements of SQL do not need it.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

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
def in_mode_of(session: SparkSession) -> Generator[None]:
    """Have PySpark's functions be of the line that a session is of.

    Raises:
        SparkError: A function that needs the other line runs in this process.
    """
    connect = is_connect(session)
    _enter(connect)
    try:
        yield
    finally:
        _leave(connect)


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
