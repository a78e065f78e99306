"""Sessions: one for each run and connection in a process, shared by its threads, stopped with the run.

Outside a run a session ends with the call. A forked child makes sessions of its own, and leaves its parent's
alone.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from longshore import ConfigurationError, current
from longshore_spark.connections import conf_text
from longshore_spark.connectsessions import close_session, open_session, there_already
from longshore_spark.contexts import TheContext

if TYPE_CHECKING:
    from collections.abc import Generator

    from pyspark.sql import SparkSession

    from longshore_spark.classic import Context
    from longshore_spark.connections import SparkConnection

_Key: TypeAlias = tuple[str, tuple[Any, ...]]
_left_alone: Final[list[Any]] = []
"""What a forked child's parent has: never collected, since its JVM would hear of that."""


@contextmanager
def session_for(connection: SparkConnection) -> Generator[SparkSession]:
    """Give the session of a connection.

    Within a run all who ask for it get the same one, and it is stopped when the run ends. Where a process has
    a session that it was not given by us, such as a notebook's, it is used by those who name its master, or
    no connection at all, and never stopped.

    Raises:
        SparkError: It cannot be made.
        ConfigurationError: The connection is not one that a session can be made of.
    """
    kept = _pool.take(connection)
    try:
        yield kept.session
    finally:
        _pool.give_back(kept)


def stop_sessions(run_id: str) -> None:
    """Stop what a run has started."""
    _pool.stop(run_id)


class Kept:
    """A session that is kept, made when it is first needed.

    Attributes:
        users: How many use it.
    """

    def __init__(self, key: _Key, connection: SparkConnection) -> None:
        self.key = key
        self.users = 0
        self._connection = connection
        self._context: Context | None = None
        self._session: Any = None
        self._is_borrowed = False
        self._lock = threading.Lock()

    @property
    def session(self) -> Any:
        with self._lock:
            if self._session is not None and not self._usable():
                self.drop()
            if self._session is None:
                self._session = self._made()
            return self._session

    @property
    def context(self) -> Context | None:
        """The context that it is in; None for one of Spark Connect, and one that is not made."""
        return self._context

    def _made(self) -> Any:
        if self._connection.kind == "connect":
            return open_session(self._connection)
        found = there_already(self._connection)
        self._is_borrowed = found is not None
        return found or _driver.session(self._connection, self._join)

    def _join(self, context: Context) -> None:
        self._context = context

    @property
    def is_made_now(self) -> bool:
        """Whether somebody waits for it, in a context of this process."""
        return bool(self.users) and self._session is None and self._connection.kind != "connect"

    def _usable(self) -> bool:
        if self._context is None:
            return not self._session.is_stopped
        return self._context is _driver.context and self._context.alive

    def drop(self) -> None:
        """Stop it, if it is one of Spark Connect; a context is stopped with the last of its sessions."""
        session, self._session = self._session, None
        if session is not None and self._context is None and not self._is_borrowed:
            close_session(session)
        self._context = None


class _Pool:
    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._kept: dict[_Key, Kept] = {}

    def take(self, connection: SparkConnection) -> Kept:
        key = current.run_id, _identity(connection)
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                kept = self._kept[key] = Kept(key, connection)
            kept.users += 1
            over = [each for each in self._kept.values() if _is_over(each)]
            for each in over:
                del self._kept[each.key]
        self._end(over)
        return kept

    def give_back(self, kept: Kept) -> None:
        with self._lock:
            kept.users -= 1
            is_known = self._kept.get(kept.key) is kept
            if kept.users or (is_known and kept.key[0]):
                return
            if is_known:
                del self._kept[kept.key]
        self._end([kept])  # also what a step that nobody waits for has made after the end of its run

    def stop(self, run_id: str) -> None:
        with self._lock:
            ending = [kept for kept in self._kept.values() if kept.key[0] == run_id]
            for kept in ending:
                del self._kept[kept.key]
        self._end(ending)

    def _end(self, ending: list[Kept]) -> None:
        was_classic = any(kept.context is not None for kept in ending)
        for kept in ending:
            kept.drop()
        if was_classic:
            _driver.stop_if_idle()

    def needed(self, context: Context, *, now: bool) -> bool:
        """Whether a session of a context is kept, or `now` is in use; or one is made, maybe in it."""
        with self._lock:
            return any(
                (kept.context is context and (kept.users or not now)) or (kept.is_made_now and not now)
                for kept in self._kept.values()
            )

    def leave(self) -> None:
        """Let go of everything, in a forked child."""
        self._lock = threading.RLock()
        _left_alone.extend(self._kept.values())
        self._kept = {}


def _is_over(kept: Kept) -> bool:
    """Whether a session is of a run that has ended, as far as a worker can know: it works for another now."""
    processes = sys.modules.get("multiprocessing.process")
    is_worker = processes is not None and processes.parent_process() is not None
    return is_worker and not kept.users and kept.key[0] != current.run_id


def _identity(connection: SparkConnection) -> tuple[Any, ...]:
    """Return what makes a session another one."""
    if connection.deploy_mode == "cluster":
        raise ConfigurationError(
            f"{connection!r}: a session has its driver here; leave out deploy_mode, or use SparkSubmit"
        )
    conf = tuple(sorted((name, conf_text(value)) for name, value in connection.conf.items()))
    token = connection.token.get() if connection.token is not None else None
    homes = str(connection.spark_home), str(connection.java_home)
    return connection.master, conf, token, homes


def _after_fork() -> None:
    _pool.leave()
    if _driver.context is not None:
        _left_alone.append(_driver.context)
    _driver.leave()


_pool: Final = _Pool()
_driver: Final = TheContext(_pool.needed)

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
