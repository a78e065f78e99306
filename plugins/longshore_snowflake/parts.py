"""Writes rows as Parquet files of a size that Snowflake loads well, in bounded memory."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from longshore import require
from longshore_snowflake.errors import SnowflakeInputError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

_GROUP: Final = 32 << 20
"""Bytes in memory of the rows that are written at a time."""
_AT_ONCE: Final = 256 << 20
"""Bytes of a DataFrame that is made an Arrow table as a whole, which takes half as long as by pieces."""
_SAMPLE: Final = 10_000
"""Rows of a DataFrame by which the bytes of a row are told."""


def prepared(value: Any) -> Any:
    """Return rows as they are best written: a DataFrame of pandas that is not large as an Arrow table.

    Raises:
        SnowflakeInputError: A column has no Arrow type.
    """
    if not _is_pandas(value) or _bytes_of_pandas(value) > _AT_ONCE:
        return value
    with _told_of_pandas():
        table = require("pyarrow", extra="snowflake").Table.from_pandas(value, preserve_index=False)
        return table.rename_columns([str(name) for name in value.columns]).replace_schema_metadata(None)


def schema_of(value: Any) -> Any:
    """Return the Arrow schema of rows.

    Raises:
        SnowflakeInputError: A column has no Arrow type.
    """
    if _is_pandas(value) or _is_polars(value):
        return next(_tables(value.head(0) if not len(value) else value, first_only=True)).schema
    return value.schema


def written_parts(value: Any, folder: Path, part_size: int) -> Iterator[Path]:
    """Write rows as Parquet files, and yield each when it is whole; one without rows when there are none.

    Args:
        value: An Arrow table, record batch or reader, a pandas or polars DataFrame.
        folder: Where.
        part_size: Bytes after which the next file begins.
    """
    parquet = require("pyarrow.parquet", extra="snowflake")
    number, path, writer, sink = 0, folder / "part", None, None
    try:
        for group in grouped(_tables(value)):
            if writer is None:
                path = folder / f"part-{number}"
                sink = path.open("wb")
                writer = parquet.ParquetWriter(sink, group.schema, compression="snappy")
            writer.write_table(group, row_group_size=max(group.num_rows, 1))
            assert sink is not None
            if sink.tell() >= part_size:
                writer.close()
                sink.close()
                writer, number = None, number + 1
                yield path
        if writer is not None:
            writer.close()
            writer = None
            assert sink is not None
            sink.close()
            yield path
    finally:
        if writer is not None:
            writer.close()
        if sink is not None:
            sink.close()


def grouped(tables: Iterator[Any]) -> Iterator[Any]:
    """Yield the rows of tables in groups of some MiB: small batches together, large ones in slices."""
    pyarrow = require("pyarrow", extra="snowflake")
    waiting: list[Any] = []
    size = 0
    for table in tables:
        for piece in _sliced(table):
            waiting.append(piece)
            size += piece.nbytes
            if size >= _GROUP:
                yield pyarrow.concat_tables(waiting)
                waiting, size = [], 0
    if waiting:
        yield pyarrow.concat_tables(waiting)


def _sliced(table: Any) -> Iterator[Any]:
    rows = table.num_rows
    step = max(1, int(rows * _GROUP / table.nbytes)) if table.nbytes > _GROUP else max(rows, 1)
    for start in range(0, max(rows, 1), step):
        yield table.slice(start, step)


def _tables(value: Any, *, first_only: bool = False) -> Iterator[Any]:
    """Yield rows as Arrow tables of one schema, a piece at a time; at least one, which may have no rows."""
    pyarrow = require("pyarrow", extra="snowflake")
    if isinstance(value, pyarrow.Table):
        yield value
    elif isinstance(value, pyarrow.RecordBatch):
        yield pyarrow.Table.from_batches([value])
    elif _is_pandas(value):
        yield from _of_pandas(value, first_only=first_only)
    elif _is_polars(value):
        yield from (piece.to_arrow() for piece in _pieces(value, value.estimated_size()))
    elif hasattr(value, "read_next_batch"):
        yield value.schema.empty_table()
        yield from (pyarrow.Table.from_batches([batch]) for batch in value)
    else:
        yield pyarrow.table(value)


def _of_pandas(frame: Any, *, first_only: bool) -> Iterator[Any]:
    pyarrow = require("pyarrow", extra="snowflake")
    names = [str(name) for name in frame.columns]
    with _told_of_pandas():
        # Of all rows: a column of objects may begin with nothing but None.
        schema = pyarrow.Schema.from_pandas(frame, preserve_index=False)
        if first_only:
            yield schema.empty_table().rename_columns(names)
            return
        for piece in _pieces(frame, _bytes_of_pandas(frame)):
            table = pyarrow.Table.from_pandas(piece, schema=schema, preserve_index=False)
            yield table.rename_columns(names).replace_schema_metadata(None)


def _bytes_of_pandas(frame: Any) -> float:
    return float(frame.head(_SAMPLE).memory_usage(deep=True).sum()) * max(len(frame) / _SAMPLE, 1)


@contextmanager
def _told_of_pandas() -> Generator[None]:
    pyarrow = require("pyarrow", extra="snowflake")
    try:
        yield
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError) as error:
        raise SnowflakeInputError(
            f"cannot load the DataFrame: {error}; give each column one type, such as frame[name].astype(str)"
        ) from error


def _pieces(frame: Any, size: float) -> Iterator[Any]:
    step = max(1, int(len(frame) * _GROUP / size)) if size > _GROUP else max(len(frame), 1)
    for start in range(0, max(len(frame), 1), step):
        yield frame[start : start + step]


def _is_pandas(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] == "pandas"


def _is_polars(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] == "polars"
