"""`INFORMATION_SCHEMA.QUERY_HISTORY*`: what was run.

https://docs.snowflake.com/en/sql-reference/functions/query_history
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from snowflake_service.queries import Query

_MOMENT = pa.timestamp("us", "UTC")
_COLUMNS: dict[str, tuple[pa.DataType, Callable[[Query], Any]]] = {
    "QUERY_ID": (pa.string(), lambda query: query.id),
    "QUERY_TEXT": (pa.string(), lambda query: query.text),
    "DATABASE_NAME": (pa.string(), lambda query: query.session.connection.database),
    "SCHEMA_NAME": (pa.string(), lambda query: query.session.connection.schema),
    "QUERY_TYPE": (pa.string(), lambda query: (query.text.split(None, 1) or [""])[0].upper()),
    "SESSION_ID": (pa.int64(), lambda query: query.session.id),
    "USER_NAME": (pa.string(), lambda query: query.session.user),
    "ROLE_NAME": (pa.string(), lambda query: query.session.role),
    "WAREHOUSE_NAME": (pa.string(), lambda query: query.session.warehouse or None),
    "QUERY_TAG": (pa.string(), lambda query: query.tag),
    "EXECUTION_STATUS": (pa.string(), lambda query: query.status),
    "ERROR_CODE": (pa.string(), lambda query: f"{query.error.code:06d}" if query.error else None),
    "ERROR_MESSAGE": (pa.string(), lambda query: query.error.message if query.error else None),
    "START_TIME": (_MOMENT, lambda query: _moment(query.started)),
    "END_TIME": (_MOMENT, lambda query: _moment(query.ended) if query.ended else None),
    "TOTAL_ELAPSED_TIME": (pa.int64(), lambda query: int(query.seconds * 1000)),
    "EXECUTION_TIME": (pa.int64(), lambda query: int(query.seconds * 1000)),
    "ROWS_PRODUCED": (pa.int64(), lambda query: query.result.produced if query.result else None),
    "BYTES_SCANNED": (pa.int64(), lambda query: 0),
}


def history(kind: str, arguments: dict[str, Any], query: Query, queries: list[Query]) -> pa.Table:
    """Return the history that a statement asks for; it stands in it itself, as running.

    Args:
        kind: What follows on `QUERY_HISTORY`: nothing, `_BY_USER`, `_BY_SESSION`, `_BY_WAREHOUSE`.
        arguments: By their names in upper case.
        query: The one that asks.
        queries: All.
    """
    found = [each for each in queries if each.session.user == query.session.user]
    if kind == "_BY_SESSION":
        number = int(arguments.get("SESSION_ID") or query.session.id)
        found = [each for each in found if each.session.id == number]
    elif kind == "_BY_USER":
        user = str(arguments.get("USER_NAME") or query.session.user).upper()
        found = [each for each in queries if each.session.user == user]
    elif kind == "_BY_WAREHOUSE":
        name = str(arguments.get("WAREHOUSE_NAME") or query.session.warehouse).upper()
        found = [each for each in found if each.session.warehouse == name]
    if (start := arguments.get("END_TIME_RANGE_START")) is not None:
        found = [each for each in found if not each.ended or _moment(each.ended) >= _aware(start)]
    if (end := arguments.get("END_TIME_RANGE_END")) is not None:
        found = [each for each in found if each.ended and _moment(each.ended) <= _aware(end)]
    found.sort(key=lambda each: each.started, reverse=True)
    found = found[: int(arguments.get("RESULT_LIMIT") or 100)]
    return pa.table({name: pa.array([get(each) for each in found], t) for name, (t, get) in _COLUMNS.items()})


def _moment(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def _aware(moment: Any) -> datetime.datetime:
    given = moment if isinstance(moment, datetime.datetime) else datetime.datetime.fromisoformat(str(moment))
    return given if given.tzinfo else given.replace(tzinfo=datetime.UTC)
