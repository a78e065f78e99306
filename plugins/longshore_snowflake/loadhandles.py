"""The handle of a load: kept in its query's tag, found again, and what is cleaned up by it."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from longshore_snowflake import ledger, queries, staging
from longshore_snowflake.identifiers import quoted
from longshore_snowflake.statements import Statement, key_mark

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longshore_snowflake.sessions import Session

Handle = dict[str, str]
TAG: Final = "load"
"""Under this word the query's tag has the handle, for who finds the query by its key."""


def recalled(session: Session, key: str) -> Handle | None:
    """Return the handle of the load that was submitted under a key, from the tag of its query; None for none.

    Raises:
        SnowflakeError: The history cannot be asked.
    """
    # A session may have no database; the one of Snowflake's own is there for all.
    database = quoted(str(session.connection.database or "SNOWFLAKE"))
    history = Statement(
        f"SELECT query_id, query_tag FROM TABLE({database}.information_schema.query_history_by_user("  # noqa: S608
        "result_limit => 10000)) WHERE STARTSWITH(query_tag, ?) ORDER BY start_time LIMIT 1",
        values=[key_mark(key)],
    )
    with closing(queries.execute(session, history, timeout=session.settings.network_timeout)) as found:
        row = next(found.rows(), None)
    return None if row is None else {"query": str(row[0]), **json.loads(row[1])[TAG]}


def clear(session: Session, root: str, scratch: str, tag: Mapping[str, Any]) -> None:
    """Remove a load's files from its stage, and its table of the session; what is gone is no error."""
    if scratch:
        queries.execute(session, Statement(f"DROP TABLE IF EXISTS {scratch}", tag=tag)).close()
    if root:
        staging.remove(session, root, tag)
        ledger.done(session.settings, root)
