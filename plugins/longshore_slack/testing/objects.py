"""What the checks of blocks are made of: texts with a limit, lists with a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from longshore_slack.testing.answers import Json


class Check:
    """Collects what is wrong."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def wrong(self, what: str, pointer: str) -> None:
        """Note what is wrong where."""
        self.messages.append(f"[ERROR] {what} [json-pointer:{pointer}]")

    def missing(self, name: str, pointer: str) -> None:
        """Note what is missing."""
        self.wrong(f"missing required field: {name}", pointer)

    def text(self, holder: Json, name: str, where: str, most: int, *, needed: bool = False) -> None:
        """Look at a field that is text."""
        found = holder.get(name)
        if found is None:
            if needed:
                self.missing(name, where)
        elif not isinstance(found, str):
            self.wrong("must be a string", at(where, name))
        elif needed and not found:
            self.wrong("must be more than 0 characters", at(where, name))
        elif length(found) > most:
            self.wrong(f"must be less than {most + 1} characters", at(where, name))


def items_of(value: object) -> list[Any]:
    """Return a list; empty for what is none."""
    is_list = isinstance(value, list)
    return cast("list[Any]", value) if is_list else []


def at(where: str, name: str) -> str:
    """Return the pointer to a field."""
    return f"{where}/{name}"


def length(text: str) -> int:
    """Return how long a text is for Slack, which counts as JavaScript does: an emoji is two."""
    return len(text.encode("utf-16-le")) // 2


def text_object(check: Check, value: Any, where: str, most: int, *, only: str = "") -> None:
    """Look at a text object ("Text object", Block Kit reference)."""
    if not isinstance(value, dict):
        check.wrong("must provide an object", where)
        return
    found = cast("Json", value)
    kind = found.get("type")
    allowed = (only,) if only else ("plain_text", "mrkdwn")
    if kind not in allowed:
        check.wrong(f"must be a valid enum value: {', '.join(allowed)}", at(where, "type"))
        return
    named = {"plain_text": {"emoji"}, "mrkdwn": {"verbatim"}}[str(kind)]
    for name in found.keys() - {"type", "text"} - named:
        check.wrong(f"no additional properties allowed: {name}", where)
    check.text(found, "text", where, most, needed=True)


def listed(
    check: Check, holder: Any, name: str, where: str, most: int, *, needed: bool = False
) -> Iterator[tuple[Any, str]]:
    """Yield the items of a list, each with its pointer; 0 for no most."""
    found = cast("Json", holder).get(name)
    if found is None:
        if needed:
            check.missing(name, where)
        return
    items = items_of(found)
    if not items:
        check.wrong("must be a list of at least 1 item", at(where, name))
    if most and len(items) > most:
        check.wrong(f"no more than {most} items allowed", at(where, name))
    for index, item in enumerate(items):
        yield item, f"{where}/{name}/{index}"
