# The public names of a reference select from its value, so those that modules share begin with _.
# pyright: reportPrivateUsage=false
"""Texts with places for values: `text(...)`, made when a flow runs, and the places of a template."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any, cast

from longshore.errors import ArgumentError
from longshore.references import Reference, evaluate, has_references

if TYPE_CHECKING:
    from collections.abc import Iterable

    from longshore.references import Values


class Text(Reference):
    """A string made of values that the run will have."""

    __slots__ = ("_template", "_values")

    def __init__(self, template: str, values: dict[str, Any]) -> None:
        self._template = template
        self._values = values

    def __repr__(self) -> str:
        return f"text({self._template!r})"

    def _children(self) -> Iterable[Any]:
        return self._values.values()

    def _evaluate(self, values: Values) -> str:
        return self._template.format(**evaluate(self._values, values))


def text(template: str, /, **values: Any) -> str:
    """Make a string from values that may be known only when the flow runs.

    Args:
        template: A format string: `"{n} rows"`, `"{day:%Y}"`.
        values: One for each name in the template.

    Returns:
        The string, or in a flow what stands for it.

    Raises:
        ArgumentError: A name of the template has no value, or a value has no place.

    Example:
        >>> text("{n} rows", n=3)
        '3 rows'
    """
    names = set(places(template))
    if names != set(values):
        missing, extra = sorted(names - set(values)), sorted(set(values) - names)
        seen = f"no value for {missing}" if missing else f"no place for {extra}"
        raise ArgumentError(f"cannot fill text({template!r}): {seen}; give each name in braces one value")
    if has_references(values):
        return cast("str", Text(template, values))
    return template.format(**values)


def places(template: str) -> list[str]:
    """Return the names in a template's braces.

    Raises:
        ArgumentError: Its braces do not pair.
    """
    names: list[str] = []
    try:
        for _, field, spec, _ in string.Formatter().parse(template):
            if field is not None:
                names += [field.partition(".")[0].partition("[")[0], *places(spec or "")]
    except ValueError as error:
        raise ArgumentError(f"cannot read {template!r}: {error}; write {{{{ for a brace") from None
    return names
