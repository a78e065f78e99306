"""Slack's markup as a person reads it, and lines of a width."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from longshore_slack.testing.workspaces import Workspace

_ANGLED: Final = re.compile(r"<([^<>]+)>")
_BOLD: Final = re.compile(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])")
_FENCE: Final = re.compile(r"```\n?(.*?)\n?```", re.DOTALL)


class Markup:
    """Reads mrkdwn, with the names of a workspace.

    Args:
        workspace: Where the names are.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def read(self, text: str) -> str:
        """Return what a person sees: names for ids, links with their text, nothing escaped."""
        return plain(_BOLD.sub(r"\1", _ANGLED.sub(lambda found: self._angled(found[1]), text)))

    def _angled(self, inner: str) -> str:
        target, _, label = inner.partition("|")
        if target.startswith("!"):
            return self._special(target[1:], label)
        if target.startswith("@"):
            return f"@{self.user(target[1:])}"
        if target.startswith("#"):
            place = self._workspace.places.get(target[1:])
            return f"#{place.name if place else label or target[1:]}"
        return f"{label} ({target})" if label and label != target else target

    def _special(self, target: str, label: str) -> str:
        kind, _, rest = target.partition("^")
        if kind == "subteam":
            return f"@{self.group(rest)}"
        return label if kind == "date" else f"@{kind}"

    def user(self, user_id: str) -> str:
        """Return the name of a user."""
        known = self._workspace.users.get(user_id)
        return known.name if known else user_id

    def group(self, group_id: str) -> str:
        """Return the name of a group."""
        return self._workspace.groups.get(group_id, group_id)

    def lines(self, text: str, width: int) -> list[str]:
        """Return text in mrkdwn as lines; code stands behind a bar."""
        found: list[str] = []
        for index, piece in enumerate(_FENCE.split(text)):
            if index % 2:
                found += code(plain(piece), width)
            else:
                found += wrapped(self.read(piece.strip("\n")), width) if piece.strip() else []
        return found


def plain(text: str) -> str:
    """Return a text without what Slack's markup escapes."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def code(text: str, width: int) -> list[str]:
    """Return lines of code behind a bar, folded where they are too long."""
    found: list[str] = []
    for line in text.expandtabs(4).split("\n"):
        found += [f"┃ {piece}" for piece in _folded(line, width - 2)]
    return found


def _folded(line: str, width: int) -> list[str]:
    return [line[start : start + width] for start in range(0, len(line), width)] or [""]


def wrapped(text: str, width: int) -> list[str]:
    """Return a text as lines of a width, its own line ends kept."""
    found: list[str] = []
    for line in text.split("\n"):
        found += textwrap.wrap(line, width, break_on_hyphens=False, replace_whitespace=False) or [""]
    return found


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    marks = sum(unicodedata.combining(letter) > 0 or letter == "\ufe0f" for letter in text)
    return len(text) + wide - marks
