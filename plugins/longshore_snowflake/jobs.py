"""What queries, loads and unloads have in common: a statement that is submitted, found again and watched."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence  # noqa: TC003 - who describes a task evaluates these
from typing import TYPE_CHECKING, Any, TypeVar

from longshore import ConfigurationError, Job, JobFinished, JobRunning, field
from longshore_snowflake import queries
from longshore_snowflake.connections import SnowflakeConnection
from longshore_snowflake.faults import query_url
from longshore_snowflake.sessions import Session, session
from longshore_snowflake.statements import Statement

if TYPE_CHECKING:
    from collections.abc import Callable

R = TypeVar("R")
T = TypeVar("T")


class StatementJob(Job[R]):
    """A job that is one statement; its handle has the query's id under `query`.

    Args:
        query_tag: What stands in `QUERY_TAG` beside flow, run, step, map index, attempt and key.
        parameters: Session parameters for the statement: `{"STATEMENT_TIMEOUT_IN_SECONDS": 600}`.
        history_lag: Seconds for which a statement that a killed process may have submitted is looked for in
            the query history before it is submitted anew.
        connection: Which account, and who we are there.
    """

    query_tag: Mapping[str, Any] = field(default_factory=dict[str, Any])
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    history_lag: float = 3.0
    connection: SnowflakeConnection = SnowflakeConnection()

    def check(self) -> None:
        if self.history_lag < 0:
            raise ConfigurationError(f"{self.name}(history_lag={self.history_lag!r}): give seconds from 0")

    def poll(self, handle: dict[str, str]) -> JobRunning | JobFinished:
        own = self._session()
        status = queries.status(own, handle["query"], self._about(handle))
        if status.running:
            link = query_url(own.account, handle["query"])
            return JobRunning(message=status.name.lower().replace("_", " "), link=link)
        return JobFinished(status.failure)

    def cancel(self, handle: dict[str, str]) -> None:
        queries.cancel(self._session(), handle["query"])

    def _looked_for(self, look: Callable[[], T | None]) -> T | None:
        """Return what a look finds; None when it finds nothing for as long as the history may lag behind."""
        end = time.monotonic() + self.history_lag
        while (found := look()) is None and time.monotonic() < end:
            time.sleep(min(1.0, self.history_lag))
        return found

    def _about(self, handle: dict[str, str]) -> Statement:
        """Return the statement of a handle, for messages."""
        return self._statement(str(handle["query"]))

    def _statement(self, text: str, values: Sequence[Any] = ()) -> Statement:
        return Statement(text, values=values, tag=self.query_tag, options=self.parameters)

    def _session(self) -> Session:
        return session(self.connection)
