"""What came of a statement: `Outcome`, read once; `SnowflakeResult`, a value that can be kept."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

from longshore import MissingExtraError, require
from longshore_snowflake.emptytables import empty_table, plain
from longshore_snowflake.errors import SnowflakeInputError, SnowflakeNetworkError
from longshore_snowflake.faults import translated
from longshore_snowflake.fetching import SOME, arrow_batches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from longshore_snowflake.statements import Statement
    from longshore_storage import ObjectInfo

_WORD: Final = re.compile(r"(?:\s|--[^\n]*(?:\n|$)|//[^\n]*(?:\n|$)|/\*.*?\*/|\()*([A-Za-z]+)", re.DOTALL)
_QUERIES: Final = frozenset({"SELECT", "WITH", "VALUES"})
_ROWS: Final = 10_000
"""Rows that are taken from the connector at a time."""


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

    def batches(self, *, ahead: int = SOME) -> Iterator[Any]:
        """Yield the result as `pyarrow.Table`s, as they arrive; one without rows for no row.

        Timestamps are in microseconds: in nanoseconds, Arrow has no year after 2262.

        Args:
            ahead: Batches that are fetched while another one is read, where the connector lets us say so.
        """
        connector = require("snowflake.connector", extra="snowflake")
        if not self.row_count and self.kind in _QUERIES:
            yield empty_table(self._cursor.description or ())
            return
        seen = 0
        try:
            for table in arrow_batches(self._cursor, ahead):
                seen += table.num_rows
                yield plain(table)
            if seen != self.row_count and self.kind in _QUERIES:
                raise self._short(seen)
        except connector.errors.NotSupportedError:  # the older line: SHOW, COPY and the like come as JSON
            pyarrow = require("pyarrow", extra="snowflake")
            columns = [pyarrow.array(column) for column in zip(*self.rows(), strict=True)]
            if columns:
                yield pyarrow.table(columns, list(self.columns))
            else:
                yield empty_table(self._cursor.description or ())
        except Exception as error:
            # Of one of two connectors, or of the Arrow beneath: what is to be said of each is the same.
            what = f"fetch the result of {self.statement.shown!r}"
            raise translated(what, error, statement=self.statement, query_id=self.query_id) from error

    def _short(self, seen: int) -> SnowflakeNetworkError:
        return SnowflakeNetworkError(
            f"cannot fetch the result of {self.statement.shown!r}: it ended after {seen:,} of "
            f"{self.row_count:,} rows; run it again (query {self.query_id})",
            query_id=self.query_id,
        )

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield the result's rows."""
        while found := self._cursor.fetchmany(_ROWS):
            yield from found

    def table(self, max_memory: int | None = None) -> Any:
        """Return the whole result as a `pyarrow.Table`.

        Args:
            max_memory: Bytes that it may take.

        Raises:
            SnowflakeInputError: It takes more.
        """
        tables: list[Any] = []
        size = 0
        for table in self.batches():
            size += table.nbytes
            if max_memory is not None and size > max_memory:
                raise SnowflakeInputError(
                    f"cannot fetch the result of {self.statement.shown!r}: its {self.row_count:,} rows take "
                    f"more than max_memory={max_memory:,} bytes; select less, or give more "
                    f"(query {self.query_id})"
                )
            tables.append(table)
        return _joined(tables)

    def close(self) -> None:
        """Let go of the result."""
        self._cursor.close()


@dataclass(frozen=True, kw_only=True, eq=False)
class SnowflakeResult:
    """What a statement returned.

    Attributes:
        query_id: The query's id.
        kind: The statement's first word: `SELECT`, `INSERT`, `COPY`.
        row_count: Rows of the result; of a statement that changes rows, how many it changed.
        bytes: Bytes of the rows, as they are in memory.
        columns: The names of the result's columns.
        reads: The tables that the statement names to read from, as far as its text tells.
        writes: The tables that it writes to.
        url: Where Snowsight shows the query; empty when the account is not named with its organization.
        file: Where the rows were written, when the query has `to`.
        table: The rows, a `pyarrow.Table`; None when they were written to a file.
    """

    query_id: str
    kind: str
    row_count: int
    bytes: int
    columns: tuple[str, ...]
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    url: str = ""
    file: ObjectInfo | None = None
    table: Any = field(repr=False)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows as dictionaries.

        Raises:
            SnowflakeInputError: Two columns have one name.
        """
        if len(set(self.columns)) < len(self.columns):
            twice = next(name for name in self.columns if self.columns.count(name) > 1)
            raise SnowflakeInputError(
                f"cannot make dictionaries of the rows of query {self.query_id}: {twice!r} names two "
                "columns; name one of them by AS, or use `table`"
            )
        found: list[dict[str, Any]] = self._held().to_pylist()
        return found

    @property
    def pandas(self) -> Any:
        """The rows as a `pandas.DataFrame`."""
        _library("pandas")
        return self._held().to_pandas()

    @property
    def polars(self) -> Any:
        """The rows as a `polars.DataFrame`."""
        return _library("polars").from_arrow(self._held())

    def _held(self) -> Any:
        if self.table is None:
            where = self.file.url if self.file else ""
            raise SnowflakeInputError(
                f"cannot show the rows of query {self.query_id}: they were written to {where!r}; read that"
            )
        return self.table

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SnowflakeResult):
            return NotImplemented
        if self.table is None or other.table is None:
            return (self.query_id, self.file, self.table) == (other.query_id, other.file, other.table)
        return self.query_id == other.query_id and bool(self.table.equals(other.table))

    def __hash__(self) -> int:
        return hash(self.query_id)

    def __store__(self) -> dict[str, Any]:
        known = {name: getattr(self, name) for name in _PLAIN}
        if self.table is None:
            return {**known, "table": None}
        pyarrow = require("pyarrow", extra="snowflake")
        sink = pyarrow.BufferOutputStream()
        with pyarrow.ipc.new_stream(sink, self.table.schema) as writer:
            writer.write_table(self.table)
        return {**known, "table": sink.getvalue().to_pybytes()}

    @classmethod
    def __restore__(cls, stored: dict[str, Any]) -> Self:
        if stored["table"] is None:
            return cls(**stored)
        pyarrow = require("pyarrow", extra="snowflake")
        with pyarrow.ipc.open_stream(stored["table"]) as reader:
            return cls(**{**stored, "table": reader.read_all()})


def _library(name: str) -> Any:
    """Import a library that no extra of ours brings, since Arrow does for most.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise MissingExtraError(f"{name!r} is not installed; run: pip install {name}") from error


def _joined(tables: list[Any]) -> Any:
    """Return one table of several; the older line gives a column of whole numbers another width in each."""
    pyarrow = require("pyarrow", extra="snowflake")
    alike = all(table.schema.equals(tables[0].schema) for table in tables)
    return pyarrow.concat_tables(tables, promote_options="none" if alike else "permissive")


_PLAIN: Final = ("query_id", "kind", "row_count", "bytes", "columns", "reads", "writes", "url", "file")
