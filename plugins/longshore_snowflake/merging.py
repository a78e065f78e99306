"""The statements that put loaded rows into a table: from a table of the session, in one statement each.

One statement is one transaction: a reader sees the table before it or after it, never without rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from longshore_snowflake.errors import SnowflakeInputError
from longshore_snowflake.identifiers import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longshore_snowflake.identifiers import TableName

SHOWN: Final = 5
"""Keys that an error shows."""


def scratch_statement(scratch: TableName, table: TableName, columns: Sequence[str]) -> str:
    """Return the statement that makes a table of this session alone, with some columns of another.

    Not with all of them, as LIKE would: those that must have a value may be there for what is updated.
    """
    return (
        f"CREATE TEMPORARY TABLE IF NOT EXISTS {scratch.quoted} "  # noqa: S608 - quoted
        f"AS SELECT {_list(columns)} FROM {table.quoted} WHERE FALSE"
    )


def trouble_statement(scratch: TableName, keys: Sequence[str], winner: str) -> str:
    """Return the query for keys that rows have in common, or lack; nothing is wrong when it finds none.

    Each row of its result has how many rows there are of a key, and the key's values.
    """
    names = _list(keys)
    same = _list((*keys, winner)) if winner else names
    none = " OR ".join(f"{quoted(key)} IS NULL" for key in keys)
    return (
        f"SELECT COUNT(*), {names} FROM {scratch.quoted} GROUP BY {same} "  # noqa: S608 - quoted
        f"HAVING COUNT(*) > 1 OR {none} LIMIT {SHOWN}"
    )


def trouble(
    table: TableName, keys: Sequence[str], found: Sequence[Sequence[object]], winner: str
) -> SnowflakeInputError:
    """Return the error for keys that are not one row's."""
    shown = "; ".join(
        f"{', '.join(f'{key}={value!r}' for key, value in zip(keys, row[1:], strict=True))} ({row[0]} rows)"
        for row in found
    )
    if any(value is None for row in found for value in row[1:]):
        why, remedy = "rows without a key", "fill the key's columns, or merge on others by keys"
    elif winner:
        why = f"rows of one key with the same {winner}"
        remedy = "take out the others, or name a column by winner that tells them apart"
    else:
        why, remedy = (
            "several rows of one key",
            "take out the others, or give winner, a column whose largest wins",
        )
    return SnowflakeInputError(
        f"cannot merge into {str(table)!r}: what is loaded has {why}: {shown}; {remedy}"
    )


def merge_statement(
    table: TableName, scratch: TableName, columns: Sequence[str], keys: Sequence[str], winner: str
) -> str:
    """Return the statement that replaces the rows whose key is there, and inserts the others."""
    names = _list(columns)
    order = f"PARTITION BY {_list(keys)} ORDER BY {quoted(winner)} DESC NULLS LAST" if winner else ""
    best = f" QUALIFY ROW_NUMBER() OVER ({order}) = 1" if winner else ""
    same = " AND ".join(f"t.{quoted(key)} = s.{quoted(key)}" for key in keys)
    changed = [name for name in columns if name not in keys]
    update = ", ".join(f"{quoted(name)} = s.{quoted(name)}" for name in changed)
    matched = f" WHEN MATCHED THEN UPDATE SET {update}" if changed else ""
    values = ", ".join(f"s.{quoted(name)}" for name in columns)
    return (
        f"MERGE INTO {table.quoted} AS t USING (SELECT {names} FROM {scratch.quoted}{best}) AS s "  # noqa: S608
        f"ON {same}{matched} WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({values})"
    )


def replace_statement(table: TableName, scratch: TableName, columns: Sequence[str]) -> str:
    """Return the statement that puts rows in the place of all that a table has."""
    names = _list(columns)
    return (
        f"INSERT OVERWRITE INTO {table.quoted} ({names}) "  # noqa: S608 - quoted
        f"SELECT {names} FROM {scratch.quoted}"
    )


def _list(names: Sequence[str]) -> str:
    return ", ".join(map(quoted, names))
