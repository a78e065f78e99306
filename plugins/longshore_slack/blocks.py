"""From a `Message` to Block Kit, by the SDK's own models; nothing in a message is markup."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from longshore import require
from longshore_slack import limits
from longshore_slack.texts import clean, cut, cut_middle, escape, size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from longshore import Detail, Message

_MOST_FIELDS: Final = 30
_MOST_DETAILS: Final = 12
_LONGEST_DETAIL: Final = 3_000
_SHORTEST_DETAIL: Final = 300
_LONGEST_FIELD: Final = 1_200
_LONGEST_NAME: Final = 100
_ROOM: Final = limits.WHOLE - 4_000
"""Characters for all but the title and the notes."""


@dataclass(slots=True)
class Layout:
    """A message as Slack takes it.

    Attributes:
        blocks: What is shown.
        text: What a notification shows, escaped.
        left_out: What did not fit.
    """

    blocks: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    text: str = ""
    left_out: list[str] = field(default_factory=list[str])


def lay_out(message: Message, *, mention: str = "", where: str = "", notes: tuple[str, ...] = ()) -> Layout:
    """Return a message as Slack takes it.

    Args:
        message: What to show.
        mention: Slack's own markup, `<!here>`, the only one that is taken as such.
        where: Where the whole text is, for the note that something was cut.
        notes: What else is to be known of the message.
    """
    return _Layouter(message).lay_out(mention, where, notes)


class _Layouter:
    def __init__(self, message: Message) -> None:
        self._message = message
        self._models: Any = require("slack_sdk.models.blocks", extra="slack")
        self._layout = Layout()
        self._room = _ROOM

    def lay_out(self, mention: str, where: str, notes: tuple[str, ...]) -> Layout:
        message, layout = self._message, self._layout
        layout.text = self._summary()
        self._add(self._header())
        if mention:
            self._add(self._section(mention))
        if message.text.strip():
            self._add(self._error_line())
        for block in (*self._fields(), *self._link(), *self._details()):
            self._add(block)
        said = (*message.notes, *notes)
        if any(note.strip() for note in said):
            self._add(self._context(said))
        if layout.left_out:
            layout.blocks.append(note_block(limits.said(layout.left_out, where)))
        return layout

    def _add(self, block: Any) -> None:
        shown: dict[str, Any] = block.to_dict()  # checks the models' own limits
        self._layout.blocks.append(shown)

    def _fit(self, text: str, most: int, what: str, *, escaped: bool = False) -> str:
        """Return a text that is short enough; note what is left out of it."""
        kept, missing = cut(clean(text).strip(), most, escaped=escaped)
        if missing:
            self._layout.left_out.append(f"{missing:,} characters of the {what}")
        return kept

    def _plain(self, text: str) -> Any:
        return self._models.PlainTextObject(text=text, emoji=False)

    def _section(self, markup: str) -> Any:
        return self._models.SectionBlock(text=self._models.MarkdownTextObject(text=markup, verbatim=True))

    def _summary(self) -> str:
        title, text = clean(self._message.title), clean(self._message.text)
        line = " ".join(f"{self._message.mark} {title}{': ' if text else ''}{text}".split())
        return escape(cut(line, limits.TEXT, escaped=True)[0])

    def _header(self) -> Any:
        title = " ".join(f"{self._message.mark} {self._message.title}".split())
        text = self._plain(self._fit(title, limits.HEADER, "title"))
        return self._models.HeaderBlock(text=text, block_id=block_id(self._message))

    def _error_line(self) -> Any:
        text = self._fit(self._message.text, limits.SECTION, "text")
        self._room -= size(text)
        return self._models.SectionBlock(text=self._plain(text))

    def _fields(self) -> Iterator[Any]:
        given = [(name, value) for name, value in self._message.fields if name.strip() or value.strip()]
        shown: list[Any] = []
        room = self._room // 2
        for name, value in given[:_MOST_FIELDS]:
            made = self._field(name, value)
            room -= size(made)
            if room < 0:  # details need some as well
                break
            self._room -= size(made)
            shown.append(self._models.MarkdownTextObject(text=made, verbatim=True))
        if len(shown) < len(given):
            self._layout.left_out.insert(0, f"{len(given) - len(shown):,} of {len(given):,} fields")
        for start in range(0, len(shown), limits.FIELDS):
            yield self._models.SectionBlock(fields=shown[start : start + limits.FIELDS])

    def _field(self, name: str, value: str) -> str:
        short = (
            escape(cut(clean(name).strip() or "-", _LONGEST_NAME)[0])
            .replace("*", "\u2217")
            .replace("\n", " ")
        )
        most = _LONGEST_FIELD - size(short)
        return f"*{short}*\n{escape(self._fit(value or '-', most, f'field {name[:40]!r}', escaped=True))}"

    def _link(self) -> Iterator[Any]:
        link = clean(self._message.link).strip()
        if not link:
            return
        shown = _as_link(link)
        self._room -= min(size(shown or link), limits.SECTION)
        if shown and size(shown) <= limits.SECTION:
            yield self._section(shown)
        else:
            yield self._models.SectionBlock(text=self._plain(self._fit(link, limits.SECTION, "link")))

    def _details(self) -> Iterator[Any]:
        given = [detail for detail in self._message.details if detail.text.strip() or detail.title.strip()]
        shown = given[: min(_MOST_DETAILS, max(1, self._room // _SHORTEST_DETAIL))]
        for place, detail in enumerate(shown):
            # What is short leaves its room to those that follow.
            yield self._detail(detail, min(_LONGEST_DETAIL, self._room // (len(shown) - place)))
        if len(shown) < len(given):
            self._layout.left_out.insert(0, f"{len(given) - len(shown):,} of {len(given):,} details")

    def _detail(self, detail: Detail, room: int) -> Any:
        parts = self._models
        elements: list[Any] = []
        title = cut(clean(detail.title).strip(), _LONGEST_NAME)[0]
        if title:
            bold = parts.RichTextElementParts.Text(
                text=title, style=parts.RichTextElementParts.TextStyle(bold=True)
            )
            elements.append(parts.RichTextSectionElement(elements=[bold]))
        text, missing = cut_middle(clean(detail.text).strip("\n"), room - size(title))
        if missing:
            self._layout.left_out.append(f"{missing:,} characters of {title!r}")
        if text.strip():
            line = parts.RichTextElementParts.Text(text=text)
            elements.append(parts.RichTextPreformattedElement(elements=[line]))
        self._room -= size(title) + size(text)
        return parts.RichTextBlock(elements=elements)

    def _context(self, notes: tuple[str, ...]) -> Any:
        kept = [note for note in map(clean, notes) if note.strip()]
        if len(kept) > limits.CONTEXT:
            kept = [*kept[: limits.CONTEXT - 1], " ".join(kept[limits.CONTEXT - 1 :])]
        longest = min(limits.CONTEXT_TEXT, 1_500 // len(kept))
        return self._models.ContextBlock(elements=[self._plain(cut(note, longest)[0]) for note in kept])


def block_id(message: Message) -> str:
    """Return what the first block of a message is called, and no other message's."""
    return f"longshore-{hashlib.sha256(clean(message.key).encode()).hexdigest()[:40]}"


def _as_link(link: str) -> str:
    """Return Slack's markup for a link; empty for what is none."""
    try:
        usable = urlsplit(link).scheme in ("http", "https") and not any(c.isspace() for c in link)
    except ValueError:
        usable = False
    if not usable:
        return ""
    return f"<{escape(quote(link, safe=_SAFE))}|Look at it>"


_SAFE: Final = "%/:?#[]@!$&'()*+,;=-._~"


def note_block(note: str) -> dict[str, Any]:
    """Return a block with one note."""
    models: Any = require("slack_sdk.models.blocks", extra="slack")
    plain = models.PlainTextObject(text=cut(clean(note), limits.CONTEXT_TEXT)[0], emoji=False)
    block: dict[str, Any] = models.ContextBlock(elements=[plain]).to_dict()
    return block
