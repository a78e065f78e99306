"""Are blocks what Slack takes? The rules of its reference "Block Kit", one for each kind of block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from longshore_slack.testing.elements import check_element
from longshore_slack.testing.objects import Check, at, items_of, length, listed, text_object

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore_slack.testing.answers import Json

_MOST: Final = 50
_MOST_TEXT: Final = 13_200
"""Characters in all; not documented, seen from some 13,200 on (slackapi/bolt-js issue 2509)."""
_INLINE: Final = {
    "text": "text", "link": "url", "emoji": "name", "user": "user_id", "usergroup": "usergroup_id",
    "channel": "channel_id", "broadcast": "range", "color": "value", "date": "format", "team": "team_id",
}  # fmt: skip
"""Elements of rich text, and what each of them needs."""


def check_blocks(blocks: list[Any], pointer: str = "/blocks") -> list[str]:
    """Return what is wrong with the blocks of a message, as `response_metadata.messages` has it."""
    check = Check()
    if len(blocks) > _MOST:
        check.wrong(f"no more than {_MOST} items allowed", pointer)
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        where = f"{pointer}/{index}"
        if not isinstance(block, dict):
            check.wrong("must be an object", where)
            continue
        known = cast("Json", block)
        _check_block(check, known, where)
        _check_id(check, known, where, seen)
    return check.messages


def too_long(blocks: list[Any]) -> bool:
    """Whether the texts of all blocks together are too long (`msg_blocks_too_long`)."""
    return sum(map(_size, blocks)) > _MOST_TEXT


def _size(value: Any) -> int:
    if isinstance(value, dict):
        known = cast("Json", value)
        return sum(length(one) if isinstance(one, str) else _size(one) for one in known.values())
    return sum(_size(one) for one in items_of(value))


def _check_id(check: Check, block: Json, where: str, seen: set[str]) -> None:
    found = block.get("block_id")
    if found is None:
        return
    check.text(block, "block_id", where, 255)
    if str(found) in seen:
        check.wrong(f"`block_id` {found} already exists", at(where, "block_id"))
    seen.add(str(found))


def _check_block(check: Check, block: Json, where: str) -> None:
    kind = block.get("type")
    if not isinstance(kind, str):
        check.missing("type", where)
        return
    rules = _RULES.get(kind)
    if rules is None:
        check.wrong(f"unsupported type: {kind}", at(where, "type"))
        return
    names, rule = rules
    for name in block.keys() - {"type", "block_id", *names}:
        check.wrong("no additional properties allowed: " + name, where)
    rule(check, block, where)


def _section(check: Check, block: Json, where: str) -> None:
    if "text" not in block and "fields" not in block:
        check.missing("text", where)
    if "text" in block:
        text_object(check, block["text"], at(where, "text"), 3_000)
    for field, place in listed(check, block, "fields", where, 10):
        text_object(check, field, place, 2_000)
    if "accessory" in block:
        check_element(check, block["accessory"], at(where, "accessory"))


def _header(check: Check, block: Json, where: str) -> None:
    text_object(check, block.get("text"), at(where, "text"), 150, only="plain_text")


def _context(check: Check, block: Json, where: str) -> None:
    for element, place in listed(check, block, "elements", where, 10, needed=True):
        if isinstance(element, dict) and cast("Json", element).get("type") == "image":
            check_element(check, element, place)
        else:
            text_object(check, element, place, 2_000)


def _actions(check: Check, block: Json, where: str) -> None:
    ids: set[str] = set()
    for element, place in listed(check, block, "elements", where, 25, needed=True):
        check_element(check, element, place)
        found = cast("Json", element).get("action_id") if isinstance(element, dict) else None
        if found is not None and str(found) in ids:
            check.wrong(f"`action_id` {found} already exists", at(place, "action_id"))
        ids.add(str(found))


def _image(check: Check, block: Json, where: str) -> None:
    check_element(check, {name: one for name, one in block.items() if name != "title"}, where)
    if "title" in block:
        text_object(check, block["title"], at(where, "title"), 2_000, only="plain_text")


def _divider(_check: Check, _block: Json, _where: str) -> None:
    """Take it: it has nothing in it."""


def _markdown(check: Check, block: Json, where: str) -> None:
    check.text(block, "text", where, 12_000, needed=True)


def _rich_text(check: Check, block: Json, where: str) -> None:
    for element, place in listed(check, block, "elements", where, 0, needed=True):
        _rich_part(check, element, place)


def _rich_part(check: Check, element: Any, where: str) -> None:
    kind = cast("Json", element).get("type") if isinstance(element, dict) else None
    if kind == "rich_text_list":
        for inner, place in listed(check, element, "elements", where, 0, needed=True):
            _rich_part(check, inner, place)
    elif kind in ("rich_text_section", "rich_text_preformatted", "rich_text_quote"):
        for inner, place in listed(check, element, "elements", where, 0, needed=True):
            _inline(check, inner, place)
    else:
        check.wrong(f"unsupported type: {kind}", at(where, "type"))


def _inline(check: Check, element: Any, where: str) -> None:
    known: Json = cast("Json", element) if isinstance(element, dict) else {}
    kind = known.get("type")
    if not isinstance(kind, str) or kind not in _INLINE:
        check.wrong(f"unsupported type: {kind}", at(where, "type"))
    elif _INLINE[kind]:
        check.text(known, _INLINE[kind], where, _MOST_TEXT, needed=True)


_RULES: Final[dict[str, tuple[tuple[str, ...], Callable[[Check, Json, str], None]]]] = {
    "section": (("text", "fields", "accessory", "expand"), _section),
    "header": (("text",), _header),
    "context": (("elements",), _context),
    "actions": (("elements",), _actions),
    "image": (("image_url", "slack_file", "alt_text", "title"), _image),
    "divider": ((), _divider),
    "markdown": (("text",), _markdown),
    "rich_text": (("elements",), _rich_text),
}
