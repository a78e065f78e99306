"""`SnowflakeQuery`: one statement, from its submission to its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence  # noqa: TC003 - who describes a task evaluates these
from typing import Any

from longshore import Job, JobFinished, JobRunning, field
from longshore_snowflake import queries
from longshore_snowflake.connections import SnowflakeConnection
from longshore_snowflake.faults import query_url
from longshore_snowflake.results import SnowflakeResult
from longshore_snowflake.sessions import Session, session
from longshore_snowflake.statements import Statement

Query = dict[str, str]


class SnowflakeQuery(Job[SnowflakeResult]):
    """Run one statement.

    It is submitted asynchronously and then watched; a run that was killed finds it again by its id, or by the
    job's key in its tag. Values are bound by Snowflake, never formatted into the text.

    Args:
        sql: The statement, with a `?` for each value.
        query_tag: What stands in `QUERY_TAG` beside flow, run, step, map index, attempt and key.
        parameters: Session parameters for this statement alone: `{"STATEMENT_TIMEOUT_IN_SECONDS": 600}`.
        connection: Which account, and who we are there.

    Example:
        >>> SnowflakeQuery("SELECT carrier, avg(delay) FROM flights WHERE month = ? GROUP BY 1")([7]).table
    """

    sql: str = field(kw_only=False)
    query_tag: Mapping[str, Any] = field(default_factory=dict[str, Any])
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    connection: SnowflakeConnection = SnowflakeConnection()

    def submit(self, key: str, /, values: Sequence[Any] = ()) -> Query:
        """Submit the statement.

        Args:
            values: One for each `?`.

        Raises:
            SnowflakeError: It was refused.
        """
        return {"query": queries.submit(self._session(), self._statement(values), key)}

    def find(self, key: str) -> Query | None:
        found = queries.find(self._session(), key)
        return None if found is None else {"query": found}

    def poll(self, handle: Query) -> JobRunning | JobFinished:
        own = self._session()
        status = queries.status(own, handle["query"], self._statement())
        if status.running:
            link = query_url(own.account, handle["query"])
            return JobRunning(message=status.name.lower().replace("_", " "), link=link)
        return JobFinished(status.failure)

    def result(self, handle: Query) -> SnowflakeResult:
        """Return the result.

        Raises:
            SnowflakeError: It is there no more: Snowflake keeps it for 24 hours.
        """
        return queries.outcome(self._session(), handle["query"], self._statement()).result()

    def cancel(self, handle: Query) -> None:
        queries.cancel(self._session(), handle["query"])

    def _session(self) -> Session:
        return session(self.connection)

    def _statement(self, values: Sequence[Any] = ()) -> Statement:
        return Statement(self.sql, values=values, tag=self.query_tag, options=self.parameters)
