"""`SparkSQLResult`: what came of a statement, as a value that can be kept."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import Any, Final, Self

from longshore import MissingExtraError, require
from longshore_spark.errors import SparkInputError

_PLAIN: Final = ("kind", "row_count", "bytes", "columns", "to")


@dataclass(frozen=True, kw_only=True, eq=False)
class SparkSQLResult:
    """What a statement returned.

    Attributes:
        kind: The statement's first word: `SELECT`, `INSERT`, `CREATE`.
        row_count: Rows of the result; with `to`, how many were written.
        bytes: Bytes of the rows, as they are in memory; 0 when they were written.
        columns: The names of the result's columns.
        to: Where the rows were written, when the statement has `to`.
        table: The rows, a `pyarrow.Table`; None when they were written.
    """

    kind: str
    row_count: int
    bytes: int
    columns: tuple[str, ...]
    to: str = ""
    table: Any = field(repr=False)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows as dictionaries.

        Raises:
            SparkInputError: Two columns have one name, or the rows were written.
        """
        if len(set(self.columns)) < len(self.columns):
            twice = next(name for name in self.columns if self.columns.count(name) > 1)
            raise SparkInputError(
                f"cannot make dictionaries of the rows: {twice!r} names two columns; name one of them by AS, "
                "or use `table`"
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
            raise SparkInputError(f"cannot show the rows: they were written to {self.to!r}; read that")
        return self.table

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SparkSQLResult):
            return NotImplemented
        if any(getattr(self, name) != getattr(other, name) for name in _PLAIN):
            return False
        if self.table is None or other.table is None:
            return self.table is other.table
        return bool(self.table.equals(other.table))

    def __hash__(self) -> int:
        return hash((self.kind, self.row_count, self.columns, self.to))

    def __store__(self) -> dict[str, Any]:
        known = {name: getattr(self, name) for name in _PLAIN}
        if self.table is None:
            return {**known, "table": None}
        pyarrow = require("pyarrow", extra="spark")
        sink = pyarrow.BufferOutputStream()
        with pyarrow.ipc.new_stream(sink, self.table.schema) as writer:
            writer.write_table(self.table)
        return {**known, "table": sink.getvalue().to_pybytes()}

    @classmethod
    def __restore__(cls, stored: dict[str, Any]) -> Self:
        if stored["table"] is None:
            return cls(**stored)
        pyarrow = require("pyarrow", extra="spark")
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
