"""The tables that a statement names, as far as its text tells.

Views, functions and what a procedure does are not looked into: Snowflake's own `ACCESS_HISTORY` knows those,
hours later. What cannot be read is left out; nothing is guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from longshore import current
from longshore_snowflake.errors import SnowflakeInputError
from longshore_snowflake.identifiers import TableName

if TYPE_CHECKING:
    from collections.abc import Iterator

    from longshore_snowflake.sessions import Session

_TOKEN: Final = re.compile(
    r"""--[^\n]*|//[^\n]*|/\*.*?\*/|\$\$.*?\$\$|'(?:[^'\\]|''|\\.)*'   # left out
    |(?P<name>(?:"(?:[^"]|"")*"|[A-Za-z_][\w$]*)(?:\s*\.\s*(?:"(?:[^"]|"")*"|[A-Za-z_][\w$]*))*)
    |(?P<sign>[@%(),;=])|\S""",
    re.DOTALL | re.VERBOSE,
)
_SIGNS: Final = frozenset("@%(),;=")
_DOT: Final = re.compile(r"""\s*\.\s*(?=(?:[^"]|"[^"]*")*$)""")
"""A dot between two names, with what stands around it; not one inside quotes."""
_FILLERS: Final = frozenset({"TABLE", "IF", "NOT", "EXISTS", "INTO", "LATERAL", "ONLY"})
_WRITERS: Final = frozenset({"INSERT", "MERGE", "UPDATE", "DELETE", "COPY", "CREATE", "TRUNCATE"})
_MOST: Final = 200_000
"""Characters of a statement that are looked at."""


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of a statement.

    Attributes:
        reads: Those after FROM, JOIN and USING.
        writes: The target.
    """

    reads: tuple[TableName, ...] = ()
    writes: tuple[TableName, ...] = ()


def tables_of(text: str) -> Tables:
    """Return the tables that a statement names."""
    words = list(_words(text[:_MOST]))
    kind = next((word.upper() for word in words if word[0] not in _SIGNS), "")
    local = {words[i].upper() for i in range(len(words)) if _is_common(words, i)}
    writes = _target(kind, words) if kind in _WRITERS else None
    reads = _sources(words, local, skip_first=kind == "DELETE")
    return Tables(
        tuple(dict.fromkeys(name for name in reads if name != writes or kind != "DELETE")),
        () if writes is None else (writes,),
    )


def uri(session: Session, name: TableName) -> str:
    """Return what lineage calls a table: `snowflake://ACCOUNT/DB/SCHEMA/TABLE`."""
    made = session.connection
    full = name.within(str(made.database or ""), str(made.schema or ""))
    return f"snowflake://{session.account}/{'/'.join(full.parts)}"


def tell(
    session: Session, tables: Tables, *, read_rows: int | None = None, written_rows: int | None = None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Say what was read and written to whoever draws lineage; return the names of both.

    Args:
        session: Whose account, database and schema.
        tables: Which tables.
        read_rows: How many rows came of the one table that was read.
        written_rows: How many were written.
    """
    reads = tuple(uri(session, name) for name in tables.reads)
    writes = tuple(uri(session, name) for name in tables.writes)
    for each in reads:
        current.reads(each, rows=read_rows if len(reads) == 1 else None)
    for each in writes:
        current.writes(each, rows=written_rows)
    return reads, writes


def _words(text: str) -> Iterator[str]:
    for found in _TOKEN.finditer(text):
        word = found["name"] or found["sign"]
        if word:
            yield word


def _is_common(words: list[str], at: int) -> bool:
    """Return whether a word names a common table expression: `WITH name AS (`, `, name AS (`."""
    rest = words[at + 1 : at + 3]
    return len(rest) == 2 and rest[0].upper() == "AS" and rest[1] == "("


def _target(kind: str, words: list[str]) -> TableName | None:
    upper = [word.upper() for word in words]
    starts = {
        "DELETE": {"FROM"},
        "TRUNCATE": {"TRUNCATE", "TABLE"},
        "UPDATE": {"UPDATE"},
        "CREATE": {"TABLE"},
    }
    after = starts.get(kind, {"INTO"})
    for at, word in enumerate(upper):
        if word in after:
            return _name_at(words, at + 1, called=True)  # `INSERT INTO t (a, b)`
    return None


def _sources(words: list[str], local: set[str], *, skip_first: bool) -> Iterator[TableName]:
    """Yield the names after FROM, JOIN and USING; a FROM of `EXTRACT(day FROM d)` has none."""
    selects = [True]  # whether a FROM at this depth of parentheses names tables
    for at, word in enumerate(words):
        upper = word.upper()
        if word == "(":
            selects.append(False)
        elif word == ")" and len(selects) > 1:
            selects.pop()
        elif upper == "SELECT":
            selects[-1] = True
        elif upper in ("FROM", "JOIN", "USING") and selects[-1] and words[at - 1].upper() != "DISTINCT":
            if skip_first and upper == "FROM":
                skip_first = False
                continue
            name = _name_at(words, at + 1)
            if name is not None and not (len(name.parts) == 1 and name.name in local):
                yield name


def _name_at(words: list[str], at: int, *, called: bool = False) -> TableName | None:
    """Return the table that is named there; None for a stage, a subquery, and for a function's call."""
    while at < len(words) and words[at].upper() in _FILLERS:
        at += 1
    if at >= len(words) or words[at][0] in _SIGNS or (words[at + 1 : at + 2] == ["("] and not called):
        return None
    try:
        return TableName.parse(_DOT.sub(".", words[at]))
    except SnowflakeInputError:
        return None
