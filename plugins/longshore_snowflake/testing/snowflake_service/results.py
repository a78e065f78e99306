"""Results: kept in files, chunk by chunk, and written as the connector reads them (Arrow or JSON)."""

from __future__ import annotations

import datetime
import gzip
import itertools
import re
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fakesnow.arrow
import pyarrow as pa
from fakesnow import statement_type
from fakesnow.arrow import to_ipc, to_sf

FIRST_ROWS = 1_000
"""Rows that come with the answer itself; the others are chunks, that are fetched by their URLs."""
CHUNK_ROWS = 50_000
_NOTES = re.compile(r"\s*(insert|delete|update)\b.*?\b_fs_information_schema\.", re.IGNORECASE | re.DOTALL)
_EPOCH = datetime.datetime(1970, 1, 1)


@dataclass(frozen=True)
class Chunk:
    """A part of a result: an Arrow stream in a file."""

    path: Path
    rows: int
    size: int

    def table(self) -> pa.Table:
        return pa.ipc.open_stream(self.path.read_bytes()).read_all()


@dataclass(eq=False)
class Result:
    """What a statement came to.

    Attributes:
        columns: As `rowtype` has them.
        rows: Of statements other than queries, and of small results.
        chunks: What follows on `rows`.
        data: What else the answer's `data` says.
    """

    type_id: int
    columns: list[Any]
    first: pa.Table
    chunks: list[Chunk] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return self.first.num_rows + sum(chunk.rows for chunk in self.chunks)

    @property
    def produced(self) -> int:
        """Rows that the history says were produced."""
        if self.type_id in statement_type.DML_TYPE_IDS:
            return self.affected
        return self.total

    @property
    def affected(self) -> int:
        rows = self.first.to_pylist()
        return sum(int(value or 0) for value in rows[0].values() if isinstance(value, int)) if rows else 0

    def table(self) -> pa.Table:
        """Return all rows as DuckDB gave them."""
        return pa.concat_tables([self.first, *(chunk.table() for chunk in self.chunks)])

    def answer(self, base_url: str, query_id: str) -> dict[str, Any]:
        """Return what `data` says of the rows.

        Arrow for queries, JSON for all other statements:
        https://docs.snowflake.com/en/developer-guide/python-connector/python-connector-pandas
        """
        data = {
            "rowtype": self.columns,
            "total": self.total,
            "returned": self.first.num_rows,
            "statementTypeId": self.type_id,
            **self.data,
        }
        if self.type_id != statement_type.SELECT:
            return {**data, "queryResultFormat": "json", "rowset": self._json()}
        encoded = b64encode(to_ipc(to_sf(_whole(self.first, self.columns), self.columns))).decode()
        answer = {**data, "queryResultFormat": "arrow", "rowsetBase64": encoded}
        if self.chunks:
            answer["chunkHeaders"] = {}
            answer["chunks"] = [
                {
                    "url": f"{base_url}/chunks/{query_id}/{number}",
                    "rowCount": chunk.rows,
                    "uncompressedSize": chunk.size,
                    "compressedSize": chunk.size // 2,  # about; it is compressed when it is fetched
                }
                for number, chunk in enumerate(self.chunks)
            ]
        return answer

    def _json(self) -> list[list[str | None]]:
        return [[_text(value) for value in row.values()] for row in _rows(self.first)]


def _whole(table: pa.Table, columns: list[Any]) -> pa.Table:
    """Return integers in 64 bits where they fit, as Snowflake does; DuckDB has more for sums."""
    for position in range(len(columns)):
        values = table.column(position)
        if pa.types.is_decimal(values.type) and values.type.scale == 0:
            with suppress(pa.ArrowInvalid):
                table = table.set_column(position, table.field(position).name, values.cast(pa.int64()))
    return table


def _moments(column: Any) -> pa.Array:
    """Return moments as Snowflake has them; fakesnow takes those that are null for 1970."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    made = _moments_of_fakesnow(
        whole.fill_null(_EPOCH.replace(tzinfo=datetime.UTC if whole.type.tz else None))
    )
    return pa.StructArray.from_arrays(made.flatten(), fields=list(made.type), mask=whole.is_null())


_moments_of_fakesnow = fakesnow.arrow.timestamp_to_sf_struct
fakesnow.arrow.timestamp_to_sf_struct = _moments


def _rows(table: pa.Table) -> list[dict[int, Any]]:
    """Return rows by position: two columns may have one name."""
    columns = [column.to_pylist() for column in table.columns]
    return [dict(enumerate(values)) for values in zip(*columns, strict=True)]


def _text(value: Any) -> str | None:
    """Return a value as a JSON result has it."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, datetime.datetime):
        seconds = (value.replace(tzinfo=None) - _EPOCH).total_seconds()
        return f"{seconds:.9f}" + (" 1440" if value.tzinfo else "")
    if isinstance(value, datetime.date):
        return str((value - _EPOCH.date()).days)
    if isinstance(value, bytes):
        return value.hex().upper()
    return str(value)


class Spool:
    """Stands before a DuckDB connection: a long result goes to files as it is made, never into memory.

    Args:
        connection: DuckDB's.
        folder: For the files.
    """

    _numbers = itertools.count()

    def __init__(self, connection: Any, folder: Path) -> None:
        self._connection = connection
        self._folder = folder
        self.chunks: list[tuple[Path, int, int]] = []
        self.raw: list[pa.Table] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, text: str, values: Any = None) -> Any:
        """Run a statement; what fakesnow writes down of objects, besides the session's transaction.

        DuckDB takes writes to one database in a transaction; and of the table of its own that fakesnow makes
        for each MERGE there is nothing to write down.
        """
        if not _NOTES.match(text):
            return self._connection.execute(text, values)
        if "merge_candidates" in f"{text} {values}".lower():
            return self
        with self._connection.cursor() as other:
            other.execute(text, values)
        return self

    def to_arrow_table(self) -> pa.Table:
        """Return the first rows, and write the others to files."""
        self.chunks = []
        reader = self._connection.to_arrow_reader(CHUNK_ROWS)
        first = next(iter(reader), None)
        if first is None:
            return reader.schema.empty_table()
        if first.num_rows > FIRST_ROWS:
            self._keep(first.slice(FIRST_ROWS))
        for batch in reader:
            self._keep(batch)
        return pa.Table.from_batches([first.slice(0, FIRST_ROWS)])

    def _keep(self, batch: pa.RecordBatch) -> None:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        content = sink.getvalue().to_pybytes()
        path = self._folder / f"{next(self._numbers)}.arrow"
        path.write_bytes(content)
        self.chunks.append((path, batch.num_rows, len(content)))

    def result(self, type_id: int, columns: list[Any], first: pa.Table, **data: Any) -> Result:
        """Return the result of what was run."""
        return Result(type_id, columns, first, [Chunk(*chunk) for chunk in self.chunks], data)


def served(chunk: Chunk, columns: list[Any]) -> bytes:
    """Return a chunk as the connector reads it, compressed."""
    return gzip.compress(to_ipc(to_sf(_whole(chunk.table(), columns), columns)).to_pybytes(), 1)


def told(names: list[str], rows: list[list[Any]], type_id: int = 0, **data: Any) -> Result:
    """Return a result that we make ourselves; columns of integers are numbers, others texts."""
    columns, arrays = [], []
    for position, name in enumerate(names):
        values = [row[position] for row in rows]
        number = any(isinstance(value, int) for value in values)
        arrays.append(pa.array(values, pa.int64() if number else pa.string()))
        columns.append(_column(name, number))
    table = (
        pa.Table.from_arrays(arrays, names=names)
        if rows
        else pa.table({n: pa.array([], pa.string()) for n in names})
    )
    return Result(type_id, columns, table, data=data)


def _column(name: str, number: bool) -> dict[str, Any]:
    return {
        "name": name,
        "database": "",
        "schema": "",
        "table": "",
        "nullable": True,
        "type": "fixed" if number else "text",
        "byteLength": None if number else 16_777_216,
        "length": None if number else 16_777_216,
        "scale": 0 if number else None,
        "precision": 38 if number else None,
        "collation": None,
    }
