"""The blocks of a message as lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from longshore_slack.testing.markup import Markup, code, columns, wrapped
from longshore_slack.testing.objects import items_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from longshore_slack.testing.answers import Json
    from longshore_slack.testing.workspaces import Posted

_GAP: Final = 3


def laid_out(message: Posted, markup: Markup, width: int) -> Iterator[str]:
    """Yield the lines of a message; its text only where it has no blocks, as Slack shows it."""
    if message.blocks:
        yield from _blocks(message.blocks, markup, width)
    elif message.text:
        yield from markup.lines(message.text, width)
    for attachment in message.attachments:
        for line in _attachment(attachment, markup, width - 2):
            yield f"▌ {line}"


def _blocks(blocks: list[Json], markup: Markup, width: int) -> Iterator[str]:
    for index, block in enumerate(blocks):
        kind = block["type"]
        lines = _SHOWN[kind](block, markup, width)
        if index and kind in ("header", "section") and blocks[index - 1]["type"] != "header":
            yield ""
        yield from lines


def _attachment(attachment: Json, markup: Markup, width: int) -> Iterator[str]:
    for name in ("pretext", "author_name", "title", "text"):
        if attachment.get(name):
            yield from markup.lines(str(attachment[name]), width)
    fields = [f"{one.get('title', '')}\n{one.get('value', '')}" for one in attachment.get("fields", [])]
    yield from _pairs(fields, markup, width)
    yield from _blocks(attachment.get("blocks", []), markup, width)
    if attachment.get("footer"):
        yield from markup.lines(str(attachment["footer"]), width)


def _text(value: Json, markup: Markup, width: int) -> list[str]:
    if value["type"] == "mrkdwn":
        return markup.lines(value["text"], width)
    return wrapped(value["text"], width)


def _header(block: Json, _markup: Markup, width: int) -> Iterator[str]:
    lines = wrapped(block["text"]["text"], width)
    yield from lines
    yield "━" * max(map(columns, lines))


def _section(block: Json, markup: Markup, width: int) -> Iterator[str]:
    if "text" in block:
        yield from _text(block["text"], markup, width)
    yield from _pairs([_flat(one, markup) for one in items_of(block.get("fields"))], None, width)
    if "accessory" in block:
        yield _element(block["accessory"], markup)


def _flat(value: Json, markup: Markup) -> str:
    return markup.read(value["text"]) if value["type"] == "mrkdwn" else str(value["text"])


def _pairs(texts: list[str], markup: Markup | None, width: int) -> Iterator[str]:
    """Yield texts in two columns."""
    room = (width - _GAP) // 2
    read = [markup.read(text) if markup else text for text in texts]
    for left, right in zip(read[::2], [*read[1::2], ""], strict=False):
        pair = wrapped(left, room), wrapped(right, room)
        for row in range(max(map(len, pair))):
            one, two = (side[row] if row < len(side) else "" for side in pair)
            yield one + " " * (room + _GAP - columns(one)) + two


def _context(block: Json, markup: Markup, width: int) -> Iterator[str]:
    texts = [
        f"[image: {one['alt_text']}]" if one["type"] == "image" else _flat(one, markup)
        for one in block["elements"]
    ]
    yield from wrapped(" · ".join(texts), width)


def _divider(_block: Json, _markup: Markup, width: int) -> Iterator[str]:
    yield "─" * width


def _actions(block: Json, markup: Markup, width: int) -> Iterator[str]:
    yield from wrapped("  ".join(_element(one, markup) for one in block["elements"]), width)


def _element(element: Json, markup: Markup) -> str:
    if element["type"] == "image":
        return f"[image: {element['alt_text']}]"
    label: Json = element.get("text") or element.get("placeholder") or {"type": "plain_text", "text": "…"}
    link = f" ({element['url']})" if element.get("url") else ""
    return f"[ {_flat(label, markup)} ]{link}"


def _image(block: Json, _markup: Markup, _width: int) -> Iterator[str]:
    yield f"[image: {block['alt_text']}]"


def _markdown(block: Json, markup: Markup, width: int) -> Iterator[str]:
    yield from markup.lines(block["text"], width)


def _rich_text(block: Json, markup: Markup, width: int) -> Iterator[str]:
    for element in block["elements"]:
        yield from _rich(element, markup, width)


def _rich(element: Json, markup: Markup, width: int) -> Iterator[str]:
    kind = element["type"]
    if kind == "rich_text_list":
        for number, one in enumerate(element["elements"], 1):
            sign = f"{number}. " if element.get("style") == "ordered" else "• "
            first, *rest = wrapped(_inline(one["elements"], markup), width - len(sign))
            yield sign + first
            yield from (" " * len(sign) + line for line in rest)
        return
    text = _inline(element["elements"], markup).strip("\n")
    if kind == "rich_text_preformatted":
        yield from code(text, width)
    elif kind == "rich_text_quote":
        yield from (f"▌ {line}" for line in wrapped(text, width - 2))
    else:
        yield from wrapped(text, width)


def _inline(elements: list[Json], markup: Markup) -> str:
    return "".join(_piece(one, markup) for one in elements)


def _piece(element: Json, markup: Markup) -> str:
    kind = element["type"]
    if kind == "link":
        return f"{element['text']} ({element['url']})" if element.get("text") else str(element["url"])
    named: dict[str, Callable[[], Any]] = {
        "text": lambda: element["text"],
        "emoji": lambda: f":{element['name']}:",
        "user": lambda: f"@{markup.user(element['user_id'])}",
        "usergroup": lambda: f"@{markup.group(element['usergroup_id'])}",
        "broadcast": lambda: f"@{element['range']}",
        "channel": lambda: markup.read(f"<#{element['channel_id']}>"),
    }
    return str(named.get(kind, lambda: element.get("fallback", ""))())


_SHOWN: Final[dict[str, Callable[[Json, Markup, int], Iterator[str]]]] = {
    "header": _header,
    "section": _section,
    "context": _context,
    "divider": _divider,
    "actions": _actions,
    "image": _image,
    "markdown": _markdown,
    "rich_text": _rich_text,
}
