"""What stands in statements that fakesnow does not know, written so that it does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snowflake_service.queries import Queries, Query

_WAIT = re.compile(r"system\$wait\s*\(\s*([\d.]+|\?)\s*(?:,\s*'(\w+)'\s*)?\)(\s+as\b)?", re.IGNORECASE)
_UNITS = {"DAYS": 86_400, "HOURS": 3_600, "MINUTES": 60, "SECONDS": 1, "MILLISECONDS": 0.001}
_GENERATOR = re.compile(r"table\s*\(\s*generator\s*\(\s*rowcount\s*=>\s*(\d+)\s*\)\s*\)", re.IGNORECASE)
_SEQUENCE = re.compile(r"\bseq[1248]\s*\(\s*\)", re.IGNORECASE)


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


def _is_item(found: re.Match[str]) -> bool:
    """Whether a call is an item of its own in a list of columns, whose name it then gives."""
    before, after = found.string[: found.start()].rstrip(), found.string[found.end() :].lstrip()
    return before[-6:].lower() == "select" and (not after or after[0] == "," or after[:4].lower() == "from")


def probe(text: str) -> str:
    """Return the statement in a form that can be parsed, to learn of what kind it is."""
    return _plain(text)


@contextmanager
def views(query: Query, text: str, connection: Any, queries: Queries) -> Iterator[str]:
    """Give the statement with names of views for the table functions that are ours."""
    with ExitStack():
        yield _plain(text)


def _plain(text: str) -> str:
    text = _GENERATOR.sub(lambda found: f"(SELECT range AS _seq FROM range({found[1]}))", text)
    return _SEQUENCE.sub("_seq", text)
