"""Gives the values of a script to its statements: by name, or by position."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from longshore_snowflake.errors import SnowflakeInputError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from longshore_snowflake.splitting import Piece

Values: TypeAlias = Mapping[str, Any] | Sequence[Any]
Bound: TypeAlias = tuple[str, list[Any]]
"""A statement's text, with a `?` for each value, and the values."""

_PLACE: Final = re.compile(r"""\?|(?<![\w$:)\]"'}]):(?P<name>[A-Za-z_]\w*)""")
"""`?` or `:name`; what stands behind an expression is a path (`src:carrier`), and `::date` is a cast."""


def bind(pieces: Sequence[Piece], values: Values, label: str) -> list[Bound]:
    """Return each statement with its values.

    Args:
        pieces: The statements of a script.
        values: By name, for each `:name`; or in order, for each `?` of the whole script. What stands in
            quotes, comments or `$$` is no place for a value; nor is a `:name` that was not given.
        label: What messages call the script.

    Raises:
        SnowflakeInputError: A value has no place, or a place no value.
    """
    if isinstance(values, str | bytes):
        raise SnowflakeInputError(
            f"cannot bind a {type(values).__name__} to {label}: give a list or a dictionary of values"
        )
    if isinstance(values, Mapping):
        return _by_name(pieces, values, label)
    return _by_position(pieces, values, label)


def _by_position(pieces: Sequence[Piece], values: Sequence[Any], label: str) -> list[Bound]:
    counts = [sum(1 for place in _places(piece) if place[0] == "?") for piece in pieces]
    if sum(counts) != len(values):
        where = next(
            (f"; the first is in line {p.line}" for p, n in zip(pieces, counts, strict=True) if n), ""
        )
        raise SnowflakeInputError(
            f"cannot bind {len(values)} values to {label}: it has {sum(counts)} places '?'{where}; give as "
            "many values as there are places, in the order of the script"
        )
    rest = iter(values)
    return [(p.text, [next(rest) for _ in range(n)]) for p, n in zip(pieces, counts, strict=True)]


def _by_name(pieces: Sequence[Piece], values: Mapping[str, Any], label: str) -> list[Bound]:
    used: set[str] = set()
    bound = [_named(piece, values, used, label) for piece in pieces]
    unused = [name for name in values if name not in used]
    if unused:
        raise SnowflakeInputError(
            f"cannot bind {unused[0]!r} to {label}: there is no place ':{unused[0]}' in it, outside quotes, "
            "comments and $$"
        )
    return bound


def _named(piece: Piece, values: Mapping[str, Any], used: set[str], label: str) -> Bound:
    parts: list[str] = []
    given: list[Any] = []
    at = 0
    for place in _places(piece, values):
        if place[0] == "?":
            raise SnowflakeInputError(
                f"cannot bind values by name to {label}: the statement of line {piece.line} has a '?'; write "
                "':name' for each value, or give a list"
            )
        parts += piece.text[at : place.start()], "?"
        given.append(values[place["name"]])
        used.add(place["name"])
        at = place.end()
    return "".join([*parts, piece.text[at:]]), given


def _places(piece: Piece, names: Collection[str] = ()) -> Iterator[re.Match[str]]:
    for start, stop in piece.plain:
        for place in _PLACE.finditer(piece.text, start, stop):
            if place[0] == "?" or place["name"] in names:
                yield place
