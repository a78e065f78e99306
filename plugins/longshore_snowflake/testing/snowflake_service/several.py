"""Several statements in one request: `MULTI_STATEMENT_COUNT`, children with ids and results of their own.

https://docs.snowflake.com/en/developer-guide/sql-api/submitting-multiple-statements
"""

from __future__ import annotations

import re
from collections.abc import Callable

from snowflake_service.queries import Queries, Query
from snowflake_service.refusals import RefusedError
from snowflake_service.results import Result, told

MULTIPLE = 0xA000
"""The type of the statement that stands for all."""
_PIECE = re.compile(
    r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"]|\"\")*\"|\$\$.*?\$\$|--[^\n]*|//[^\n]*|/\*.*?\*/|;|[^;'\"$/-]+|.",
    re.DOTALL,
)
_COMMENT = re.compile(r"--[^\n]*|//[^\n]*|/\*.*?\*/", re.DOTALL)


def statements(text: str) -> list[str]:
    """Return the statements of a text."""
    found, parts = [], list[str]()
    for piece in [*_PIECE.findall(text), ";"]:
        if piece != ";":
            parts.append(piece)
            continue
        if "".join(part for part in parts if not _COMMENT.fullmatch(part)).strip():
            found.append("".join(parts).strip())
        parts = []
    return found


def run(query: Query, queries: Queries, work: Callable[[Query], Result]) -> Result | None:
    """Run the statements of a query one after the other; None when it is a single one.

    Raises:
        RefusedError: Their number is not the one that was announced, or one of them fails.
    """
    texts = statements(query.text)
    wanted = int(query.parameter("MULTI_STATEMENT_COUNT", 1))
    if wanted not in (0, len(texts)) and (len(texts) > 1 or wanted > 1):
        said = f"Actual statement count {len(texts)} did not match the desired statement count {wanted}."
        raise RefusedError(8, said, "0A000")
    if len(texts) <= 1:
        return None
    children = []
    for text in texts:
        child = query.child = Query(
            query.session,
            text,
            bindings={},
            parameters={**query.parameters, "MULTI_STATEMENT_COUNT": 1},
            base_url=query.base_url,
            parent=query.id,
            stop=query.stop,
        )
        queries.add(child)
        child.run(work)
        if child.error is not None:
            raise child.error
        children.append(child)
    types = [str(child.result.type_id) for child in children if child.result]
    ids = ",".join(child.id for child in children)
    said = [["Multiple statements executed successfully."]]
    return told(["multiple statement execution"], said, MULTIPLE, resultIds=ids, resultTypes=",".join(types))
