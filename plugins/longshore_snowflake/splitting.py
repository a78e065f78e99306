"""Cuts a script into statements where Snowflake's own client does.

The rules are those of `split_statements()` in snowflake-connector-python, which `execute_string()`,
`execute_stream()` and SnowSQL use: a semicolon ends a statement, unless it stands in quotes, in `$$`, in a
comment (`--` or `//` to the end of the line, `/*` to the next `*/`), or in a line that begins with `!`.
A backslash keeps the quote or backslash behind it from counting; `//` in an address such as `s3://lake`
begins no comment. A comment behind the semicolon, in its line, belongs to the statement before it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN: Final = re.compile(
    r"""
    (?P<literal>
        '(?:[^'\\]++|\\['\\]|\\|'')*+'?
      | "(?:[^"\\]++|\\["\\]|\\|"")*+"?
      | \$\$(?:.*?\$\$|.*)
    )
  | (?P<block>/\*(?:.*?\*/|.*))
  | (?P<comment>(?:--|//)[^\n]*)
  | (?P<command>^![^\n]*)
  | (?P<end>;)
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
_REST: Final = re.compile(r"[^\S\n]*(?:--[^\n]*)?(?:\n|\Z)")
"""What belongs to a statement behind its semicolon: nothing or a comment, to the end of the line."""
_NO_CODE: Final = frozenset({"literal", "block", "comment"})
_WORD: Final = re.compile(r"\w+|[^\w\s]")
_MOST_WORDS: Final = 8


@dataclass(frozen=True)
class Piece:
    """One statement of a script.

    Attributes:
        text: As it is sent: with its comments and its semicolon.
        line: The line of the script where it begins, from 1.
        command: Whether it is a command of SnowSQL, such as `!set`, and no SQL.
    """

    text: str
    line: int
    command: bool = False

    @cached_property
    def code(self) -> str:
        """The text with `''` for each literal and a blank for each comment."""
        parts: list[str] = []
        at = 0
        for token in _tokens(self.text):
            if token.lastgroup in _NO_CODE:
                parts += self.text[at : token.start()], "''" if token.lastgroup == "literal" else " "
                at = token.end()
        return "".join([*parts, self.text[at:]])

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The first words and signs of the code, in upper case, without what ends it."""
        found = _WORD.findall(self.code.strip().removesuffix(";"))
        return tuple(word.upper() for word in found[:_MOST_WORDS])

    @property
    def kind(self) -> str:
        """The first word: `SELECT`, `INSERT`; empty for a piece with nothing but comments."""
        return next((word for word in self.words if word != "("), "")

    @property
    def begins(self) -> int:
        """Where in the text the code begins, behind the comments before it."""
        found = (re.compile(r"\S").search(self.text, start, stop) for start, stop in self.plain)
        return next((first.start() for first in found if first is not None), 0)

    @property
    def plain(self) -> Iterator[tuple[int, int]]:
        """Where in the text neither literals nor comments stand."""
        at = 0
        for token in _tokens(self.text):
            if token.lastgroup in _NO_CODE:
                yield at, token.start()
                at = token.end()
        yield at, len(self.text)


def split(text: str) -> list[Piece]:
    """Return the pieces of a script that are not blank; those with nothing but comments are among them."""
    return list(_pieces(text))


def _pieces(text: str) -> Iterator[Piece]:
    lines = _Lines(text)
    start = at = 0
    while (token := _token(text, at)) is not None:
        at = token.end()
        if token.lastgroup == "command":
            yield from lines.piece(start, token.start())
            yield from lines.piece(token.start(), at, command=True)
            start = at
        elif token.lastgroup == "end":
            at = _end(text, at)
            yield from lines.piece(start, at)
            start = at
    yield from lines.piece(start, len(text))


def _tokens(text: str) -> Iterator[re.Match[str]]:
    at = 0
    while (token := _token(text, at)) is not None:
        yield token
        at = token.end()


def _token(text: str, at: int) -> re.Match[str] | None:
    """Return the next token; `at` is where the last one ended."""
    search = at
    while (found := _TOKEN.search(text, search)) is not None:
        begin = found.start()
        if (
            found.lastgroup in ("block", "comment")
            and "://" in text[_word_start(text, at, begin) : begin + 3]
        ):
            search = begin + 1
            continue
        return found
    return None


def _word_start(text: str, low: int, high: int) -> int:
    return max(low, *(1 + text.rfind(blank, low, high) for blank in " \t\n"))


def _end(text: str, at: int) -> int:
    """Return where a piece ends whose semicolon ends at `at`."""
    if text[at : at + 1] == ">":  # SnowSQL: run it asynchronously
        at += 1
    rest = _REST.match(text, at)
    return at if rest is None else rest.end()


class _Lines:
    """Makes pieces of a text, and knows in which line each begins."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._counted, self._line = 0, 1

    def piece(self, start: int, stop: int, *, command: bool = False) -> Iterator[Piece]:
        """Yield the piece there, if it is not blank; each begins behind the one before."""
        cut = self._text[start:stop]
        text = cut.strip()
        if not text:
            return
        begin = start + len(cut) - len(cut.lstrip())
        self._line += self._text.count("\n", self._counted, begin)
        self._counted = begin
        if command:
            text = text.removesuffix(";").strip()
        yield Piece(text, self._line, command)
