"""Columns of what is loaded: their names, and Snowflake's types for those that Arrow sees in them."""

from __future__ import annotations

import csv
import difflib
import gzip
import io
import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from longshore import require
from longshore_snowflake.errors import SnowflakeInputError
from longshore_snowflake.identifiers import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from longshore_snowflake.identifiers import TableName

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
_TYPE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_ ]*(\(\s*[A-Za-z0-9_]+(\s*,\s*[A-Za-z0-9_]+)*\s*\))?")
_LOOKED_AT: Final = 4 << 20
"""Bytes of a CSV or JSON file, as read from it, by which the types of its columns are told."""
_WIDEST: Final = 38
"""Digits of Snowflake's NUMBER."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Attributes:
        name: As it is in the file, or as Snowflake stores it.
        type: In Snowflake's words; empty when it is not known.
    """

    name: str
    type: str = ""

    @property
    def definition(self) -> str:
        """The column for CREATE TABLE."""
        return f"{quoted(self.name)} {self.type}"


def given_columns(columns: Sequence[str] | Mapping[str, str]) -> tuple[Column, ...]:
    """Return the columns that a user names, with their types if these are given.

    Raises:
        SnowflakeInputError: A type is none.
    """
    if not hasattr(columns, "keys"):
        return tuple(Column(name) for name in columns)
    typed = cast("Mapping[str, str]", columns)
    for name, kind in typed.items():
        if not _TYPE.fullmatch(kind):
            raise SnowflakeInputError(
                f"cannot use {kind!r} as the type of the column {name!r}: write one such as 'NUMBER(38, 0)'"
            )
    return tuple(Column(name, kind) for name, kind in typed.items())


def stored(columns: Iterable[Column]) -> tuple[Column, ...]:
    """Return columns under the names that a new table gets: plain names in upper case, as Snowflake does."""
    named = [Column(c.name.upper() if _PLAIN.fullmatch(c.name) else c.name, c.type) for c in columns]
    names = [column.name for column in named]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SnowflakeInputError(f"cannot make a table with two columns of the name {twice!r}: rename one")
    return tuple(named)


def matched(columns: Sequence[Column], there: Sequence[str], table: TableName, *, strict: bool) -> list[str]:
    """Return the table's names of the columns of a file, which match whatever their case.

    Args:
        columns: Of the file.
        there: Of the table.
        table: For messages.
        strict: Whether each must have one; else those without are left out, as COPY does.

    Raises:
        SnowflakeInputError: The table has no column of a name.
    """
    by_name = {name.upper(): name for name in there}
    missing = [column.name for column in columns if column.name.upper() not in by_name]
    found = [by_name[column.name.upper()] for column in columns if column.name.upper() in by_name]
    if missing and (strict or not found):
        close = difflib.get_close_matches(missing[0].upper(), by_name, 1)
        hint = f" (did you mean {by_name[close[0]]!r}?)" if close else ""
        raise SnowflakeInputError(
            f"cannot load into {str(table)!r}: it has no column {missing[0]!r}{hint}; its columns are "
            f"{', '.join(there)}; rename it, or give SnowflakeLoad(extra_columns='ignore') to leave it out"
        )
    return found


def columns_of_schema(schema: Any) -> tuple[Column, ...]:
    """Return the columns of an Arrow schema."""
    return tuple(Column(field.name, _snowflake_type(field.type)) for field in schema)


def columns_of_file(path: Path, kind: str, options: Mapping[str, Any]) -> tuple[Column, ...]:
    """Return the columns of a local file; types of CSV and JSON are those that its first MiBs suggest.

    Args:
        path: The file.
        kind: `CSV`, `JSON` or `PARQUET`.
        options: Of its format.

    Raises:
        SnowflakeInputError: It cannot be read.
    """
    readers: dict[str, Callable[[], tuple[Column, ...]]] = {
        "PARQUET": lambda: columns_of_schema(
            require("pyarrow.parquet", extra="snowflake").read_schema(str(path))
        ),
        "CSV": lambda: _columns_of_csv(path, options),
        "JSON": lambda: _columns_of_json(path),
    }
    arrow = require("pyarrow", extra="snowflake").lib.ArrowException
    try:
        return readers[kind]()
    except (arrow, OSError, ValueError, EOFError, csv.Error) as error:
        raise SnowflakeInputError(
            f"cannot read the columns of {str(path)!r} as {kind}: {type(error).__name__}: {error}; name its "
            "format by file_type, or its columns by SnowflakeLoad(columns=...)"
        ) from error


def _columns_of_csv(path: Path, options: Mapping[str, Any]) -> tuple[Column, ...]:
    delimiter = str(options.get("FIELD_DELIMITER", ","))
    quote = options.get("FIELD_OPTIONALLY_ENCLOSED_BY") or None
    text = _head(path).decode("utf-8-sig")
    empty: list[str] = []
    names = next(csv.reader(io.StringIO(text), delimiter=delimiter, quotechar=quote), empty)
    arrow_csv = require("pyarrow.csv", extra="snowflake")
    parse = arrow_csv.ParseOptions(
        delimiter=delimiter, quote_char=quote or False, newlines_in_values=quote is not None,
        invalid_row_handler=_skipped,
    )  # fmt: skip
    convert = arrow_csv.ConvertOptions(null_values=["", "\\N"], strings_can_be_null=True)
    table = arrow_csv.read_csv(io.BytesIO(text.encode()), parse_options=parse, convert_options=convert)
    types = [_snowflake_type(field.type) for field in table.schema]
    return tuple(Column(name, kind) for name, kind in zip(names, types, strict=True))


def _skipped(_: object) -> str:
    return "skip"  # COPY says what is wrong with it


def _columns_of_json(path: Path) -> tuple[Column, ...]:
    table = require("pyarrow.json", extra="snowflake").read_json(io.BytesIO(_head(path)))
    return columns_of_schema(table.schema)


def _head(path: Path) -> bytes:
    """Return the whole lines at a file's beginning; gzip is opened."""
    with path.open("rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        with gzip.open(raw) if zipped else raw as file:
            head = file.read(_LOOKED_AT)
    if len(head) < _LOOKED_AT:
        return head
    return head[: head.rfind(b"\n") + 1] or head


def _snowflake_type(kind: Any) -> str:
    """Return Snowflake's type for one of Arrow's."""
    types = require("pyarrow", extra="snowflake").types
    if types.is_dictionary(kind):
        return _snowflake_type(kind.value_type)
    if types.is_decimal(kind):
        return f"NUMBER({min(kind.precision, _WIDEST)}, {kind.scale})"
    if types.is_timestamp(kind):
        return "TIMESTAMP_LTZ(9)" if kind.tz else "TIMESTAMP_NTZ(9)"
    named: Iterable[tuple[str, tuple[Callable[[Any], bool], ...]]] = (
        ("BOOLEAN", (types.is_boolean,)),
        ("NUMBER(38, 0)", (types.is_integer,)),
        ("FLOAT", (types.is_floating,)),
        ("DATE", (types.is_date,)),
        ("TIME(9)", (types.is_time,)),
        ("BINARY", (types.is_binary, types.is_large_binary, types.is_fixed_size_binary)),
        ("ARRAY", (types.is_list, types.is_large_list, types.is_fixed_size_list)),
        ("VARIANT", (types.is_struct, types.is_map)),
    )
    found = itertools.chain.from_iterable(((name, test) for test in tests) for name, tests in named)
    return next((name for name, test in found if test(kind)), "VARCHAR")
