"""Texts as Slack takes them: without what it would read as markup, and cut where nobody notices."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final, cast

_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_JOINER: Final = "\u200d"
_LONGEST_CLUSTER: Final = 64
"""Characters that may hang together; text that is made to have more is cut anywhere."""


def clean(value: Any) -> Any:
    """Return a text that is valid UTF-8 and has no control character; also inside lists and dicts."""
    if isinstance(value, str):
        return _CONTROLS.sub("\ufffd", value.replace("\r\n", "\n").replace("\r", "\n"))
    if isinstance(value, dict):
        return {clean(name): clean(item) for name, item in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [clean(item) for item in cast("list[Any]", value)]
    return value


def escape(text: str) -> str:
    """Return a text in which nothing is a mention, a link or an entity; Slack's page "Formatting text"."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def size(text: str) -> int:
    """Return how long a text counts: in UTF-16 units, which is never less than any way Slack may count."""
    return len(text) + sum(1 for character in text if character > "\uffff")


def cut(text: str, most: int, *, escaped: bool = False) -> tuple[str, int]:
    """Return the beginning of a text, and how many characters were left out.

    It is cut between two characters as people see them: never inside an emoji, a flag, or a letter and its
    accents. Cut text ends with an ellipsis.

    Args:
        text: Not escaped.
        most: How long it may be, as `size` counts.
        escaped: Whether what counts is the escaped text.
    """
    if _fits(text, most, escaped=escaped):
        return text, 0
    room, end = most - 1, 0
    for character in text[:most]:  # a longer beginning does not fit
        room -= _weight(character, escaped=escaped)
        if room < 0:
            break
        end += 1
    end = _boundary(text, end)
    return text[:end] + "…", len(text) - end


def cut_middle(text: str, most: int) -> tuple[str, int]:
    """Return the beginning and the end of a text, and how many characters were left out between them.

    The end gets two thirds: it is where a log says what went wrong.
    """
    if _fits(text, most, escaped=False):
        return text, 0
    head = cut(text, most // 3)[0].removesuffix("…")
    room, start = most - size(head) - 40, len(text)
    while room > 0 and start > len(head):
        start -= 1
        room -= size(text[start])
    start += room < 0
    while start < len(text) and _hangs_together(text, start):
        start += 1
    left_out = start - len(head)
    return f"{head}\n… {left_out:,} characters …\n{text[start:]}", left_out


def _fits(text: str, most: int, *, escaped: bool) -> bool:
    return len(text) <= most and size(escape(text) if escaped else text) <= most


def _weight(character: str, *, escaped: bool) -> int:
    return size(escape(character) if escaped else character)


def _boundary(text: str, end: int) -> int:
    """Return the last place, at or before `end`, between two characters as people see them."""
    place = end
    while place > max(0, end - _LONGEST_CLUSTER):
        if not _hangs_together(text, place):
            return place
        place -= 1
    return end if place else 0


def _hangs_together(text: str, place: int) -> bool:
    """Whether what stands before and after a place is one character to people."""
    if place >= len(text):
        return False
    before, after = text[place - 1], text[place]
    if before == _JOINER or after == _JOINER or _extends(after):
        return True
    if before == "\r" and after == "\n":
        return True
    return _is_flag(before) and _is_flag(after) and _flags_before(text, place) % 2 == 1


def _extends(character: str) -> bool:
    """Whether a character belongs to the one before it: an accent, a variation, a skin tone, a tag."""
    number = ord(character)
    return (
        unicodedata.category(character) in ("Mn", "Me", "Mc")
        or 0x1F3FB <= number <= 0x1F3FF
        or 0xE0020 <= number <= 0xE007F
        or 0x1160 <= number <= 0x11FF  # vowels and ends of Hangul syllables
    )


def _is_flag(character: str) -> bool:
    return 0x1F1E6 <= ord(character) <= 0x1F1FF


def _flags_before(text: str, place: int) -> int:
    count = 0
    while count < place and _is_flag(text[place - 1 - count]):
        count += 1
    return count
