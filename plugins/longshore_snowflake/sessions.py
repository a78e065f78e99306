"""Sessions: one for each process and connection, kept alive, made anew when Snowflake has forgotten it.

The connector's connections may be shared by threads, its cursors may not (`threadsafety` is 2), in both of
its lines: so each piece of work makes a cursor of its own. A forked child makes sessions of its own, and
leaves its parent's alone: it neither uses nor closes them. The native core of the newer line does not live
through a fork (a child that calls it hangs): there a child gets an error that says what to do.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar

from longshore import ConfigurationError
from longshore_snowflake.faults import is_gone, login_failure, translated
from longshore_snowflake.logins import connect_arguments, connector

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from longshore_snowflake.connections import SnowflakeConnection
    from longshore_snowflake.statements import Statement

T = TypeVar("T")

_MODULE: Final = "snowflake.connector"
_NATIVE: Final = 5
"""The line of the connector that has a native core."""
_MOST_KEYS: Final = 10_000
_sessions: Final[dict[SnowflakeConnection, Session]] = {}
_lock = threading.RLock()
_left_alone: Final[list[Any]] = []
"""Connections of a forked child's parent: never collected, since that would touch the parent's session."""
_core_is_dead = False


class Session:
    """A connection of the connector, made when it is first needed.

    Args:
        connection: Who we are.
        dedicated: Whether it is for one piece of work, such as a transaction: then it is not made anew when
            it is lost, and what runs in it ends with it.

    Attributes:
        account: The account's name, once it is known.
        keys: The queries that were submitted by it, by their keys.
    """

    def __init__(self, connection: SnowflakeConnection, *, dedicated: bool = False) -> None:
        self.settings = connection
        self.account = connection.account
        self.keys: dict[str, str] = {}
        self._dedicated = dedicated
        self._made: Any = None
        self._lock = threading.RLock()

    @property
    def connection(self) -> Any:
        """The connector's own connection.

        Raises:
            SnowflakeLoginError: The login is refused.
            SnowflakeNetworkError: Snowflake does not answer.
            MissingExtraError: The connector is not installed.
        """
        with self._lock:
            if self._made is None:
                self._made = self._connect()
                self.account = str(self._made.account or self.account)
            return self._made

    def _connect(self) -> Any:
        sdk = connector()
        if _core_is_dead:
            raise ConfigurationError(
                "cannot use Snowflake in a forked child of a process that has loaded its connector: the "
                "native core of snowflake-connector-python 5 does not live through a fork; start processes "
                "by 'spawn' or 'forkserver', or run: pip install 'snowflake-connector-python<5'"
            )
        major = connector_version()[0]
        try:
            return sdk.connect(
                **connect_arguments(self.settings, major=major, keeps_session=not self._dedicated)
            )
        except sdk.Error as error:
            # Without its traceback, whose frames hold the credentials.
            raise login_failure(self.settings, error) from error.with_traceback(None)

    def call(
        self,
        what: str,
        work: Callable[[Any], T],
        *,
        statement: Statement | None = None,
        query_id: str = "",
    ) -> T:
        """Do something with the connection; again with a new one when Snowflake has forgotten the session.

        Args:
            what: What is done, for messages: `fetch the result of 'SELECT 1'`.
            work: Takes the connector's connection.
            statement: What it is about, for messages.
            query_id: The query that it is about.

        Raises:
            SnowflakeError: It cannot be done.
        """
        connection = self.connection
        try:
            return work(connection)
        except Exception as error:
            if self._dedicated or not is_gone(error):
                raise self._error(what, error, statement, query_id) from error
        self._forget(connection)
        try:
            return work(self.connection)
        except Exception as error:
            raise self._error(what, error, statement, query_id) from error

    def remember(self, key: str, query_id: str) -> None:
        """Keep a query's id by its key: of the last thousands."""
        with self._lock:
            self.keys[key] = query_id
            while len(self.keys) > _MOST_KEYS:
                del self.keys[next(iter(self.keys))]

    def _error(self, what: str, error: Exception, statement: Statement | None, query_id: str) -> Exception:
        return translated(what, error, account=self.account, statement=statement, query_id=query_id)

    def _forget(self, connection: Any) -> None:
        with self._lock:
            if self._made is connection:
                self._made = None
        with suppress(Exception):
            connection.close(retry=False)

    def close(self) -> None:
        """Close the connection; what runs in a dedicated session ends, and its transaction is rolled back."""
        with self._lock:
            made, self._made = self._made, None
        if made is not None:
            with suppress(Exception):
                made.close(retry=False)

    def leave(self) -> None:
        """Let go of a parent's connection in a forked child."""
        _left_alone.append(self._made)
        self._made = None
        self._lock = threading.RLock()


def session(connection: SnowflakeConnection) -> Session:
    """Return this process's session of a connection; all its threads share it."""
    with _lock:
        found = _sessions.get(connection)
        if found is None:
            found = _sessions[connection] = Session(connection)
        return found


@contextmanager
def dedicated(connection: SnowflakeConnection) -> Generator[Session]:
    """Give a session for one piece of work, and close it at the end."""
    own = Session(connection, dedicated=True)
    try:
        yield own
    finally:
        own.close()


def close_all() -> None:
    """Close the sessions of this process; they are made anew when they are needed."""
    with _lock:
        closing = list(_sessions.values())
        _sessions.clear()
    for each in closing:
        each.close()


def connector_version() -> tuple[int, ...]:
    """Return the connector's version.

    Raises:
        MissingExtraError: It is not installed.
    """
    text = str(connector().__version__)
    return tuple(int(part) for part in text.split(".")[:3] if part.isdigit())


def _after_fork() -> None:
    global _core_is_dead, _lock
    _core_is_dead = _core_is_dead or (_MODULE in sys.modules and connector_version()[0] >= _NATIVE)
    _lock = threading.RLock()  # a thread of the parent may have held it
    for each in _sessions.values():
        each.leave()
    _sessions.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
