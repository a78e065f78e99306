"""What a task posts: a text or blocks, made to fit, with the whole of it as a file where something is cut."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from longshore import ConfigurationError
from longshore_slack import limits
from longshore_slack.blocks import note_block
from longshore_slack.files import Source
from longshore_slack.texts import clean, cut, escape

if TYPE_CHECKING:
    from collections.abc import Sequence

Blocks: TypeAlias = "Sequence[Any]"
"""Block Kit: dicts as Slack documents them, or the SDK's own models."""
LONGEST: Final = 39_000
"""Characters of a text; Slack cuts what is longer than 40,000 without a word."""
LONGEST_UPDATE: Final = 3_800
"""The same for a message that is changed, of which Slack takes 4,000."""


@dataclass(frozen=True, slots=True)
class Content:
    """What is posted.

    Attributes:
        text: What is shown, or, beside blocks, what a notification shows.
        blocks: None for a text alone.
        whole: The whole of it, where something was cut.
        left_out: What was cut.
    """

    text: str
    blocks: list[dict[str, Any]] | None = None
    whole: Source | None = None
    left_out: tuple[str, ...] = ()

    def noted(self, where: str) -> Content:
        """Return it with a note on what was cut, and where the whole of it is."""
        if not self.left_out:
            return self
        note = limits.said(list(self.left_out), where)
        if self.blocks is not None:
            return Content(self.text, [*self.blocks, note_block(note)])
        return Content(f"{self.text}\n{escape(note)}")


def make_content(
    text: str, blocks: Blocks | None, *, escaped: bool, mention: str = "", longest: int = LONGEST
) -> Content:
    """Return what is posted.

    Args:
        text: As it was given.
        blocks: As they were given.
        escaped: Whether nothing in the text is a mention or a link.
        mention: Slack's own markup, which goes before the text.
        longest: How long the text may be.

    Raises:
        ConfigurationError: There is nothing to post.
    """
    text = clean(text)
    if not text.strip() and not blocks:
        raise ConfigurationError("cannot post nothing to Slack: give a text or blocks")
    if blocks:
        return _of_blocks(text, [_as_dict(block) for block in blocks], escaped, mention)
    kept, missing = cut(text, longest, escaped=escaped)
    shown = " ".join(filter(None, [mention, escape(kept) if escaped else kept]))
    if not missing:
        return Content(shown)
    return Content(
        shown, None, Source(text.encode(), "message.txt", "The whole text"), (f"{missing:,} characters",)
    )


def _of_blocks(text: str, given: list[dict[str, Any]], escaped: bool, mention: str) -> Content:
    whole = json.dumps(given, ensure_ascii=False, indent=1).encode()
    if mention:
        called = {"type": "section", "text": {"type": "mrkdwn", "text": mention, "verbatim": True}}
        given = [called, *given]
    blocks, left_out = limits.fit_blocks(given)
    said = text or " ".join(_texts(given))
    kept = cut(said, limits.TEXT, escaped=True)[0]
    # A text of blocks may hold what is plain there and would be markup here.
    shown = kept if text and not escaped else escape(kept)
    source = Source(whole, "blocks.json", "All blocks") if left_out else None
    return Content(shown or "-", blocks, source, tuple(left_out))


def _as_dict(block: Any) -> dict[str, Any]:
    to_dict = getattr(block, "to_dict", None)
    made = to_dict() if callable(to_dict) else block
    given = cast("dict[str, Any]", made) if isinstance(made, dict) else {}
    if not isinstance(given.get("type"), str):
        raise ConfigurationError(
            f"cannot post a {type(block).__name__} as a block; give a dict with a type, or slack_sdk's models"
        )
    return cast("dict[str, Any]", clean(given))


def _texts(value: Any) -> list[str]:
    """Return the texts that stand in blocks, in their order."""
    if isinstance(value, list):
        return [text for item in cast("list[Any]", value) for text in _texts(item)]
    if not isinstance(value, dict):
        return []
    given = cast("dict[str, Any]", value)
    own = given.get("text")
    if isinstance(own, str):
        return [own]
    return [text for name, item in given.items() if name != "accessory" for text in _texts(item)]
