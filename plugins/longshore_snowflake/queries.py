"""Queries of a session: run, submit, look for, ask after, cancel.

Both lines of the connector submit asynchronously (`execute_async`), tell how a query stands, fetch its result
by its id (`query_result`, without another query) and abort it. The older line lets us choose the request id,
by which Snowflake knows a repeated request; the newer one chooses it itself. Both take `QUERY_TAG` with a
statement: a query is found again by the tag, in `INFORMATION_SCHEMA.QUERY_HISTORY_BY_USER`, which has the
last 10,000 queries of the user within seven days.
"""

from __future__ import annotations

import time
import uuid
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from longshore import JobNotFoundError, TaskCancelled, current
from longshore_snowflake.faults import failure
from longshore_snowflake.identifiers import quoted
from longshore_snowflake.results import Outcome
from longshore_snowflake.sessions import connector_version
from longshore_snowflake.statements import Statement, key_mark

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longshore_snowflake.errors import SnowflakeError
    from longshore_snowflake.sessions import Session

_LONGEST: Final = 172_800
"""Seconds that Snowflake lets a statement run by default."""
_GOES_ON: Final = frozenset(
    {
        "RUNNING", "QUEUED", "RESUMING_WAREHOUSE", "QUEUED_REPARING_WAREHOUSE", "BLOCKED", "ABORTING",
        "RESTARTED",
    }
)  # fmt: skip
_FIRST_LOOK: Final = 0.05
_LAST_LOOK: Final = 5.0
"""Seconds between two looks at a query that is waited for."""


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


def run(session: Session, statement: Statement) -> Outcome:
    """Submit a statement, wait for its end and return what came of it.

    It is cancelled when the attempt is told to stop. Not for statements of a transaction, nor for PUT and
    GET: Snowflake does not run these asynchronously.

    Raises:
        SnowflakeError: It failed.
        TaskCancelled: The attempt was told to stop.
    """
    return run_all(session, {"": statement})[""]


def run_all(session: Session, statements: Mapping[str, Statement]) -> dict[str, Outcome]:
    """Run statements side by side, as `run` does one; when one fails, the others are cancelled."""
    submitted: dict[str, str] = {}

    def stop() -> None:
        for query_id in submitted.values():
            with suppress(Exception):
                cancel(session, query_id)

    with current.on_cancel(stop):
        try:
            for name, statement in statements.items():
                submitted[name] = submit(session, statement, str(uuid.uuid4()))
            for name, query_id in submitted.items():
                _wait(session, query_id, statements[name])
        except BaseException:
            stop()
            raise
    return {name: outcome(session, query_id, statements[name]) for name, query_id in submitted.items()}


def _wait(session: Session, query_id: str, statement: Statement) -> None:
    pause = _FIRST_LOOK
    while (found := status(session, query_id, statement)).running:
        if current.cancelled:
            raise TaskCancelled(f"query {query_id} was cancelled: {current.cancel_reason}")
        time.sleep(pause)
        pause = min(pause * 1.5, _LAST_LOOK)
    if found.failure is not None:
        raise found.failure


def execute(session: Session, statement: Statement, *, timeout: float | None = None) -> Outcome:
    """Run a statement to its end by one request.

    Args:
        session: Where.
        statement: What.
        timeout: Seconds after which it is cancelled; by default what Snowflake lets a statement run.

    Raises:
        SnowflakeError: It failed.
    """

    def send(connection: Any) -> Outcome:
        options = _options(statement, "")
        if connector_version()[0] < 5:
            # Without it this line cancels a statement after `network_timeout`.
            options["timeout"] = int(timeout or _LONGEST)
        cursor = connection.cursor()
        cursor.execute(statement.text, **options)
        return Outcome(cursor, statement)

    return session.call(f"run {statement.shown!r}", send, statement=statement)


def submit(session: Session, statement: Statement, key: str) -> str:
    """Submit a statement under a key, and return the query's id at once.

    A second call with the same key in the same process submits nothing; another process asks `find` first.

    Raises:
        SnowflakeError: It was refused.
    """
    if key in session.keys:
        return session.keys[key]

    def send(connection: Any) -> str:
        options = _options(statement, key)
        with closing(connection.cursor()) as cursor:
            return str(cursor.execute_async(statement.text, **options)["queryId"] or "")

    query_id = session.call(f"run {statement.shown!r}", send, statement=statement)
    if not query_id:
        raise _failed(session, statement, "the answer has no query id", "")
    session.remember(key, query_id)
    return query_id


def find(session: Session, key: str) -> str | None:
    """Return the id of the query that was submitted under a key; None for none.

    Raises:
        SnowflakeError: The history cannot be asked.
    """
    if key in session.keys:
        return session.keys[key]
    # A session may have no database; the one of Snowflake's own is there for all.
    database = quoted(str(session.connection.database or "SNOWFLAKE"))
    history = Statement(
        f"SELECT query_id FROM TABLE({database}.information_schema.query_history_by_user("  # noqa: S608 - quoted
        "result_limit => 10000)) WHERE STARTSWITH(query_tag, ?) ORDER BY start_time LIMIT 1",
        values=[key_mark(key)],
    )
    found = execute(session, history, timeout=session.settings.network_timeout)
    with closing(found):
        row = next(found.rows(), None)
    return None if row is None else str(row[0])


def status(session: Session, query_id: str, statement: Statement) -> QueryStatus:
    """Return how a query stands.

    Raises:
        JobNotFoundError: Snowflake does not know it.
        SnowflakeNetworkError: Snowflake does not answer.
    """
    what = f"ask after query {query_id!r}"
    name = session.call(what, lambda made: str(made.get_query_status(query_id).name))
    if name == "NO_DATA":
        raise JobNotFoundError(f"cannot {what}: Snowflake does not know it")
    if name == "SUCCESS" or name in _GOES_ON:
        return QueryStatus(name)

    def ask(made: Any) -> SnowflakeError:
        try:
            made.get_query_status_throw_if_error(query_id)
        except Exception as error:  # noqa: BLE001 - of one of two connectors
            return _failed(session, statement, error, query_id)
        return _failed(session, statement, name, query_id)

    return QueryStatus(name, session.call(what, ask))


def outcome(session: Session, query_id: str, statement: Statement) -> Outcome:
    """Return what came of a query that has ended well; its result is kept for 24 hours.

    Raises:
        SnowflakeError: Its result cannot be fetched.
    """

    def fetch(connection: Any) -> Outcome:
        cursor = connection.cursor()
        cursor.query_result(query_id)
        return Outcome(cursor, statement, query_id)

    what = f"fetch the result of {statement.shown!r}"
    return session.call(what, fetch, statement=statement, query_id=query_id)


def cancel(session: Session, query_id: str) -> None:
    """Cancel a query; one that has ended is no error.

    Raises:
        SnowflakeNetworkError: Snowflake does not answer.
    """

    def abort(connection: Any) -> None:
        with closing(connection.cursor()) as cursor:
            cursor.abort_query(query_id)

    session.call(f"cancel query {query_id!r}", abort)


def request_id(key: str) -> uuid.UUID:
    """Return the request id of a key: always the same, of the kind that the connector takes."""
    return uuid.UUID(bytes=uuid.uuid5(uuid.NAMESPACE_OID, key).bytes, version=4)


def _failed(session: Session, statement: Statement, error: Exception | str, query_id: str) -> SnowflakeError:
    what = f"run {statement.shown!r}"
    return failure(what, error, account=session.account, statement=statement, query_id=query_id)


def _options(statement: Statement, key: str) -> dict[str, Any]:
    parameters = statement.parameters(key)
    if key and connector_version()[0] < 5:
        parameters["requestId"] = str(request_id(key))
    values = statement.bound()
    return {"_statement_params": parameters, **({"params": values} if values else {})}
