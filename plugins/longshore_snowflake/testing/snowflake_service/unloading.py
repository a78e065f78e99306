"""COPY INTO a stage: the rows of a table or a query as files.

https://docs.snowflake.com/en/sql-reference/sql/copy-into-location
"""

from __future__ import annotations

import bz2
import datetime
import gzip
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq
from fakesnow import statement_type

from snowflake_service import scanning
from snowflake_service.refusals import RefusedError, unsupported
from snowflake_service.results import Result, told
from snowflake_service.stages import REFERENCE, Stages

if TYPE_CHECKING:
    from snowflake_service.queries import Query

_HEAD = re.compile(r"copy\s+into\s+(?=['@])", re.IGNORECASE)
_FROM = re.compile(r"\s*from\s*", re.IGNORECASE)
_PARTITION = re.compile(r"\s*partition\s+by\s*(?=\()", re.IGNORECASE)
_TABLE = re.compile(r"(?:\"(?:[^\"]|\"\")*\"|[\w$]+)(?:\.(?:\"(?:[^\"]|\"\")*\"|[\w$]+))*")
_KNOWN = {
    "FILE_FORMAT",
    "OVERWRITE",
    "SINGLE",
    "MAX_FILE_SIZE",
    "HEADER",
    "INCLUDE_QUERY_ID",
    "DETAILED_OUTPUT",
}
_LARGEST = 16_777_216
_ENDINGS = {"GZIP": ".gz", "BZ2": ".bz2", "ZSTD": ".zst", "NONE": ""}


@dataclass
class Written:
    """A file that was unloaded."""

    path: Path
    rows: int
    size: int
    plain: int


class Unloading:
    """COPY INTO a stage.

    Args:
        stages: Where to.
        select: Runs a query and returns its result.
    """

    def __init__(self, stages: Stages, select: Callable[[Query, str], Result]) -> None:
        self._stages = stages
        self._select = select

    def run(self, query: Query, text: str) -> Result | None:
        """Run a statement that unloads; None when it is another."""
        head = _HEAD.match(text)
        if head is None:
            return None
        target = REFERENCE.match(text, head.end())
        start = _FROM.match(text, target.end()) if target else None
        if target is None or start is None:
            raise unsupported(f"COPY INTO {text[head.end() : 60]!r}")
        place = self._stages.place(query, target[0])
        select, by, rest = _source(text[start.end() :])
        options = scanning.options(rest)
        if strange := sorted(options.keys() - _KNOWN):
            raise unsupported(f"COPY option {strange[0]}")
        form = {"TYPE": "CSV", **self._stages.format(query, options.get("FILE_FORMAT"), place)}
        result = self._select(query, f"SELECT {by} AS _BY, T.* FROM ({select}) T" if by else select)
        base = place.folder / place.path
        if place.path.endswith("/") or not place.path or base.is_dir():
            base = base / "data"
        written: list[Written] = []
        for part, tables in _parts(result, bool(by)):
            stem = base.parent / part / base.name if by else base
            written += _files(stem, tables, form, options, query)
        return told(*_report(written, place.folder, options), statement_type.UNKNOWN)


def _source(text: str) -> tuple[str, str, str]:
    """Return the query, what it is partitioned by, and the options."""
    if text.startswith("("):
        end = _closing(text, 0)
        select, rest = text[1:end], text[end + 1 :]
    else:
        found = _TABLE.match(text)
        if found is None:
            raise RefusedError(1003, f"SQL compilation error:\nsyntax error unexpected {text[:20]!r}")
        select, rest = f"SELECT * FROM {found[0]}", text[found.end() :]
    if found := _PARTITION.match(rest):
        end = _closing(rest, found.end())
        return select, rest[found.end() + 1 : end], rest[end + 1 :]
    return select, "", rest


def _closing(text: str, start: int) -> int:
    depth = 0
    for match in re.finditer(r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"]|\"\")*\"|[()]", text[start:]):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if not depth:
            return start + match.start()
    raise RefusedError(1003, "SQL compilation error:\nsyntax error unexpected '<EOF>'.")


def _tables(result: Result) -> Iterator[pa.Table]:
    if result.first.num_rows:
        yield result.first
    for chunk in result.chunks:
        yield chunk.table()


def _parts(result: Result, partitioned: bool) -> Iterator[tuple[str, Iterator[pa.Table]]]:
    if not partitioned:
        yield "", _tables(result)
        return
    whole = result.table()
    column = whole.column(0)
    for value in dict.fromkeys(column.to_pylist()):
        chosen = whole.filter(
            pa.compute.equal(column, value) if value is not None else pa.compute.is_null(column)
        )
        yield str(value if value is not None else "__NULL__"), iter([chosen.drop_columns(["_BY"])])


def _files(
    stem: Path, tables: Iterator[pa.Table], form: dict[str, Any], options: dict[str, Any], query: Query
) -> list[Written]:
    single = bool(options.get("SINGLE", False))
    largest = int(options.get("MAX_FILE_SIZE", _LARGEST))
    written: list[Written] = []
    waiting: list[pa.Table] = []

    def end() -> None:
        if waiting:
            written.append(_file(stem, len(written), pa.concat_tables(waiting), form, options, query))
            waiting.clear()

    for table in tables:
        query.wait(0)
        for start in range(0, table.num_rows, step := _step(table, largest, single)):
            waiting.append(table.slice(start, step))
            if not single and sum(each.nbytes for each in waiting) >= largest:
                end()
    end()
    return written


def _step(table: pa.Table, largest: int, single: bool) -> int:
    if single or not table.nbytes:
        return max(table.num_rows, 1)
    return max(int(largest / (table.nbytes / table.num_rows)), 1)


def _file(
    stem: Path, number: int, table: pa.Table, form: dict[str, Any], options: dict[str, Any], query: Query
) -> Written:
    kind = str(form["TYPE"]).upper()
    if kind == "PARQUET":
        packing = str(form.get("COMPRESSION", "AUTO")).upper()
        ending = "" if packing == "NONE" else ".snappy"
        content, plain = _parquet(table, bool(options.get("HEADER")), packing), table.nbytes
        suffix = f"{ending}.parquet"
    else:
        packing = str(form.get("COMPRESSION", "AUTO")).upper().replace("AUTO", "GZIP")
        if packing not in _ENDINGS or kind not in ("CSV", "JSON"):
            raise unsupported(f"unloading {kind} with COMPRESSION = {packing}")
        text = _csv(table, form, bool(options.get("HEADER"))) if kind == "CSV" else _json(table)
        content, plain = _packed(text, packing), len(text)
        suffix = f"{form.get('FILE_EXTENSION') or '.' + kind.lower()}{_ENDINGS[packing]}"
    asked = f"_{query.id}" if options.get("INCLUDE_QUERY_ID") else ""
    path = stem if options.get("SINGLE") else stem.with_name(f"{stem.name}{asked}_0_0_{number}{suffix}")
    if path.exists() and not options.get("OVERWRITE"):
        said = (
            "Files already existing at the unload destination: {}. Use overwrite option to force unloading."
        )
        raise RefusedError(1757, said.format(path.name), "22000")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return Written(path, table.num_rows, len(content), plain)


def _parquet(table: pa.Table, header: bool, packing: str) -> bytes:
    """Without HEADER the columns have no names of their own."""
    named = table if header else table.rename_columns([f"_COL_{n}" for n in range(table.num_columns)])
    sink = io.BytesIO()
    pq.write_table(named, sink, compression="none" if packing == "NONE" else "snappy")
    return sink.getvalue()


def _csv(table: pa.Table, form: dict[str, Any], header: bool) -> bytes:
    delimiter = str(form.get("FIELD_DELIMITER", ","))
    given = str(form.get("FIELD_OPTIONALLY_ENCLOSED_BY", "NONE"))
    quote = "" if given.upper() == "NONE" else given
    nulls = form.get("NULL_IF", ["\\N"])
    null = str(nulls[0] if isinstance(nulls, list) and nulls else nulls or "")

    def field(value: Any) -> str:
        if value is None:
            return null
        text = _text(value)
        enclosed = quote and (
            isinstance(value, str) or any(mark in text for mark in (delimiter, quote, "\n"))
        )
        return quote + text.replace(quote, quote * 2) + quote if enclosed else text

    columns = [[field(value) for value in column.to_pylist()] for column in table.columns]
    rows = [delimiter.join(row) for row in zip(*columns, strict=True)]
    if header:
        rows.insert(0, delimiter.join(field(name) for name in table.column_names))
    return "".join(f"{row}\n" for row in rows).encode()


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime.datetime):
        zone = " +0000" if value.tzinfo else ""
        return f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03d}{zone}"
    if isinstance(value, bytes):
        return value.hex().upper()
    return str(value)


def _json(table: pa.Table) -> bytes:
    """Of a query for one column of objects."""
    if table.num_columns != 1:
        raise RefusedError(
            2019, "SQL compilation error:\nJSON file format can produce one and only one column", "0A000"
        )
    values = [json.dumps(json.loads(value)) for value in table.column(0).to_pylist()]
    return "".join(f"{value}\n" for value in values).encode()


def _packed(content: bytes, packing: str) -> bytes:
    if packing == "GZIP":
        return gzip.compress(content, 1, mtime=0)
    if packing == "BZ2":
        return bz2.compress(content)
    return pa.compress(content, "zstd", asbytes=True) if packing == "ZSTD" else content


def _report(
    written: list[Written], folder: Path, options: dict[str, Any]
) -> tuple[list[str], list[list[Any]]]:
    if options.get("DETAILED_OUTPUT"):
        rows: list[list[Any]] = [
            [each.path.relative_to(folder).as_posix(), each.size, each.rows] for each in written
        ]
        return ["FILE_NAME", "FILE_SIZE", "ROW_COUNT"], rows
    total = [sum(each.rows for each in written), sum(each.plain for each in written)]
    return ["rows_unloaded", "input_bytes", "output_bytes"], [[*total, sum(each.size for each in written)]]
