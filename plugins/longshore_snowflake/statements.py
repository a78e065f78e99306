"""A statement with the values that are bound to it, and the tag by which it is found and its bill is read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from longshore import Secret, current, redact
from longshore_snowflake.errors import SnowflakeInputError

MOST_OF_A_TAG: Final = 2_000
"""Characters that `QUERY_TAG` takes."""
_SHOWN: Final = 200
_BLANK: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement.

    Attributes:
        text: SQL, with a `?` for each value.
        values: What is bound to the question marks, by Snowflake itself: never part of the text. A `Secret`
            is resolved when the statement is sent.
        tag: What is put into `QUERY_TAG` beside our own.
        options: Parameters for this statement alone, such as `STATEMENT_TIMEOUT_IN_SECONDS`.
    """

    text: str = field(kw_only=False)
    values: Sequence[Any] = ()
    tag: Mapping[str, Any] = field(default_factory=dict[str, Any])
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise SnowflakeInputError("cannot run a statement: it is empty")
        if isinstance(self.values, str | bytes | Mapping):
            raise SnowflakeInputError(
                f"cannot bind a {type(self.values).__name__} to {self.shown!r}: give a list of the values, "
                "one for each question mark"
            )

    @property
    def shown(self) -> str:
        """The text for messages: in one line, short, without secrets; never the values."""
        return shortened(self.text, _SHOWN)

    def line(self, number: int) -> str:
        """Return a line of the text for messages, from 1; empty where there is none, or no other."""
        lines = self.text.strip().splitlines()
        return shortened(lines[number - 1], 80) if 1 <= number <= len(lines) > 1 else ""

    def bound(self) -> list[Any]:
        """Return the values as they are bound; a `Secret` is resolved now."""
        return [value.get() if isinstance(value, Secret) else value for value in self.values]

    def parameters(self, key: str = "") -> dict[str, Any]:
        """Return the parameters that go with the statement, its tag among them."""
        return {**self.options, "QUERY_TAG": query_tag(self.tag, key)}


def query_tag(extra: Mapping[str, Any] | None = None, key: str = "") -> str:
    """Return the JSON that tags a query: the flow, run, step, map index and attempt that run here, and more.

    Args:
        extra: What stands beside ours; ours are not replaced. What does not fit is left out.
        key: The key of a job; then it comes first, so that it can be looked for.
    """
    words: dict[str, Any] = {"longshore": key} if key else {}
    named = {
        "flow": current.flow,
        "run": current.run_id,
        "step": current.name,
        "map_index": current.map_index,
        "attempt": current.attempt if current.name else None,
    }
    words.update((word, value) for word, value in named.items() if value not in ("", None))
    for word, value in (extra or {}).items():
        longer = {**words, str(word): value} if word not in words else words
        if len(_json(longer)) <= MOST_OF_A_TAG:
            words = longer
    return redact(_json(words)) if words else ""


def shortened(text: str, most: int) -> str:
    """Return a text in one line, without secrets, of at most so many characters."""
    text = _BLANK.sub(" ", redact(text)).strip()
    return text if len(text) <= most else f"{text[: most - 1]}…"


def key_mark(key: str) -> str:
    """Return how the tag of a job's query begins."""
    return _json({"longshore": key})[:-1]


def _json(words: Mapping[str, Any]) -> str:
    return json.dumps(words, separators=(",", ":"), ensure_ascii=False, default=str)
