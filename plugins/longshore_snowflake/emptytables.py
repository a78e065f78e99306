"""The columns of a result as Arrow's: the same types by both connectors, with rows and without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from longshore import require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_FIXED: Final = 0
_DIGITS: Final = 18
"""Digits of the numbers that all fit in 64 bits."""
_TYPES: Final[dict[int, Callable[[Any], Any]]] = {
    1: lambda pa: pa.float64(),
    2: lambda pa: pa.string(),
    3: lambda pa: pa.date32(),
    4: lambda pa: pa.timestamp("us"),
    6: lambda pa: pa.timestamp("us", "UTC"),
    7: lambda pa: pa.timestamp("us", "UTC"),
    8: lambda pa: pa.timestamp("us"),
    11: lambda pa: pa.binary(),
    12: lambda pa: pa.time64("us"),
    13: lambda pa: pa.bool_(),
}
"""By the connector's numbers of types ("type codes", docs.snowflake.com); text for all others."""


def empty_table(description: Iterable[Any]) -> Any:
    """Return a `pyarrow.Table` without rows.

    Args:
        description: What the connector's cursor says of the columns.
    """
    pyarrow = require("pyarrow", extra="snowflake")
    fields = [pyarrow.field(str(column[0]), _type(pyarrow, column)) for column in description]
    return pyarrow.schema(fields).empty_table()


def plain(table: Any) -> Any:
    """Return a table whose whole numbers have 64 bits where these are enough, without the connector's notes.

    Snowflake sends each batch in the narrowest type that it fits in.
    """
    pyarrow = require("pyarrow", extra="snowflake")
    fields = [pyarrow.field(field.name, _plain(pyarrow, field.type)) for field in table.schema]
    schema = pyarrow.schema(fields)
    if schema.types == table.schema.types:
        return pyarrow.Table.from_arrays(table.columns, schema=schema)
    return table.cast(schema)


def _plain(pyarrow: Any, kind: Any) -> Any:
    small = pyarrow.types.is_decimal(kind) and kind.scale == 0 and kind.precision <= _DIGITS
    return pyarrow.int64() if small or pyarrow.types.is_integer(kind) else kind


def _type(pyarrow: Any, column: Any) -> Any:
    code, precision, scale = column[1], column[4], column[5]
    if code != _FIXED:
        return _TYPES.get(code, _TYPES[2])(pyarrow)
    return pyarrow.decimal128(precision or 38, scale) if scale else pyarrow.int64()
