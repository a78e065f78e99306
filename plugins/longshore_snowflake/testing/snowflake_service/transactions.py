"""Transactions with names, which others can see and abort; fakesnow has those of DuckDB, without.

https://docs.snowflake.com/en/sql-reference/sql/begin
https://docs.snowflake.com/en/sql-reference/sql/show-transactions
https://docs.snowflake.com/en/sql-reference/functions/system_abort_transaction
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fakesnow import statement_type
from sqlglot import exp

from snowflake_service.bindings import bound
from snowflake_service.results import Result, told

if TYPE_CHECKING:
    from snowflake_service.accounts import Session
    from snowflake_service.queries import Queries, Query

_BEGIN = re.compile(
    r"(?:begin(?:\s+(?:work|transaction))?|start\s+transaction)(?:\s+name\s+(\w+))?", re.IGNORECASE
)
_END = re.compile(r"(?:commit|rollback)(?:\s+work)?", re.IGNORECASE)
_SHOW = re.compile(r"show\s+transactions", re.IGNORECASE)
_ABORT = re.compile(r"select\s+system\$abort_transaction\s*\(\s*(\?|\d+)\s*\)", re.IGNORECASE)
_numbers = itertools.count(int(time.time() * 1000))


def run(
    query: Query, text: str, queries: Queries, by_fakesnow: Callable[[Query, str], Result]
) -> Result | None:
    """Return the result of a statement that is about transactions; None for any other."""
    session = query.session
    if found := _BEGIN.fullmatch(text):
        if session.transaction is not None:  # https://docs.snowflake.com/en/sql-reference/transactions
            return told(["status"], [["Statement executed successfully."]], statement_type.SCL)
        result = by_fakesnow(query, "BEGIN TRANSACTION")
        number = next(_numbers)
        session.transaction = number, (found[1] or str(number)).upper()
        return result
    if _END.fullmatch(text):
        if session.transaction is None:  # Snowflake does nothing then
            return told(["status"], [["Statement executed successfully."]], statement_type.SCL)
        result = by_fakesnow(query, text)
        session.transaction = None
        return result
    if _SHOW.fullmatch(text):
        return _shown([each for each in _open(queries) if each.user == session.user])
    if found := _ABORT.fullmatch(text):
        values, _ = bound(query.bindings)
        return _abort(query, int(values[0] if isinstance(values, list) else found[1]), queries)
    return None


def commit_before(session: Session, expression: exp.Expression) -> None:
    """Commit the open transaction when a statement changes objects, which Snowflake does not roll back."""
    if session.transaction is not None and isinstance(expression, exp.Create | exp.Drop | exp.Alter):
        session.connection._duck_conn.commit()
        session.transaction = None


def _open(queries: Queries) -> list[Session]:
    sessions = {query.session.id: query.session for query in queries.all()}
    return [each for each in sessions.values() if each.transaction is not None and not each.closed]


def _shown(sessions: list[Session]) -> Result:
    names = ["id", "user", "session", "name", "started_on", "state", "scope"]
    rows: list[list[Any]] = []
    for each in sessions:
        number, name = each.transaction or (0, "")
        rows.append([number, each.user, str(each.id), name, "2013-01-01 00:00:00", "running", "0"])
    return told(names, rows, statement_type.SELECT)


def _abort(query: Query, number: int, queries: Queries) -> Result:
    for each in _open(queries):
        if each.user == query.session.user and (each.transaction or (0,))[0] == number:
            queries.abort_all(each)
            with each.alone(query.stop) as connection:
                connection._duck_conn.rollback()
                each.transaction = None
    said = f"Transaction with id {number} has been aborted."
    return told(["SYSTEM$ABORT_TRANSACTION"], [[said]], statement_type.SELECT)
