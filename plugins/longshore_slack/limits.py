"""What fits into a message: Slack's limits, from its pages "Block Kit" and "chat.postMessage"."""

from __future__ import annotations

from typing import Any, Final, cast

from longshore_slack.texts import cut, size

BLOCKS: Final = 50
HEADER: Final = 150
SECTION: Final = 3_000
FIELD: Final = 2_000
FIELDS: Final = 10
CONTEXT: Final = 10
CONTEXT_TEXT: Final = 2_000
TEXT: Final = 4_000
"""What Slack recommends for `text`; it takes 40,000."""
WHOLE: Final = 12_000
"""Characters of all blocks of a message together. Not documented: from some 13,200 on it is
`msg_blocks_too_long`."""
_MOST_SAID: Final = 10
_TEXT_LIMITS: Final = {"header": HEADER, "section": SECTION}


def fit_blocks(blocks: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return blocks that fit into a message, and what was cut to make them.

    One place is left for a block that says so.
    """
    most = BLOCKS if len(blocks) <= BLOCKS else BLOCKS - 1
    left_out: list[str] = []
    fitting = [_fit(block, left_out) for block in blocks[:most]]
    total, kept = 0, 0
    for block in fitting:
        total += _weight(block)
        if total > WHOLE and kept:
            break
        kept += 1
    if kept < len(blocks):
        left_out.append(f"{len(blocks) - kept:,} of {len(blocks):,} blocks")
    if left_out and kept == BLOCKS:  # the last one makes place for the note
        kept -= 1
        left_out.append("the last block")
    return fitting[:kept], left_out


def _fit(block: dict[str, Any], left_out: list[str]) -> dict[str, Any]:
    kind = block.get("type")
    fitting = dict(block)
    if kind in _TEXT_LIMITS and "text" in block:
        fitting["text"] = _fit_text(block["text"], _TEXT_LIMITS[kind], f"a {kind}", left_out)
    for name, most, longest in (("fields", FIELDS, FIELD), ("elements", CONTEXT, CONTEXT_TEXT)):
        items = block.get(name)
        if isinstance(items, list) and kind in ("section", "context"):
            known = cast("list[Any]", items)
            fitting[name] = [_fit_text(item, longest, f"a {kind}", left_out) for item in known[:most]]
            if len(known) > most:
                left_out.append(f"{len(known) - most:,} {name} of a {kind}")
    return fitting


def _fit_text(item: Any, most: int, where: str, left_out: list[str]) -> Any:
    """Return a text object, or anything else, with a text that is short enough."""
    given = cast("dict[str, Any]", item) if isinstance(item, dict) else {}
    if not isinstance(given.get("text"), str):
        return cast("Any", item)
    text, missing = cut(given["text"], most)
    if missing:
        left_out.append(f"{missing:,} characters of {where}")
    return {**given, "text": text}


def _weight(value: Any) -> int:
    """Return how long all texts of a block are together."""
    if isinstance(value, str):
        return size(value)
    if isinstance(value, dict):
        return sum(map(_weight, cast("dict[str, Any]", value).values()))
    return sum(map(_weight, cast("list[Any]", value))) if isinstance(value, list | tuple) else 0


def said(left_out: list[str], where: str) -> str:
    """Return the note that says what was cut, and where the whole of it is."""
    shown = left_out[:_MOST_SAID]
    more = [f"{len(left_out) - len(shown)} more texts"] if len(left_out) > len(shown) else []
    return f"Cut to what Slack takes: {', '.join([*shown, *more])} left out. {where}"
