"""What a script returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from longshore_snowflake import lineage
from longshore_snowflake.faults import query_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longshore_snowflake.results import Outcome
    from longshore_snowflake.sessions import Session
    from longshore_snowflake.splitting import Piece

_FILES: Final = {
    "GET": ("file", "size", "status", "message"),
    "PUT": (
        "source", "target", "source_size", "target_size", "source_compression", "target_compression",
        "status", "message",
    ),
}  # fmt: skip
"""The columns of what the connector says of files: one row for each."""


@dataclass(frozen=True, kw_only=True)
class SnowflakeStatementResult:
    """What one statement of a script returned.

    Attributes:
        number: Its place in the script, from 1.
        line: Its line in the script, from 1.
        kind: Its first word: `SELECT`, `INSERT`, `COPY`.
        query_id: The query's id.
        row_count: Rows of the result; of a statement that changes rows, how many it changed.
        columns: The names of the result's columns.
        rows: The first rows of the result, as many as `first_rows` says.
        reads: The tables that it names to read from, as far as its text tells.
        writes: The table that it writes to.
        url: Where Snowsight shows the query; empty when the account is not named with its organization.
    """

    number: int
    line: int
    kind: str
    query_id: str
    row_count: int
    columns: tuple[str, ...]
    rows: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class SnowflakeScriptResult:
    """What a script returned.

    Attributes:
        statements: One result for each statement, in order.
        recalled: Whether an earlier attempt had committed it, so that nothing was run again. Then results
            that Snowflake no longer keeps (it does for 24 hours) have no rows and a `row_count` of 0.
    """

    statements: tuple[SnowflakeStatementResult, ...]
    recalled: bool = False

    @property
    def last(self) -> SnowflakeStatementResult:
        """The result of the last statement."""
        return self.statements[-1]


def read(
    own: Session, number: int, piece: Piece, outcome: Outcome, first_rows: int
) -> SnowflakeStatementResult:
    """Return the result of a statement that has ended.

    Args:
        own: Its session, in whose database and schema its names are.
        number: Its place in the script.
        piece: The statement.
        outcome: What came of it.
        first_rows: How many rows are fetched.
    """
    tables, columns, count = lineage.tables_of(piece.text), outcome.columns, outcome.row_count
    found = outcome.rows()
    if piece.kind in _FILES:  # the connector makes this result, and its newer line does not describe it
        every = list(found)
        columns, count, found = _FILES[piece.kind], len(every), iter(every)
    names = _unique(columns)
    return SnowflakeStatementResult(
        number=number,
        line=piece.line,
        kind=piece.kind,
        query_id=outcome.query_id,
        row_count=count,
        columns=columns,
        rows=[dict(zip(names, row, strict=True)) for row in islice(found, first_rows)],
        reads=tuple(lineage.uri(own, name) for name in tables.reads),
        writes=tuple(lineage.uri(own, name) for name in tables.writes),
        url=query_url(own.account, outcome.query_id),
    )


def unread(own: Session, number: int, piece: Piece, query_id: str) -> SnowflakeStatementResult:
    """Return what is known of a statement whose result Snowflake no longer has."""
    return SnowflakeStatementResult(
        number=number,
        line=piece.line,
        kind=piece.kind,
        query_id=query_id,
        row_count=0,
        columns=(),
        url=query_url(own.account, query_id),
    )


def _unique(names: Sequence[str]) -> list[str]:
    """Return names of columns, of which a second `A` is `A_2`."""
    return [n if (k := names[: i + 1].count(n)) == 1 else f"{n}_{k}" for i, n in enumerate(names)]
