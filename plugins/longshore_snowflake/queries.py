"""Queries of a session: run, submit, look for, ask after, cancel.

Both lines of the connector submit asynchronously (`execute_async`), tell how a query stands, fetch its result
by its id (`query_result`, without another query) and abort it. The older line lets us choose the request id,
by which Snowflake knows a repeated request; the newer one chooses it itself. Both take `QUERY_TAG` with a
statement: a query is found again by the tag, in `INFORMATION_SCHEMA.QUERY_HISTORY_BY_USER`, for seven days.
"""

from __future__ import annotations

import uuid
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from longshore import JobNotFoundError
from longshore_snowflake.faults import failure
from longshore_snowflake.results import Outcome
from longshore_snowflake.sessions import connector_version
from longshore_snowflake.statements import Statement, key_mark

if TYPE_CHECKING:
    from longshore_snowflake.errors import SnowflakeError
    from longshore_snowflake.sessions import Session

_LONGEST: Final = 172_800
"""Seconds that Snowflake lets a statement run by default."""
_GOES_ON: Final = frozenset(
    {
        "RUNNING",
        "QUEUED",
        "RESUMING_WAREHOUSE",
        "QUEUED_REPARING_WAREHOUSE",
        "BLOCKED",
        "ABORTING",
        "RESTARTED",
    }
)
_HISTORY: Final = """
SELECT query_id FROM TABLE(information_schema.query_history_by_user(result_limit => 10000))
WHERE STARTSWITH(query_tag, ?) ORDER BY start_time LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class QueryStatus:
    """How a query stands.

    Attributes:
        name: In Snowflake's words, such as `RUNNING`.
        failure: Why it failed; None when it did not.
    """

    name: str
    failure: SnowflakeError | None = None

    @property
    def running(self) -> bool:
        """Whether it is not at its end."""
        return self.name in _GOES_ON


def execute(session: Session, statement: Statement, *, timeout: float | None = None) -> Outcome:
    """Run a statement to its end.

    Args:
        session: Where.
        statement: What.
        timeout: Seconds after which it is cancelled; by default what Snowflake lets a statement run.

    Raises:
        SnowflakeError: It failed.
    """
    options = _options(statement, "")
    if connector_version()[0] < 5:
        # Without it this line cancels a statement after `network_timeout`.
        options["timeout"] = int(timeout or _LONGEST)

    def run(connection: Any) -> Outcome:
        cursor = connection.cursor()
        cursor.execute(statement.text, **options)
        return Outcome(cursor, statement)

    return session.call(f"run {statement.shown!r}", run)


def submit(session: Session, statement: Statement, key: str) -> str:
    """Submit a statement under a key, and return the query's id at once.

    A second call with the same key in the same process submits nothing; another process asks `find` first.

    Raises:
        SnowflakeError: It was refused.
    """
    if key in session.keys:
        return session.keys[key]
    options = _options(statement, key)

    def send(connection: Any) -> str:
        with closing(connection.cursor()) as cursor:
            return str(cursor.execute_async(statement.text, **options)["queryId"])

    session.keys[key] = query_id = session.call(f"submit {statement.shown!r}", send)
    return query_id


def find(session: Session, key: str) -> str | None:
    """Return the id of the query that was submitted under a key; None for none."""
    if key in session.keys:
        return session.keys[key]
    outcome = execute(session, Statement(_HISTORY, values=[key_mark(key)]))
    row = next(outcome.rows(), None)
    return None if row is None else str(row[0])


def status(session: Session, query_id: str, statement: Statement) -> QueryStatus:
    """Return how a query stands.

    Raises:
        JobNotFoundError: Snowflake does not know it.
        SnowflakeNetworkError: Snowflake does not answer.
    """
    name = session.call(f"ask after query {query_id}", lambda c: str(c.get_query_status(query_id).name))
    if name == "NO_DATA":
        raise JobNotFoundError(f"cannot ask after query {query_id!r}: Snowflake does not know it")
    if name == "SUCCESS" or name in _GOES_ON:
        return QueryStatus(name)
    return QueryStatus(name, _why(session, query_id, name, statement))


def outcome(session: Session, query_id: str, statement: Statement) -> Outcome:
    """Return what came of a query that has ended; its result is kept for 24 hours.

    Raises:
        SnowflakeError: It failed, or its result is there no more.
    """

    def fetch(connection: Any) -> Outcome:
        cursor = connection.cursor()
        cursor.query_result(query_id)
        return Outcome(cursor, statement, query_id)

    return session.call(f"fetch the result of query {query_id}", fetch)


def cancel(session: Session, query_id: str) -> None:
    """Cancel a query; one that has ended is no error."""

    def abort(connection: Any) -> None:
        with closing(connection.cursor()) as cursor:
            cursor.abort_query(query_id)

    session.call(f"cancel query {query_id}", abort)


def _why(session: Session, query_id: str, name: str, statement: Statement) -> SnowflakeError:
    """Return the error of a query that failed."""
    what = f"run {statement.shown!r}"

    def ask(connection: Any) -> SnowflakeError:
        try:
            connection.get_query_status_throw_if_error(query_id)
        except Exception as error:  # noqa: BLE001 - of one of two connectors
            return failure(what, error, query_id=query_id, account=session.account)
        return failure(what, name, query_id=query_id, account=session.account)

    return session.call(f"ask after query {query_id}", ask)


def _options(statement: Statement, key: str) -> dict[str, Any]:
    parameters = statement.parameters(key)
    if key and connector_version()[0] < 5:
        parameters["requestId"] = str(request_id(key))
    values = list(statement.values)
    return {"_statement_params": parameters, **({"params": values} if values else {})}


def request_id(key: str) -> uuid.UUID:
    """Return the request id of a key: always the same, of the kind that the connector takes."""
    return uuid.UUID(bytes=uuid.uuid5(uuid.NAMESPACE_OID, key).bytes, version=4)
