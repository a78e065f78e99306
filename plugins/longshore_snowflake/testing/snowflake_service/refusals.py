"""What Snowflake says when it refuses; and its words for what DuckDB and sqlglot say."""

from __future__ import annotations

import re
from typing import Any

import duckdb
import snowflake.connector.errors as connector_errors
from sqlglot.errors import ParseError

CANCELLED, TIMED_OUT = 604, 630


class RefusedError(Exception):
    """An answer without success.

    Args:
        code: Snowflake's number.
        message: Its text.
        sqlstate: As SQL has it.
    """

    def __init__(self, code: int, message: str, sqlstate: str = "42000") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.sqlstate = sqlstate

    def answer(self, **data: Any) -> dict[str, Any]:
        """Return the body of the answer."""
        code = f"{self.code:06d}"
        detail = (
            {"internalError": False, "errorCode": code, "sqlState": self.sqlstate, **data} if data else None
        )
        return {"data": detail, "code": code, "message": self.message, "success": False, "headers": None}


def cancelled() -> RefusedError:
    return RefusedError(CANCELLED, "SQL execution canceled", "57014")


def timed_out(seconds: int) -> RefusedError:
    text = f"Statement reached its statement or warehouse timeout of {seconds} second(s) and was canceled."
    return RefusedError(TIMED_OUT, text, "57014")


def missing(kind: str, name: str) -> RefusedError:
    return RefusedError(
        2003, f"SQL compilation error:\n{kind} '{name}' does not exist or not authorized.", "02000"
    )


def unsupported(what: str) -> RefusedError:
    return RefusedError(2, f"Unsupported feature '{what}'.", "0A000")


def translated(error: Exception) -> RefusedError:
    """Return what Snowflake says where fakesnow, DuckDB or sqlglot say something."""
    if isinstance(error, RefusedError):
        return error
    if isinstance(error, ParseError):
        return _syntax(error)
    if isinstance(error, UnicodeDecodeError):
        return RefusedError(100_144, "Invalid UTF8 detected in string", "22000")
    said = str(getattr(error, "raw_msg", None) or getattr(error, "msg", None) or error)
    for pattern, code, sqlstate, text in _TEXTS:
        if found := re.search(pattern, said, re.DOTALL):
            return RefusedError(code, text.format(*found.groups(), said=said), sqlstate)
    if isinstance(error, connector_errors.Error) and error.errno and error.errno > 0:
        return RefusedError(error.errno, said, error.sqlstate or "42000")
    if isinstance(error, duckdb.Error):
        return RefusedError(100_000, said, "22000")
    return RefusedError(2, f"Unsupported feature ({type(error).__name__}: {said})", "0A000")


def _syntax(error: ParseError) -> RefusedError:
    first = error.errors[0] if error.errors else {}
    line, position = first.get("line") or 1, first.get("col") or 0
    text = (
        f"syntax error line {line} at position {position} unexpected '{first.get('highlight') or '<EOF>'}'."
    )
    return RefusedError(1003, f"SQL compilation error:\n{text}", "42000")


_HEAD = "SQL compilation error:\n"
_TEXTS = (
    (r"INTERRUPT Error|Interrupted!", CANCELLED, "57014", "SQL execution canceled"),
    (
        r"(?:Table|View) with name \"?([^\"\s]+?)\"? does not exist",
        2003,
        "42S02",
        _HEAD + "Object '{0}' does not exist or not authorized.",
    ),
    (
        r"(?:Table|View|Schema|Catalog|Sequence) (?:with name )?\"?([^\"\s]+?)\"? already exists",
        2002,
        "42710",
        _HEAD + "Object '{0}' already exists.",
    ),
    (
        r"(?:Schema|Catalog|Database) (?:with name )?[\"']?([^\"'\s]+?)[\"']? (?:does not exist|not found)",
        2003,
        "02000",
        _HEAD + "Schema '{0}' does not exist or not authorized.",
    ),
    (
        r"(?:Scalar|Table|Aggregate) Function with name \"?(\w+)\"? does not exist",
        2140,
        "42601",
        _HEAD + "Unknown function {0}",
    ),
    (
        r"(?:Referenced (?:update )?column|column named|does not have a column with name) [\"']?([\w.]+)",
        904,
        "42000",
        _HEAD + "error line 1 at position 7\ninvalid identifier '{0}'",
    ),
    (
        r"NOT NULL constraint failed: (?:\w+\.)*(\w+)",
        100_072,
        "22000",
        "NULL result in a non-nullable column",
    ),
    (r"Division by zero", 100_051, "22012", "Division by zero"),
    (
        r"[Cc]ould not convert string ['\"](.*?)['\"] to '?(?:U?[A-Z]*INT|DOUBLE|FLOAT|DECIMAL)",
        100_038,
        "22018",
        "Numeric value '{0}' is not recognized",
    ),
    (
        r"[Cc]ould not convert string ['\"](.*?)['\"] to '?BOOL",
        100_037,
        "22018",
        "Boolean value '{0}' is not recognized",
    ),
    (
        r"(?:invalid date field format|date field value out of range): [\"'](.*?)[\"']",
        100_040,
        "22007",
        "Date '{0}' is not recognized",
    ),
    (
        r"(?:invalid timestamp field format|timestamp field value out of range): [\"'](.*?)[\"']",
        100_035,
        "22007",
        "Timestamp '{0}' is not recognized",
    ),
    (
        r"[Cc]onflict on|write-write conflict",
        625,
        "57014",
        "Statement aborted because lock waiters for this table exceed the limit; try again",
    ),
)
