"""File formats: what COPY INTO reads from a file, as a table for DuckDB and the rows that cannot be read.

https://docs.snowflake.com/en/sql-reference/sql/create-file-format
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import itertools
import json
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from snowflake_service.refusals import RefusedError, unsupported

_DEFAULTS: dict[str, dict[str, Any]] = {
    "CSV": {
        "FIELD_DELIMITER": ",",
        "SKIP_HEADER": 0,
        "PARSE_HEADER": False,
        "FIELD_OPTIONALLY_ENCLOSED_BY": "NONE",
        "NULL_IF": ["\\N"],
        "EMPTY_FIELD_AS_NULL": True,
        "ERROR_ON_COLUMN_COUNT_MISMATCH": True,
        "ESCAPE": "NONE",
        "TRIM_SPACE": False,
        "SKIP_BLANK_LINES": False,
    },
    "JSON": {"STRIP_OUTER_ARRAY": False, "NULL_IF": []},
    "PARQUET": {"USE_LOGICAL_TYPE": False, "BINARY_AS_TEXT": True},
}
_TAKEN = {  # options that are taken, and change nothing here
    "TYPE",
    "COMPRESSION",
    "RECORD_DELIMITER",
    "ESCAPE_UNENCLOSED_FIELD",
    "DATE_FORMAT",
    "TIME_FORMAT",
    "TIMESTAMP_FORMAT",
    "BINARY_FORMAT",
    "ENCODING",
    "FILE_EXTENSION",
    "REPLACE_INVALID_CHARACTERS",
    "USE_VECTORIZED_SCANNER",
    "SNAPPY_COMPRESSION",
    "ALLOW_DUPLICATE",
    "ENABLE_OCTAL",
    "STRIP_NULL_VALUES",
    "IGNORE_UTF8_ERRORS",
    "SKIP_BYTE_ORDER_MARK",
    "NULL_IF",
    "TRIM_SPACE",
}
_PACKED = {".gz": "GZIP", ".zst": "ZSTD", ".deflate": "DEFLATE", ".bz2": "BZ2"}
_numbers = itertools.count()


@dataclass(frozen=True)
class Bad:
    """A row that cannot be loaded."""

    row: int
    code: int
    message: str
    column: str = ""
    character: int = 1


@dataclass
class Reading:
    """A file that was read.

    Attributes:
        source: What SELECT reads the rows from; it has a column `_row`, from 1.
        names: The columns of the rows, without `_row`.
        named: Whether the names are the file's own.
        kind: `CSV`, `JSON` or `PARQUET`.
        bad: What cannot be read at all.
        view: What was registered at the connection, to be let go.
    """

    source: str
    names: list[str]
    named: bool
    kind: str
    bad: list[Bad] = field(default_factory=list)
    view: str = ""
    rows: int = 0


def completed(given: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a format with the defaults of its kind.

    Raises:
        RefusedError: There is no such option.
    """
    kind = str(given.get("TYPE", "CSV")).upper()
    if kind not in _DEFAULTS:
        raise unsupported(f"FILE_FORMAT TYPE = {kind}")
    known = _DEFAULTS[kind].keys() | _TAKEN
    if strange := sorted(given.keys() - known):
        raise RefusedError(1420, f"SQL compilation error:\ninvalid parameter '{strange[0]}'", "22023")
    return {**_DEFAULTS[kind], **given, "TYPE": kind}


def read(file: Path, options: dict[str, Any], connection: Any, width: int) -> Reading:
    """Read a file.

    Args:
        file: In a stage.
        options: Of its format, complete.
        connection: DuckDB's, which gets a view of the rows.
        width: Columns that a row of CSV has; 0 for as many as the first has.

    Raises:
        RefusedError: It is no such file at all.
    """
    if options["TYPE"] == "PARQUET":
        return _parquet(file, connection)
    content = _unpacked(file, str(options.get("COMPRESSION", "AUTO")).upper())
    if options["TYPE"] == "JSON":
        table, bad = _json(content, options)
        return _registered(table, True, "JSON", bad, connection, 0)
    return _csv(content, options, connection, width)


def _parquet(file: Path, connection: Any) -> Reading:
    path = str(file).replace("'", "''")
    try:
        described = connection.execute(f"DESCRIBE SELECT * FROM read_parquet('{path}')").fetchall()
        rows = connection.execute(f"SELECT count(*) FROM read_parquet('{path}')").fetchone()[0]
    except Exception as error:
        raise RefusedError(100_145, f"Error parsing the parquet file: {error}", "22000") from None
    source = f"(SELECT *, row_number() OVER () AS _row FROM read_parquet('{path}'))"
    return Reading(source, [row[0] for row in described], True, "PARQUET", rows=rows)


def _csv(content: bytes, options: dict[str, Any], connection: Any, width: int) -> Reading:
    skipped = int(options["SKIP_HEADER"]) + bool(options["PARSE_HEADER"])
    lines = content.split(b"\n", skipped)
    body = lines[-1] if len(lines) > skipped else b""
    head = lines[skipped - 1] if options["PARSE_HEADER"] else body.split(b"\n", 1)[0]
    fields = next(_records(head.decode(), options), [])
    names = fields if options["PARSE_HEADER"] else [f"c{n + 1}" for n in range(width or len(fields))]
    bad: list[Bad] = []
    if not options["ERROR_ON_COLUMN_COUNT_MISMATCH"]:
        body = _evened(body, options, len(names))
    table = pa.table({name: pa.array([], pa.string()) for name in names})
    if body.strip():
        table = _parsed(body, options, names, bad, skipped)
    return _registered(table, bool(options["PARSE_HEADER"]), "CSV", bad, connection, skipped)


def _parsed(body: bytes, options: dict[str, Any], names: list[str], bad: list[Bad], skipped: int) -> pa.Table:
    def refuse(row: Any) -> str:
        said = (
            f"Number of columns in file ({row.actual_columns}) does not match that of the corresponding "
            f"table ({row.expected_columns}), use file format option "
            "error_on_column_count_mismatch=false to ignore this error"
        )
        bad.append(Bad(skipped + row.number, 100_080, said, character=len(row.text)))
        return "skip"

    quote = _mark(options, "FIELD_OPTIONALLY_ENCLOSED_BY")
    nulls = options["NULL_IF"] if isinstance(options["NULL_IF"], list) else [options["NULL_IF"]]
    try:
        return pa_csv.read_csv(
            io.BytesIO(body),
            pa_csv.ReadOptions(column_names=names, use_threads=False),
            pa_csv.ParseOptions(
                delimiter=str(options["FIELD_DELIMITER"]),
                quote_char=quote or False,
                escape_char=_mark(options, "ESCAPE") or False,
                newlines_in_values=bool(quote),
                ignore_empty_lines=len(names) > 1,
                invalid_row_handler=refuse,
            ),
            pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                null_values=[*map(str, nulls), *([""] if options["EMPTY_FIELD_AS_NULL"] else [])],
            ),
        )
    except pa.ArrowInvalid as error:
        raise RefusedError(100_016, f"Field or record delimiter problem: {error}", "22000") from None


def _records(text: str, options: dict[str, Any]) -> Any:
    quote = _mark(options, "FIELD_OPTIONALLY_ENCLOSED_BY")
    quoting = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    delimiter = str(options["FIELD_DELIMITER"])
    return csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, quotechar=quote or None, quoting=quoting
    )


def _evened(body: bytes, options: dict[str, Any], width: int) -> bytes:
    """Return the rows with as many fields as there are columns."""
    sink = io.StringIO(newline="")
    quote = _mark(options, "FIELD_OPTIONALLY_ENCLOSED_BY") or '"'
    writer = csv.writer(sink, delimiter=str(options["FIELD_DELIMITER"]), quotechar=quote, lineterminator="\n")
    for record in _records(body.decode(), options):
        writer.writerow([*record, *[""] * width][:width])
    return sink.getvalue().encode()


def _mark(options: dict[str, Any], name: str) -> str:
    given = str(options[name])
    return "" if given.upper() == "NONE" else given


def _json(content: bytes, options: dict[str, Any]) -> tuple[pa.Table, list[Bad]]:
    """Return a table with a column of texts for each key, and the whole document in `$1`."""
    decoder, text, place = json.JSONDecoder(), content.decode(), 0
    values: list[Any] = []
    while (place := len(text) - len(text[place:].lstrip())) < len(text):
        try:
            value, place = decoder.raw_decode(text, place)
        except ValueError as error:
            said = f"Error parsing JSON: {error}"
            return _documents(values), [Bad(len(values) + 1, 100_069, said)]
        several = options["STRIP_OUTER_ARRAY"] and isinstance(value, list)
        values.extend(value if several else [value])
    return _documents(values), []


def _documents(values: list[Any]) -> pa.Table:
    keys = dict.fromkeys(key for value in values if isinstance(value, dict) for key in value)
    columns = {"$1": pa.array([json.dumps(value) for value in values], pa.string())}
    for key in keys:
        found = [value.get(key) if isinstance(value, dict) else None for value in values]
        texts = [each if each is None or isinstance(each, str) else json.dumps(each) for each in found]
        columns[key] = pa.array(texts, pa.string())
    return pa.table(columns)


def _unpacked(file: Path, compression: str) -> bytes:
    kind = _PACKED.get(file.suffix.lower(), "NONE") if compression.startswith("AUTO") else compression
    content = file.read_bytes()
    try:
        if kind == "GZIP":
            return gzip.decompress(content)
        if kind == "BZ2":
            return bz2.decompress(content)
        if kind == "ZSTD":
            return pa.input_stream(pa.py_buffer(content), compression="zstd").read()
        if kind == "DEFLATE":
            return zlib.decompress(content)
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        raise RefusedError(100_016, f"Error decompressing {file.name}: {error}", "22000") from None
    return content


def _registered(
    table: pa.Table, named: bool, kind: str, bad: list[Bad], connection: Any, skipped: int
) -> Reading:
    names = table.column_names
    refused = {each.row for each in bad}
    total = table.num_rows + len(bad)
    lines = (skipped + n + 1 for n in range(total))
    table = table.append_column(
        "_row", pa.array([n for n in lines if n not in refused][: table.num_rows], pa.int64())
    )
    view = f"_FILE_{next(_numbers)}"
    connection.register(view, table)
    return Reading(f"temp.main.{view}", names, named, kind, bad, view, total)
