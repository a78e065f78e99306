"""Sessions: one for each run and connection in a process, shared by its threads, stopped with the run.

Outside a run a session ends with the call. A forked child makes sessions of its own, and leaves its parent's
alone.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from longshore import ConfigurationError, current
from longshore_spark import classic
from longshore_spark.connections import SparkConnection, conf_text
from longshore_spark.connectsessions import close_session, open_session
from longshore_spark.errors import SparkError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from pyspark.sql import SparkSession

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
        self._context: classic.Context | None = None
        self._session: Any = None
        self._lock = threading.Lock()

    @property
    def session(self) -> Any:
        with self._lock:
            if self._session is not None and not self._usable():
                self.drop()
            if self._session is None:
                if self._connection.kind == "connect":
                    self._session = open_session(self._connection)
                else:
                    self._context, self._session = _driver.session(self._connection)
            return self._session

    @property
    def context(self) -> classic.Context | None:
        """The context that it is in; None for one of Spark Connect, and one that is not made."""
        return self._context

    def _usable(self) -> bool:
        if self._context is None:
            return not self._session.is_stopped
        return self._context is _driver.context and self._context.alive

    def drop(self) -> None:
        """Stop it, if it is one of Spark Connect; a context is stopped with the last of its sessions."""
        session, self._session = self._session, None
        if session is not None and self._context is None:
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
            return kept

    def give_back(self, kept: Kept) -> None:
        with self._lock:
            kept.users -= 1
            if kept.users or kept.key[0] or self._kept.get(kept.key) is not kept:
                return
            del self._kept[kept.key]
        self._end([kept])

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

    def users_of(self, context: classic.Context) -> list[Kept]:
        """Return what is in use of a context."""
        with self._lock:
            return [kept for kept in self._kept.values() if kept.users and kept.context is context]

    def needs(self, context: classic.Context) -> bool:
        with self._lock:
            return any(kept.context is context for kept in self._kept.values())

    def leave(self) -> None:
        """Let go of everything, in a forked child."""
        self._lock = threading.RLock()
        _left_alone.extend(self._kept.values())
        self._kept = {}


class _Driver:
    """The context of this process."""

    def __init__(self) -> None:
        self.context: classic.Context | None = None
        self._lock = threading.RLock()

    def session(self, connection: SparkConnection) -> tuple[classic.Context, Any]:
        """Return a new session for a connection, and the context that it is in."""
        settings = classic.settings_of(connection)
        with self._lock:
            context = self._at_hand()
            if context is not None:
                try:
                    return context, self._fitting(context, connection, settings)
                except classic.MisfitError as misfit:
                    classic.check_reachable(connection)
                    self._make_room(context, connection, str(misfit))
            else:
                classic.check_reachable(connection)
            self.context = context = classic.start(connection, settings)
            return context, context.session(settings)

    def stop_if_idle(self) -> None:
        with self._lock:
            if self.context is not None and not _pool.needs(self.context):
                self._stop()

    def _at_hand(self) -> classic.Context | None:
        if self.context is not None and not self.context.alive:
            self._stop()
        if self.context is None:
            self.context = classic.there_already()
        return self.context

    def _fitting(
        self, context: classic.Context, connection: SparkConnection, settings: Mapping[str, str]
    ) -> Any:
        elsewhere = context.master != connection.master
        if elsewhere and (context.ours or replace(connection, conf={}) != SparkConnection()):
            raise classic.MisfitError(f"on {context.master!r}")
        if context.ours:
            return context.session(settings)
        return context.session({name: conf_text(value) for name, value in connection.conf.items()})

    def _make_room(self, context: classic.Context, connection: SparkConnection, misfit: str) -> None:
        if not context.ours or _pool.users_of(context):
            why = "is in use" if context.ours else "was started by somebody else"
            raise SparkError(
                f"cannot start Spark on {connection.master!r}: this process has one {misfit} already, which "
                f"{why}, and a process can have one; run the step after "
                "the others, in a process of its own (ProcessExecutor), on a Spark Connect server, or as an "
                "application (SparkSubmit)"
            )
        self._stop()

    def _stop(self) -> None:
        context, self.context = self.context, None
        if context is not None:
            context.stop()

    def leave(self) -> None:
        self._lock = threading.RLock()
        if self.context is not None:
            self.context.leave()
            _left_alone.append(self.context)
            self.context = None


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
    _driver.leave()


_pool: Final = _Pool()
_driver: Final = _Driver()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
