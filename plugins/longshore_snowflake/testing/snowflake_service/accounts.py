"""Sessions: who is logged in, with which tokens, and the DuckDB connection of each."""

from __future__ import annotations

import itertools
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakesnow.instance import FakeSnow

from snowflake_service.refusals import RefusedError, cancelled

if TYPE_CHECKING:
    from fakesnow.conn import FakeSnowflakeConnection

_MEMORY = "1GB"
SESSION_SECONDS, MASTER_SECONDS = 3600, 14_400


class _Forgetful(dict[str, Any]):
    """Stands for fakesnow's cache of results, which would keep all of them."""

    def __setitem__(self, key: str, value: Any) -> None:
        pass


@dataclass(eq=False)
class Session:
    """Somebody who is logged in.

    Attributes:
        id: As `CURRENT_SESSION()` has it.
        connection: fakesnow's, of this session alone.
        parameters: What the login and `ALTER SESSION` have set, in upper case.
        native: Whether its connector is of the line with a native core.
        temporary: The full names of its temporary tables.
        token: What it shows with each request.
        master: What it renews the token with.
        transaction: The number and name of what is open; None for none.
    """

    id: int
    user: str
    role: str
    warehouse: str
    connection: FakeSnowflakeConnection
    parameters: dict[str, Any]
    token: str
    master: str
    native: bool = False
    temporary: set[tuple[str, ...]] = field(default_factory=set)
    last_query: str = ""
    closed: bool = False
    transaction: tuple[int, str] | None = None
    _busy: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def alone(self, stop: threading.Event) -> Iterator[FakeSnowflakeConnection]:
        """Give the connection to one statement at a time.

        Raises:
            RefusedError: The statement was cancelled meanwhile.
        """
        while not self._busy.acquire(timeout=0.05):
            if stop.is_set():
                raise cancelled()
        try:
            yield self.connection
        finally:
            self._busy.release()

    def interrupt(self) -> None:
        """End what DuckDB does for this session."""
        with suppress(Exception):
            self.connection._duck_conn.interrupt()


class Accounts:
    """All sessions of the one account, and the database behind them.

    Args:
        folder: For what does not fit into memory.
    """

    def __init__(self, folder: Path) -> None:
        self.fakesnow = FakeSnow()
        for setting in (
            f"temp_directory = '{folder / 'spilled'}'",
            f"memory_limit = '{_MEMORY}'",
            "threads = 2",
        ):
            self.fakesnow.duck_conn.execute(f"SET GLOBAL {setting}")
        self.fakesnow.results_cache = _Forgetful()
        self._numbers = itertools.count(int(time.time()) << 12)
        self._by_token: dict[str, Session] = {}
        self._by_master: dict[str, Session] = {}
        self._expired: dict[str, str] = {}
        self._were: dict[str, str] = {}
        self._lock = threading.RLock()

    def open(self, login: dict[str, Any], query: dict[str, str]) -> Session:
        """Open a session for who has proved to be somebody."""
        parameters = {key.upper(): value for key, value in (login.get("SESSION_PARAMETERS") or {}).items()}
        with self._lock:  # a database that is named is made, as fakesnow has it
            connection = self.fakesnow.connect(
                _identifier(query.get("databaseName", "")),
                _identifier(query.get("schemaName", "")),
                autocommit=parameters.get("AUTOCOMMIT", True) not in (False, "false"),
            )
            session = Session(
                id=next(self._numbers),
                user=str(login.get("LOGIN_NAME") or "TOKEN_USER").upper(),
                role=(query.get("roleName") or "SYSADMIN").upper(),
                warehouse=(query.get("warehouse") or "").upper(),
                connection=connection,
                parameters=parameters,
                token="",
                master="",
                native=int(str(login.get("CLIENT_APP_VERSION") or "0").split(".")[0]) >= 5,
            )
            self.renew(session)
        return session

    def renew(self, session: Session) -> None:
        """Give the session new tokens; the old ones are worth nothing."""
        with self._lock:
            self._by_token.pop(session.token, None)
            self._by_master.pop(session.master, None)
            self._were.update({session.token: session.user, session.master: session.user})
            session.token, session.master = secrets.token_urlsafe(48), secrets.token_urlsafe(48)
            self._by_token[session.token] = self._by_master[session.master] = session

    def session(self, token: str) -> Session:
        """Return the session of a token.

        Raises:
            RefusedError: It has expired, or nobody knows it.
        """
        with self._lock:
            if not token:
                raise RefusedError(390103, "Session token not found in the request data.", "08001")
            if reason := self._expired.get(token):
                raise _gone(reason)
            found = self._by_token.get(token)
            if found is None:
                raise _gone("gone")
            return found

    def whose(self, token: str) -> str:
        """Return the user whom a token belongs to, or belonged; empty when nobody knows it."""
        found = self._by_token.get(token) or self._by_master.get(token)
        return found.user if found else self._were.get(token, "")

    def of_master(self, master: str) -> Session:
        """Return the session that a master token renews.

        Raises:
            RefusedError: It has expired, or nobody knows it.
        """
        with self._lock:
            if self._expired.get(master):
                raise RefusedError(
                    390114, "Authentication token has expired.  The user must authenticate again."
                )
            found = self._by_master.get(master)
            if found is None:
                raise RefusedError(390115, "Invalid master token.")
            return found

    def expire(self, what: str, user: str = "") -> int:
        """Let tokens expire: `session` (it can be renewed), `master` (both), or `gone` (not known any more).

        Returns:
            How many sessions it concerned.
        """
        with self._lock:
            concerned = [each for each in self._by_token.values() if not user or each.user == user.upper()]
            for each in concerned:
                self._expired[each.token] = "gone" if what == "gone" else "session"
                if what != "session":
                    self._expired[each.master] = what
            return len(concerned)

    def close(self, session: Session) -> None:
        """Log out: what is not committed is rolled back."""
        with self._lock:
            self._by_token.pop(session.token, None)
            self._by_master.pop(session.master, None)
        session.closed = True
        with session.alone(threading.Event()) as connection, suppress(Exception):
            connection.close()


def _gone(reason: str) -> RefusedError:
    if reason == "session":
        return RefusedError(
            390112, "Authentication token has expired.  The user must authenticate again.", "08001"
        )
    return RefusedError(
        390111, "Session no longer exists.  New login required to access the service.", "08001"
    )


def _identifier(name: str) -> str | None:
    if not name:
        return None
    return name[1:-1] if name.startswith('"') else name.upper()
