"""A message of an alert as the text and the HTML of a mail; nothing in it becomes markup."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, Final

from longshore_email.addresses import as_line
from longshore_email.mails import Attachment, as_text

if TYPE_CHECKING:
    from longshore import Detail, Message

LONGEST_SUBJECT: Final = 200
_LONGEST_VALUE: Final = 2_000
_LONGEST_DETAIL: Final = 10_000
"""Characters of a long text in the body; mail readers become slow, and some cut at 100 kB."""
_MOST_FIELDS: Final = 50
_MOST_DETAILS: Final = 20
_LONGEST_FILE: Final = 2_000_000
_FILE: Final = "alert.txt"
_COLORS: Final = {"info": "#2e7d32", "warning": "#b26a00", "error": "#c62828", "critical": "#8e0000"}


def subject_of(message: Message) -> str:
    """Return the title as a subject."""
    return _cut(as_line(message.title), LONGEST_SUBJECT)


def fitted(message: Message) -> tuple[Message, tuple[Attachment, ...]]:
    """Return a message that a mail can hold, and all of it in a file if it had to be cut."""
    short = replace(
        message,
        title=_cut(as_line(message.title), _LONGEST_VALUE),
        text=_cut(message.text, _LONGEST_VALUE),
        fields=tuple((_cut(n, 100), _cut(v, _LONGEST_VALUE)) for n, v in message.fields[:_MOST_FIELDS]),
        details=tuple(_cut_detail(detail) for detail in message.details[:_MOST_DETAILS]),
    )
    if short == replace(message, title=as_line(message.title)):
        return short, ()
    note = f"Parts of this were too long for a mail and are cut; all of it is attached as {_FILE}."
    return replace(short, notes=(*message.notes, note)), (Attachment(_FILE, _whole(message)),)


def html_of(message: Message) -> str:
    """Return a message as HTML."""
    color = _COLORS.get(message.severity, _COLORS["error"])
    rows = "".join(
        f"<tr><th {_NAME}>{_shown(n)}</th><td {_CELL}>{_shown(v)}</td></tr>" for n, v in message.fields
    )
    parts = [
        f'<h2 style="color:{color};{_TITLE}">{_shown(f"{message.mark} {message.title}")}</h2>',
        f"<p>{_shown(message.text)}</p>" if message.text else "",
        f'<table style="border-collapse:collapse">{rows}</table>' if rows else "",
        f"<p>{_link(message.link)}</p>" if message.link else "",
        *(f"<p><em>{_shown(note)}</em></p>" for note in message.notes),
        *(f"<h3 {_SMALL}>{_shown(d.title)}</h3><pre {_PRE}>{_shown(d.text)}</pre>" for d in message.details),
    ]
    body = "\n".join(filter(None, parts))
    return f"{_HEAD}\n<body {_BODY}>\n{body}\n</body></html>\n"


_HEAD: Final = '<!DOCTYPE html>\n<html><head><meta charset="utf-8"></head>'
_TITLE: Final = "font-size:18px;margin:0 0 8px"
_BODY: Final = 'style="font-family:sans-serif;font-size:14px;color:#222"'
_NAME: Final = (
    'style="text-align:left;vertical-align:top;padding:2px 12px 2px 0;font-weight:normal;color:#666"'
)
_CELL: Final = 'style="padding:2px 0"'
_SMALL: Final = 'style="font-size:14px;margin:12px 0 4px"'
_PRE: Final = 'style="background:#f5f5f5;padding:8px;white-space:pre-wrap;font-size:12px"'


def _shown(text: str) -> str:
    return escape(as_text(text))


def _link(link: str) -> str:
    """Return a link that can be followed, if it leads to a page and nowhere else."""
    shown = _shown(link)
    return f'<a href="{shown}">{shown}</a>' if link.startswith(("https://", "http://")) else shown


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _cut_detail(detail: Detail) -> Detail:
    """Keep the end of a long text: of a log, that is where it failed."""
    left = len(detail.text) - _LONGEST_DETAIL
    if left <= 0:
        return detail
    return replace(
        detail, text=f"… {left:,} characters before this are left out here …\n{detail.text[left:]}"
    )


def _whole(message: Message) -> str:
    text = message.plain
    left = len(text) - _LONGEST_FILE
    if left <= 0:
        return text
    half = _LONGEST_FILE // 2
    return f"{text[:half]}\n… {left:,} characters are left out …\n{text[-half:]}"
