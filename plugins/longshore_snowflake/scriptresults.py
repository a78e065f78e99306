"""What a script returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


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
