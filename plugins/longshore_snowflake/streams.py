"""Writes a result to a file or an object, batch by batch: whole or not at all, in bounded memory.

A local file grows beside its target. An object is first written to a temporary file without a name, of which
nothing is left when the process is killed, since object stores want to know how many bytes come.
"""

from __future__ import annotations

import gzip
import io
import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final, cast

from longshore import ConfigurationError, TaskCancelled, current, require
from longshore_snowflake.errors import SnowflakeInputError
from longshore_snowflake.parts import grouped
from longshore_storage.archives.writers import Growing
from longshore_storage.errors import SourceError
from longshore_storage.localfaults import writing
from longshore_storage.localreads import info_of
from longshore_storage.localwrites import real_target, replacing
from longshore_storage.locations import parse
from longshore_storage.objects import ANY, ObjectInfo
from longshore_storage.stores import connection_for, store_for
from longshore_storage.transfers import upload

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping
    from contextlib import AbstractContextManager

    from longshore_snowflake.results import Outcome
    from longshore_storage.locations import Location
    from longshore_storage.protocol import Connection

_ENDINGS: Final = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".csv.gz": "csv"}
_BUFFER: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Written:
    """A result that was written.

    Attributes:
        file: Where.
        bytes: Bytes of the rows, as they were in memory.
    """

    file: ObjectInfo
    bytes: int


def kind_of(url: str, kind: str = "") -> str:
    """Return the format of what is written: what the user says, or else what its name says.

    Raises:
        ConfigurationError: Neither does.
    """
    named = next((each for ending, each in _ENDINGS.items() if url.lower().endswith(ending)), "")
    if not (kind or named):
        raise ConfigurationError(
            f"cannot tell the format of {url!r}: end its name with {', '.join(_ENDINGS)}, or give "
            "file_type='parquet' or 'csv'"
        )
    return kind or named


def write(
    opened: Callable[[], AbstractContextManager[Outcome]],
    url: str,
    *,
    kind: str = "",
    connections: Mapping[str, Connection] | None = None,
) -> Written:
    """Write a result.

    Args:
        opened: Gives the result, from its beginning each time.
        url: A path, or a URL of any scheme that a plugin offers.
        kind: `parquet` or `csv`; empty to go by the name.
        connections: By the beginning of a URL.

    Raises:
        SnowflakeError: The result cannot be fetched.
        SnowflakeInputError: Two columns have one name, which Parquet cannot have.
        StorageError: It cannot be written.
        TaskCancelled: The attempt was told to stop.
    """
    kind, at, schema = kind_of(url, kind), parse(url), None
    while True:
        with opened() as outcome:
            filling = _Filling(outcome, kind, packed=url.lower().endswith(".gz"), schema=schema)
            try:
                info = _stored(at, filling.fill, connections)
            except _WiderError as error:
                schema = error.schema
                continue
            except _FetchError as error:
                raise error.cause from error.cause.__cause__
        current.writes(info.url, rows=outcome.row_count, bytes=info.size)
        return Written(info, filling.bytes)


class _WiderError(Exception):
    """A batch has whole numbers beyond 64 bits in a column that was written with 64: it is begun again."""

    def __init__(self, schema: Any) -> None:
        super().__init__(schema)
        self.schema = schema


class _FetchError(Exception):
    """What broke is the result: it passes by those who say what is wrong with the file."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(cause)
        self.cause = cause


class _Filling:
    """Writes the batches of one result to an open file."""

    def __init__(self, outcome: Outcome, kind: str, *, packed: bool, schema: Any) -> None:
        self._outcome, self._kind, self._packed, self._schema = outcome, kind, packed, schema
        self.bytes = 0

    def fill(self, file: IO[bytes]) -> None:
        """Write all of it."""
        if self._kind == "parquet":
            _check_names(self._outcome)
        if self._packed and self._kind == "csv":
            with gzip.GzipFile("", "wb", 6, file, mtime=0) as zipped:
                self._write(cast("IO[bytes]", zipped))
        else:
            self._write(file)

    def _write(self, file: IO[bytes]) -> None:
        writer: Any = None
        done, total = 0, self._outcome.row_count
        try:
            for table in grouped(self._tables()):
                if writer is None:
                    writer = _writer(self._kind, file, table.schema)
                writer.write_table(table)
                done += table.num_rows
                current.progress(done=done, total=total, unit="rows", message="written")
        finally:
            if writer is not None:
                writer.close()

    def _tables(self) -> Iterator[Any]:
        for table in self._fetched():
            if current.cancelled:
                raise TaskCancelled(f"the result was not written: {current.cancel_reason}")
            self.bytes += table.nbytes
            shown = _as_text(table) if self._kind == "csv" else table
            if self._schema is None:
                self._schema = shown.schema
            yield shown if shown.schema.equals(self._schema) else self._fitted(shown)

    def _fetched(self) -> Iterator[Any]:
        try:
            yield from self._outcome.batches(ahead=1)
        except Exception as error:
            raise _FetchError(error) from error

    def _fitted(self, table: Any) -> Any:
        pyarrow = require("pyarrow", extra="snowflake")
        wider = pyarrow.unify_schemas([self._schema, table.schema], promote_options="permissive")
        if not wider.equals(self._schema):
            raise _WiderError(wider)
        return table.cast(wider)


def _check_names(outcome: Outcome) -> None:
    names = outcome.columns
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SnowflakeInputError(
            f"cannot write the result of query {outcome.query_id} as Parquet: {twice!r} names two columns; "
            "name one of them by AS, or write CSV"
        )


def _as_text(table: Any) -> Any:
    """Return a table for CSV: bytes are shown as Snowflake shows them, in hexadecimal."""
    pyarrow = require("pyarrow", extra="snowflake")
    for at, column in enumerate(table.columns):
        if pyarrow.types.is_binary(column.type):
            hexed = [None if value is None else value.hex().upper() for value in column.to_pylist()]
            table = table.set_column(at, table.schema.field(at).name, pyarrow.array(hexed, pyarrow.string()))
    return table


def _writer(kind: str, file: IO[bytes], schema: Any) -> Any:
    if kind == "csv":
        return require("pyarrow.csv", extra="snowflake").CSVWriter(file, schema)
    return require("pyarrow.parquet", extra="snowflake").ParquetWriter(file, schema, compression="zstd")


def _stored(
    at: Location, fill: Callable[[IO[bytes]], None], connections: Mapping[str, Connection] | None
) -> ObjectInfo:
    if at.scheme == "file":
        with writing(at.key), replacing(at, ANY) as turn:
            with io.BufferedWriter(Growing(turn.partial), _BUFFER) as file:
                fill(cast("IO[bytes]", file))
            turn.place()
            return info_of(at.key, real_target(at).stat())
    store = store_for(connection_for(at, connections))
    with _spool() as spooled:
        fill(spooled.file)
        spooled.file.flush()
        return upload(spooled, store, at)


@contextmanager
def _spool() -> Generator[_Spooled]:
    with tempfile.TemporaryFile(prefix="longshore-") as file:
        yield _Spooled(cast("IO[bytes]", file))


class _Spooled:
    """A temporary file that was written, as what an upload reads."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.name, self.identity = "the result", ""

    @property
    def size(self) -> int:
        return os.fstat(self.file.fileno()).st_size

    def read_at(self, offset: int, buffer: memoryview) -> None:
        while buffer:
            count = os.preadv(self.file.fileno(), [buffer], offset)
            if count == 0:
                raise SourceError("cannot read the result: its temporary file became shorter")
            buffer, offset = buffer[count:], offset + count

    def check(self) -> None:
        """Nobody else can write to it."""

    def close(self) -> None:
        """Who made it closes it."""
