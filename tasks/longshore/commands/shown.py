"""How commands on recorded runs write to a terminal: colours, tables, text that cannot steer it."""

from __future__ import annotations

import os
import re
import shutil
import sys
import unicodedata
from typing import TYPE_CHECKING, Final

import click

from longshore import states
from longshore.histories import is_state
from longshore.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_COLOURS: Final = (
    (states.Unknown, "yellow"),
    (states.Skipped, "bright_black"),
    (states.TriggerFailed, "bright_black"),
    (states.Retrying, "yellow"),
    (states.Success, "green"),
    (states.Failed, "red"),
    (states.Cancelled, "magenta"),
    (states.Running, "cyan"),
)
# What moves the cursor, rings, or turns the direction of writing; not a tab and not the end of a line.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """Return a text that is safe to show: without secrets, and without what would steer a terminal."""
    shown = _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", redact(text))
    return shown.encode("utf-8", "replace").decode()  # half a surrogate pair cannot be written


def one_line(text: str, width: int = 0) -> str:
    """Return a text on one line, cut to so many columns when that is not 0."""
    line = " ".join(clean(text).split())
    return line if not width or len(line) <= width else f"{line[: max(1, width - 3)]}..."


def coloured(text: str, state: str) -> str:
    """Return a text in the colour of a state, where standard output takes colours."""
    colour = next((colour for kind, colour in _COLOURS if is_state(state, kind)), None)
    return click.style(text, fg=colour) if colour and takes_colours() else text


def bold(text: str) -> str:
    """Return a text in bold, where standard output takes it."""
    return click.style(text, bold=True) if takes_colours() else text


def faint(text: str) -> str:
    """Return a text that steps back, where standard output takes it."""
    return click.style(text, dim=True) if takes_colours() else text


def takes_colours() -> bool:
    """Whether standard output is a terminal, and nobody asked for no colours."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def columns() -> int:
    """Return how wide a line may be."""
    return shutil.get_terminal_size((100, 25)).columns


def table(rows: Iterable[Sequence[str]], indent: str = "") -> list[str]:
    """Return rows as lines, their cells one under the other; empty columns and colours take no room."""
    cells = [list(row) for row in rows]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    return [indent + _padded(row, widths).rstrip() for row in cells]


def _padded(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [(cell, width) for cell, width in zip(row, widths, strict=True) if width]
    return "  ".join(cell + " " * (width - _width(cell)) for cell, width in cells)


def _width(text: str) -> int:
    return sum(map(_columns_of, click.unstyle(text)))


def _columns_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
