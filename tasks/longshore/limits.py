"""Named concurrency limits: at most so many steps of a name at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from longshore.errors import LimitError

if TYPE_CHECKING:
    from collections.abc import Iterable

Limits: TypeAlias = str | tuple[str, ...] | None
"""`"snowflake:4"`, or several of them; `"snowflake"` where another step, or the flow, gives the count."""


def parse_limits(limit: Limits) -> tuple[tuple[str, int | None], ...]:
    """Split `"snowflake:4"` into its name and count.

    Raises:
        LimitError: The count is not a positive integer, or the name is empty.
    """
    if limit is None:
        return ()
    return tuple(_parse(text) for text in ((limit,) if isinstance(limit, str) else limit))


def _parse(text: str) -> tuple[str, int | None]:
    name, colon, count = text.partition(":")
    if not name or (colon and not (count.isdecimal() and int(count) > 0)):
        raise LimitError(
            f"cannot read limit {text!r}; write a name and a count above 0, such as 'snowflake:4'"
        )
    return name, int(count) if colon else None


def collect_limits(declared: Iterable[tuple[str, Limits]]) -> dict[str, int]:
    """Return the count of every limit that the given (step name, limit) pairs use.

    Raises:
        LimitError: One name has two counts, or none.
    """
    counts: dict[str, tuple[int, str]] = {}
    uncounted: dict[str, str] = {}
    for step, limit in declared:
        for name, count in parse_limits(limit):
            if count is None:
                uncounted.setdefault(name, step)
                continue
            known, first = counts.setdefault(name, (count, step))
            if known != count:
                raise LimitError(
                    f"limit {name!r} is {known} on {first!r} and {count} on {step!r}; use one count"
                )
    for name, step in uncounted.items():
        if name not in counts:
            raise LimitError(f"limit {name!r} on {step!r} has no count; write {name + ':4'!r} somewhere")
    return {name: count for name, (count, _) in counts.items()}
