"""What a channel is to show, and where it has shown it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Severity: TypeAlias = Literal["info", "warning", "error", "critical"]
SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "error", "critical")
"""From the least to the most."""


_BY_WORD: Final[dict[str, Severity]] = {severity: severity for severity in SEVERITIES}


def as_severity(word: str) -> Severity:
    """Return a severity by its word; `error` for any other word."""
    return _BY_WORD.get(word, "error")


_MARKS: Final = {
    "failed": "✖",
    "retrying": "↻",
    "late": "⏳",
    "silent": "🔇",
    "cancelled": "■",
    "recovered": "✔",
    "succeeded": "✔",
}


@dataclass(frozen=True, slots=True)
class Detail:
    """A long text with a title, such as the tail of a log; shown as it is, line by line."""

    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a channel is to show. It holds no secret; nothing in it is markup of any channel.

    Args:
        key: The same whenever this message is sent or edited, and no other message's.
        title: What happened to what, on one line: `nightly failed: export`.
        text: The error, on one line; may be empty.
        status: How it stands: `failed`, `retrying`, `late`, `silent`, `cancelled`, `recovered`, `succeeded`,
            or a word of a template's own.
        severity: How much it matters.
        fields: Short names with short values: run, attempt, duration.
        details: Long texts: the tail of the log, the inputs, what changed.
        link: Where to look; may be empty.
        time: When it happened, in seconds since 1970.
        notes: What is to be known of the message itself: that it is late, or may have been told before.
    """

    key: str
    title: str
    text: str = ""
    status: str = "failed"
    severity: Severity = "error"
    fields: tuple[tuple[str, str], ...] = ()
    details: tuple[Detail, ...] = ()
    link: str = ""
    time: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def mark(self) -> str:
        """A sign of the status, which stands before the title."""
        return _MARKS.get(self.status, "•")

    @property
    def plain(self) -> str:
        """All of it as plain text, for channels without layout."""
        lines = [f"{self.mark} {self.title}", *filter(None, [self.text])]
        lines += [f"{name}: {value}" for name, value in self.fields]
        lines += filter(None, [self.link, *self.notes])
        for detail in self.details:
            lines += ["", f"{detail.title}:", detail.text]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Where a channel has shown a message.

    Args:
        id: What the channel calls it: Slack's `ts`, a mail's Message-ID; empty when it gives no name.
        place: Where it is, as the channel calls it, when that differs from the channel's own target.
        time: When it was accepted, in seconds since 1970.
    """

    id: str = ""
    place: str = ""
    time: float = 0.0
