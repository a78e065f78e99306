"""What came of a statement: `Outcome`, for our own tasks; `SnowflakeResult`, for users."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from longshore import require

if TYPE_CHECKING:
    from collections.abc import Iterator

    from longshore_snowflake.statements import Statement

_WORD: Final = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/|\()*([A-Za-z]+)", re.DOTALL)


class Outcome:
    """A statement that has ended, with its result: read once, batch by batch.

    Args:
        cursor: The connector's.
        statement: What was run.
        query_id: The query's id, where the cursor does not know it.
    """

    def __init__(self, cursor: Any, statement: Statement, query_id: str = "") -> None:
        self._cursor = cursor
        self.statement = statement
        self.query_id = query_id or str(cursor.sfqid or "")

    @property
    def kind(self) -> str:
        """The statement's first word, in upper case: `SELECT`, `INSERT`, `COPY`."""
        found = _WORD.match(self.statement.text)
        return found[1].upper() if found else ""

    @property
    def row_count(self) -> int:
        """Rows of the result; of a statement that changes rows, how many it changed."""
        return max(int(self._cursor.rowcount or 0), 0)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the result's columns."""
        return tuple(str(column[0]) for column in self._cursor.description or ())

    def batches(self) -> Iterator[Any]:
        """Yield the result as Arrow tables, one after the other as they arrive; nothing for no rows."""
        connector = require("snowflake.connector", extra="snowflake")
        try:
            yield from self._cursor.fetch_arrow_batches()
        except connector.errors.NotSupportedError:  # SHOW, DESCRIBE, COPY and the like answer with JSON
            rows = list(self.rows())
            if rows:
                yield self._table_of(rows)

    def _table_of(self, rows: list[tuple[Any, ...]]) -> Any:
        pyarrow = require("pyarrow", extra="snowflake")
        columns = list(zip(*rows, strict=True))
        return pyarrow.Table.from_arrays(
            [pyarrow.array(column) for column in columns], names=list(self.columns)
        )

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield the result's rows."""
        while found := self._cursor.fetchmany(10_000):
            yield from found

    def result(self) -> SnowflakeResult:
        """Return the whole result, in memory.

        Raises:
            SnowflakeError: It cannot be fetched.
        """
        return SnowflakeResult(
            query_id=self.query_id,
            statement_kind=self.kind,
            row_count=self.row_count,
            columns=self.columns,
            table=self.table(),
        )

    def table(self) -> Any:
        """Return the whole result as an Arrow table."""
        pyarrow = require("pyarrow", extra="snowflake")
        tables = list(self.batches())
        if tables:
            return pyarrow.concat_tables(tables, promote_options="permissive")
        return pyarrow.Table.from_pydict({name: [] for name in self.columns})

    def close(self) -> None:
        """Let go of the result."""
        self._cursor.close()


@dataclass(frozen=True, kw_only=True, eq=False)
class SnowflakeResult:
    """What a statement returned.

    Attributes:
        query_id: The query's id.
        statement_kind: The statement's first word: `SELECT`, `INSERT`, `COPY`.
        row_count: Rows of the result; of a statement that changes rows, how many it changed.
        columns: The names of the result's columns.
        table: The rows, a `pyarrow.Table`.
    """

    query_id: str
    statement_kind: str
    row_count: int
    columns: tuple[str, ...]
    table: Any = field(repr=False)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows as dictionaries."""
        found: list[dict[str, Any]] = self.table.to_pylist()
        return found

    @property
    def pandas(self) -> Any:
        """The rows as a `pandas.DataFrame`."""
        require("pandas", extra="snowflake")
        return self.table.to_pandas()

    @property
    def polars(self) -> Any:
        """The rows as a `polars.DataFrame`."""
        return require("polars", extra="snowflake").from_arrow(self.table)
