"""Sessions: one for each process and connection, kept alive, made anew when Snowflake has forgotten it.

The connector's connections may be shared by threads, its cursors may not (`threadsafety` is 2), in both of
its lines: so each piece of work makes a cursor of its own. A forked child makes sessions of its own, and
leaves its parent's alone: it neither uses nor closes them.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar

from longshore import require
from longshore_snowflake.faults import is_gone, translated
from longshore_snowflake.logins import connect_arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from longshore_snowflake.connections import SnowflakeConnection

T = TypeVar("T")

_sessions: Final[dict[SnowflakeConnection, Session]] = {}
_lock = threading.RLock()
_left_alone: Final[list[Any]] = []
"""Connections of a forked child's parent: never collected, since that would log the parent out."""


class Session:
    """A connection of the connector, made when it is first needed.

    Args:
        connection: Who we are.
        dedicated: Whether it is for one piece of work, such as a transaction: then it is not made anew when
            it is lost, and what runs in it ends with it.
    """

    def __init__(self, connection: SnowflakeConnection, *, dedicated: bool = False) -> None:
        self.settings = connection
        self._dedicated = dedicated
        self._made: Any = None
        self._lock = threading.RLock()
        self.keys: dict[str, str] = {}

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
            return self._made

    def _connect(self) -> Any:
        connector = require("snowflake.connector", extra="snowflake")
        given = connect_arguments(
            self.settings, major=connector_version()[0], keeps_session=not self._dedicated
        )
        try:
            return connector.connect(**given)
        except Exception as error:
            raise translated("log in to Snowflake", error, login=True) from error

    def call(self, what: str, work: Callable[[Any], T]) -> T:
        """Do something with the connection; again with a new one when Snowflake has forgotten the session.

        Args:
            what: What is done, for messages: `run 'SELECT 1'`.
            work: Takes the connector's connection.

        Raises:
            SnowflakeError: It cannot be done.
        """
        connection = self.connection
        try:
            return work(connection)
        except Exception as error:
            if self._dedicated or not is_gone(error):
                raise translated(what, error, account=self.account) from error
        self._forget(connection)
        try:
            return work(self.connection)
        except Exception as error:
            raise translated(what, error, account=self.account) from error

    @property
    def account(self) -> str:
        """The account's name, once it is known."""
        return str(getattr(self._made, "account", None) or self.settings.account)

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
        if self._made is not None:
            _left_alone.append(self._made)
        self._made = None


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
    text = str(require("snowflake.connector", extra="snowflake").__version__)
    return tuple(int(part) for part in text.split(".")[:3] if part.isdigit())


def _after_fork() -> None:
    for each in _sessions.values():
        each.leave()
    _sessions.clear()
    globals().update(_lock=threading.RLock())  # a thread of the parent may have held it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
