"""Who a message calls: everything that Slack would take for a mention."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, cast

from longshore_slack.testing.objects import items_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from longshore_slack.testing.answers import Json

_MENTION: Final = re.compile(
    r"<!(?:channel|here|everyone)(?:\|[^<>]*)?>|<@[UW][A-Z0-9]+(?:\|[^<>]*)?>"
    r"|<!subteam\^S[A-Z0-9]+(?:\|[^<>]*)?>"
)
_NAME: Final = re.compile(r"(?<![\w.@])@(channel|here|everyone)\b")
_MARKUP: Final = ("mrkdwn", "markdown")


def mentions(text: str, blocks: list[Json], attachments: list[Json], *, names: bool) -> tuple[str, ...]:
    """Return the mentions of a message, each once.

    Those in `text` count beside blocks too, where Slack shows it in notifications only.

    Args:
        text: Of the message.
        blocks: Of the message.
        attachments: Of the message.
        names: Whether plain names, `@here`, are taken for mentions (`link_names`, `parse=full`).
    """
    found: list[str] = []
    for one in (text, *_texts(blocks), *_attached(attachments)):
        found += (re.sub(r"\|.*>", ">", mention) for mention in _MENTION.findall(one))
        if names:
            found += (f"<!{name}>" for name in _NAME.findall(one))
    return tuple(dict.fromkeys(found))


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts of blocks in which mentions count."""
    for one in items_of(value):
        yield from _texts(one)
    if isinstance(value, dict):
        block = cast("Json", value)
        kind = block.get("type")
        if kind in _MARKUP:
            yield str(block.get("text", ""))
        elif kind in ("broadcast", "user", "usergroup"):
            yield _element(block)
        else:
            for one in block.values():
                yield from _texts(one)


def _element(element: Json) -> str:
    """Return an element of rich text that calls somebody as markup."""
    if element["type"] == "broadcast":
        return f"<!{element.get('range')}>"
    if element["type"] == "user":
        return f"<@{element.get('user_id')}>"
    return f"<!subteam^{element.get('usergroup_id')}>"


def _attached(attachments: list[Json]) -> Iterator[str]:
    for one in attachments:
        yield from (str(one.get(name, "")) for name in ("pretext", "text", "fallback"))
        yield from (str(field.get("value", "")) for field in one.get("fields", []))
        yield from _texts(one.get("blocks", []))
