"""What stands in statements that fakesnow does not know, written so that it does."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import fakesnow.transforms
from fakesnow.transforms import transforms as fakesnows
from sqlglot import exp

from snowflake_service.history import history
from snowflake_service.refusals import RefusedError

if TYPE_CHECKING:
    from snowflake_service.queries import Queries, Query

_WAIT = re.compile(r"system\$wait\s*\(\s*([\d.]+|\?)\s*(?:,\s*'(\w+)'\s*)?\)(\s+as\b)?", re.IGNORECASE)
_UNITS = {"DAYS": 86_400, "HOURS": 3_600, "MINUTES": 60, "SECONDS": 1, "MILLISECONDS": 0.001}
_GENERATOR = re.compile(r"table\s*\(\s*generator\s*\(\s*rowcount\s*=>\s*(\d+)\s*\)\s*\)", re.IGNORECASE)
_SEQUENCE = re.compile(r"\bseq[1248]\s*\(\s*\)", re.IGNORECASE)
_CAST = re.compile(r"('(?:[^'\\]|\\.|'')*'|\"(?:[^\"]|\"\")*\")|\?::")
_LAST = re.compile(r"\blast_query_id\s*\(\s*\)", re.IGNORECASE)
_CONTEXT = re.compile(
    r"\bcurrent_(session|user|role|warehouse|account|account_name|organization_name|secondary_roles)\s*\(\s*\)",
    re.IGNORECASE,
)
_OURS = re.compile(
    r"table\s*\(\s*(?:result_scan|(?:\"?\w+\"?\.)?information_schema\.query_history(\w*))\s*(\()",
    re.IGNORECASE,
)
_ARGUMENT = re.compile(r"(?:(\w+)\s*=>\s*)?((?:'(?:[^']|'')*'|\((?:[^()]|\([^()]*\))*\)|[^,'()])+)")
_PIECE = re.compile(
    r"(?P<name>identifier\s*\(\s*\?\s*\))|identifier\s*\(\s*'(?P<given>[^']*)'\s*\)|"
    r"(?P<text>'(?:[^'\\]|\\.|'')*'|\"(?:[^\"]|\"\")*\")|(?P<comment>/\*.*?\*/|--[^\n]*)|\?",
    re.IGNORECASE | re.DOTALL,
)
_names = itertools.count()


def waits(text: str, values: Any) -> tuple[str, list[float]]:
    """Return the statement with what `SYSTEM$WAIT` returns in place of its calls, and the seconds of each.

    https://docs.snowflake.com/en/sql-reference/functions/system_wait
    """
    seconds: list[float] = []

    def take(found: re.Match[str]) -> str:
        unit = (found[2] or "SECONDS").upper()
        amount = float(values.pop(0) if found[1] == "?" else found[1])
        seconds.append(amount * _UNITS[unit])
        return f"'waited {amount:g} {unit.lower()}'" + (found[3] or ' AS "SYSTEM$WAIT"' * _is_item(found))

    return _WAIT.sub(take, text), seconds


def inlined(text: str, values: Any) -> str:
    """Return a statement about files with its bound values in it, and without comments.

    Snowflake binds names as well: https://docs.snowflake.com/en/sql-reference/identifier-literal
    """
    left = list(values or [])

    def put(found: re.Match[str]) -> str:
        if found["text"]:
            return found["text"]
        if found["comment"]:
            return " "
        if found["given"]:
            return found["given"]
        value = left.pop(0)
        return str(value) if found["name"] else "'" + str(value).replace("'", "''") + "'"

    return _PIECE.sub(put, text).strip()


def _is_item(found: re.Match[str]) -> bool:
    """Whether a call is an item of its own in a list of columns, whose name it then gives."""
    before, after = found.string[: found.start()].rstrip(), found.string[found.end() :].lstrip()
    return before[-6:].lower() == "select" and (not after or after[0] == "," or after[:4].lower() == "from")


@contextmanager
def rewritten(query: Query, text: str, values: Any, queries: Queries) -> Iterator[str]:
    """Give the statement with names of views for the table functions that are ours.

    The caller holds the session's connection.

    Raises:
        RefusedError: It names a query that is not known.
    """
    text = _CAST.sub(lambda found: found[1] or "? ::", text)  # sqlglot takes them for one operator
    text = _GENERATOR.sub(lambda found: f"(SELECT range AS _seq FROM range({found[1]}))", text)
    text = _SEQUENCE.sub("_seq", text)
    text = _LAST.sub(f"'{query.previous}'", text)
    text = _CONTEXT.sub(lambda found: _context(query, found), text)
    connection: Any = query.session.connection._duck_conn
    names: list[str] = []
    try:
        while found := _OURS.search(text):
            end = _closing(text, found.end(2))
            name = f"_OURS_{next(_names)}"
            arguments = _arguments(query, text[: found.start()], text[found.end(2) : end], values)
            connection.register(name, _table(query, found[1], arguments, queries))
            names.append(name)
            text = f"{text[: found.start()]}TEMP.MAIN.{name}{text[_closing(text, end + 1) + 1 :]}"
        yield text
    finally:
        for name in names:
            with suppress(Exception):
                connection.unregister(name)


def _context(query: Query, found: re.Match[str]) -> str:
    """Return who asks: https://docs.snowflake.com/en/sql-reference/functions-context"""
    session = query.session
    values = {
        "session": str(session.id),
        "user": session.user,
        "role": session.role,
        "warehouse": session.warehouse,
        "account": "XY12345",
        "account_name": "TESTS",
        "organization_name": "ACME",
        "secondary_roles": '{"roles":"","value":""}',
    }
    value = values[found[1].lower()]
    before = found.string[: found.start()].rstrip().lower()
    after = found.string[found.end() :].lstrip()
    alone = before.endswith("select") and (not after or after[0] == "," or after[:4].lower() == "from")
    name = f' AS "CURRENT_{found[1].upper()}()"' if alone else ""
    return ("'" + value.replace("'", "''") + "'" if value else "NULL") + name


def _closing(text: str, start: int) -> int:
    """Return where the parenthesis closes that is open at a place."""
    depth, quoted = 1, False
    for place in range(start, len(text)):
        if text[place] == "'":
            quoted = not quoted
        elif not quoted:
            depth += {"(": 1, ")": -1}.get(text[place], 0)
        if not depth:
            return place
    raise RefusedError(1003, "SQL compilation error:\nsyntax error unexpected '<EOF>'.")


def _arguments(query: Query, before: str, text: str, values: Any) -> dict[str, Any]:
    """Return arguments by their names in upper case; those without are numbered."""
    found = {}
    place = before.count("?")
    for number, (name, expression) in enumerate(_ARGUMENT.findall(text)):
        if not expression.strip():
            continue
        marks = expression.count("?")
        given = [values.pop(place) for _ in range(marks)] if values else []
        cursor: Any = query.session.connection.cursor()
        cursor.execute(f"SELECT {expression}", binding_params=given or None, server=True)
        found[name.upper() or str(number)] = cursor.fetchone()[0]
    return found


def _table(query: Query, kind: str | None, arguments: dict[str, Any], queries: Queries) -> Any:
    if kind is not None:
        return history(kind.upper(), arguments, query, queries.all())
    scanned = queries.find(str(arguments.get("0")))
    if scanned is None or scanned.result is None:
        # https://docs.snowflake.com/en/sql-reference/functions/result_scan
        raise RefusedError(709, f"Statement {arguments.get('0')} not found", "02000")
    return scanned.result.table()


def divided(expression: exp.Expression) -> bool:
    """Let divisions by zero fail, which DuckDB answers by infinity; return whether there are any.

    https://docs.snowflake.com/en/sql-reference/operators-arithmetic
    """
    found = list(expression.find_all(exp.Div))
    for division in found:
        divisor = division.expression
        if isinstance(divisor, exp.Literal) and divisor.this.strip("0."):
            continue
        refused = exp.Anonymous(this="ERROR", expressions=[exp.Literal.string("Division by zero")])
        is_zero = exp.EQ(this=exp.Paren(this=divisor.copy()), expression=exp.Literal.number(0))
        checked = exp.Case(ifs=[exp.If(this=is_zero, true=refused)], default=divisor.copy())
        division.set("expression", exp.Paren(this=checked))
    return bool(found)


def _exact(expression: exp.Expression) -> exp.Expression:
    """Leave the sums of numbers exact, of which fakesnow makes sums of doubles."""
    if not isinstance(expression, exp.Sum):
        return _of_fakesnow(expression)
    name = fakesnows._numeric_agg_col_name(expression, expression.this)
    named = name and isinstance(expression.parent, exp.Select)
    return exp.alias_(expression, name, quoted=True) if named else expression


_of_fakesnow = fakesnow.transforms.numeric_agg_implicit_cast
fakesnow.transforms.numeric_agg_implicit_cast = _exact
