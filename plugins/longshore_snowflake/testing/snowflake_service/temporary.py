"""Temporary tables with full names, which DuckDB has in one place of the session without a database.

https://docs.snowflake.com/en/user-guide/tables-temp-transient
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from snowflake_service.accounts import Session


def renamed(session: Session, expression: exp.Expression) -> bool:
    """Take database and schema from names of the session's temporary tables; return whether there are any."""
    made = _made(session, expression)
    found = False
    for table in list(expression.find_all(exp.Table)):
        full = _full(session, table)
        if table.args.get("db") and full and (full == made or full in session.temporary):
            table.set("db", None)
            table.set("catalog", None)
            expression.set("temporary_name", full)
            found = True
    return found


def note(session: Session, expression: exp.Expression) -> None:
    """Remember which temporary tables a statement has made or dropped."""
    if made := _made(session, expression):
        session.temporary.add(made)
    if isinstance(expression, exp.Drop) and (table := expression.find(exp.Table)):
        session.temporary.discard(_full(session, table) or ())


def _made(session: Session, expression: exp.Expression) -> tuple[str, ...] | None:
    """Return the temporary table that a statement makes."""
    if not (isinstance(expression, exp.Create) and expression.find(exp.TemporaryProperty)):
        return None
    if full := expression.args.get("temporary_name"):
        return tuple(full)
    table = expression.this if isinstance(expression.this, exp.Table) else expression.this.find(exp.Table)
    return _full(session, table) if table is not None else None


def _full(session: Session, table: exp.Table) -> tuple[str, ...] | None:
    connection = session.connection
    named = [table.args.get("catalog"), table.args.get("db"), table.this]
    here = [connection.database, connection.schema, ""]
    parts = [_kept(part) if part else default for part, default in zip(named, here, strict=True)]
    return tuple(str(part) for part in parts) if all(parts) else None


def _kept(part: object) -> str:
    """Return a name as it is kept: in upper case when it is not quoted."""
    if not isinstance(part, exp.Identifier):
        return ""
    return part.this if part.args.get("quoted") else part.this.upper()
