"""Reads what follows a command: names of stages, and options such as `FILE_FORMAT = (TYPE = CSV)`."""

from __future__ import annotations

import re
from typing import Any

from snowflake_service.refusals import RefusedError

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^'\\]|\\.|'')*'|\$\$.*?\$\$)|(?P<quoted>"(?:[^"]|"")*")"""
    r"""|(?P<word>[@\w.$%~/*:?\\-]+)|(?P<mark>=>|[=(),;]))""",
    re.DOTALL,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "\\": "\\", "'": "'", '"': '"', "b": "\b", "f": "\f"}


def options(text: str) -> dict[str, Any]:
    """Return options by their names in upper case; an option in parentheses is a dict or a list of its own.

    Raises:
        RefusedError: The text is something else.
    """
    tokens = _tokens(text)
    found = _pairs(tokens)
    if tokens:
        raise _unexpected(tokens[0][1])
    return found


def _tokens(text: str) -> list[tuple[str, str]]:
    place, found = 0, []
    text = text.strip().rstrip(";").rstrip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None or match.end() == place:
            raise _unexpected(text[place : place + 20])
        found.append((str(match.lastgroup), match[str(match.lastgroup)]))
        place = match.end()
    return found


def _pairs(tokens: list[tuple[str, str]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while tokens and tokens[0][1] != ")":
        kind, name = tokens.pop(0)
        if name == ",":
            continue
        if kind != "word" or not tokens or tokens[0][1] not in ("=", "=>"):
            raise _unexpected(name)
        tokens.pop(0)
        found[name.upper()] = _value(tokens)
    return found


def _value(tokens: list[tuple[str, str]]) -> Any:
    if not tokens:
        raise _unexpected("<EOF>")
    kind, text = tokens.pop(0)
    if text != "(" or kind != "mark":
        return _plain(kind, text)
    if len(tokens) > 1 and tokens[1][1] == "=":
        nested: Any = _pairs(tokens)
    else:
        nested = []
        while tokens and tokens[0][1] != ")":
            kind, text = tokens.pop(0)
            if text != ",":
                nested.append(_plain(kind, text))
    if not tokens:
        raise _unexpected("<EOF>")
    tokens.pop(0)
    return nested


def _plain(kind: str, text: str) -> Any:
    if kind == "text":
        return literal(text)
    if kind == "quoted":
        return text[1:-1].replace('""', '"')
    if text.upper() in ("TRUE", "FALSE"):
        return text.upper() == "TRUE"
    return int(text) if text.isdigit() else text.upper() if not text.startswith("@") else text


def literal(text: str) -> str:
    """Return what stands in quotes."""
    if text.startswith("$$"):
        return text[2:-2]
    plain = text[1:-1].replace("''", "'")
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), plain, flags=re.DOTALL)


def parts(name: str) -> list[str]:
    """Return the parts of a name, as they are kept: in upper case when they are not quoted."""
    found = re.findall(r'"((?:[^"]|"")*)"|([^".]+)', name.strip())
    return [quoted.replace('""', '"') if quoted or not plain else plain.upper() for quoted, plain in found]


def quote(part: str) -> str:
    """Return a part of a name for DuckDB."""
    return '"' + part.replace('"', '""') + '"'


def _unexpected(text: str) -> RefusedError:
    said = f"SQL compilation error:\nsyntax error line 1 at position 0 unexpected '{text}'."
    return RefusedError(1003, said)
