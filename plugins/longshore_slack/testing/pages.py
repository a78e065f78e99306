"""Lists that come in pages ("Pagination", Slack docs)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from longshore_slack.testing.answers import Json, SlackSaysNo
from longshore_slack.testing.arguments import text

if TYPE_CHECKING:
    from collections.abc import Sequence


def page(items: Sequence[Json], arguments: Json, key: str, limit: int) -> Json:
    """Return one page, and the cursor of the next one; an empty cursor for the last.

    Args:
        items: All that there are.
        arguments: Of the call.
        key: Where the items stand in the answer.
        limit: How many there are on a page.

    Raises:
        SlackSaysNo: The cursor is none of ours.
    """
    start = _start(text(arguments, "cursor"))
    rest = start + limit < len(items)
    cursor = base64.b64encode(f"next:{start + limit}".encode()).decode() if rest else ""
    return {key: list(items[start : start + limit]), "response_metadata": {"next_cursor": cursor}}


def _start(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        word, _, start = base64.b64decode(cursor, validate=True).decode().partition(":")
        if word == "next":
            return int(start)
    except ValueError:
        pass
    raise SlackSaysNo("invalid_cursor")
