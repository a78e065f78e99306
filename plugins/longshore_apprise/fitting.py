"""How much a service takes, and what is left out of a message that is longer."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any, Final

_MARGIN: Final = 16
"""Characters that Apprise puts around a title that becomes a part of the body."""
_LEAST: Final = 40


@dataclass(frozen=True, slots=True)
class Fitted:
    """A body that a service takes.

    Args:
        body: The body.
        left_out: How many characters of the given one are not in it.
    """

    body: str
    left_out: int = 0


def room_of(service: Any, title: str) -> int:
    """Return how many characters of body a service takes beside a title."""
    room = int(service.body_maxlen) - int(getattr(service, "overflow_buffer", 0))
    if service.title_maxlen <= 0 or getattr(service, "overflow_amalgamate_title", False):
        room -= len(title) + _MARGIN
    return max(room, _LEAST)


def fit(service: Any, title: str, head: str, tail: str = "") -> Fitted:
    """Return the head of a body and the end of its tail, with a note between them of what is left out.

    Args:
        service: The service.
        title: What is sent beside it.
        head: What is kept as long as it fits, from its beginning.
        tail: What may be cut, from its beginning: the end of a log says more.
    """
    room = room_of(service, title)
    whole = f"{head}\n\n{tail}" if tail else head
    if _size(service, whole) <= room and _lines_fit(service, whole):
        return Fitted(whole)
    if not _lines_fit(service, whole):
        lines = whole.split("\n")[: service.body_max_line_count - 1]
        head, tail = "\n".join(lines), ""
    return _cut(service, head, tail, room, len(whole))


def _cut(service: Any, head: str, tail: str, room: int, whole: int) -> Fitted:
    """Shrink until what the service makes of it fits; what is escaped grows."""
    keep = room
    while True:
        first = head[:keep]
        last = tail[len(tail) - max(0, keep - len(first)) :] if tail else ""
        left_out = whole - len(first) - len(last)
        note = f"[… {left_out:,} characters are left out, as the service takes {room:,} …]"
        body = f"{first}\n{note}\n{last}" if last else f"{first}\n{note}"
        over = _size(service, body) - room
        if over <= 0 or not keep:
            return Fitted(body, left_out)
        keep = max(0, min(keep - 1, keep - over // 6))


def _size(service: Any, body: str) -> int:
    """Return about how long a body becomes when a service shows it in its own format."""
    formats = service.notify_format
    first = formats if isinstance(formats, str) else next(iter(formats), "text")
    if str(getattr(first, "value", first)) != "html":
        return len(body)
    return len(escape(body)) + 5 * body.count("\n")


def _lines_fit(service: Any, body: str) -> bool:
    most = int(getattr(service, "body_max_line_count", 0))
    return most <= 0 or body.count("\n") < most
