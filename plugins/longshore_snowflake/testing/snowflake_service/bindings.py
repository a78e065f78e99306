"""Values that are bound to question marks, from the texts in which they travel."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from fakesnow.converter import from_binding

Bound = tuple[list[Any] | dict[str, Any] | None, list[list[Any]]]


def bound(bindings: dict[str, Any] | None) -> Bound:
    """Return the values of one execution, and the rows when arrays are bound: one execution for each."""
    if not bindings:
        return None, []
    if not all(key.isdigit() for key in bindings):
        return {name: _value(binding) for name, binding in bindings.items()}, []
    ordered = [bindings[str(position)] for position in range(1, len(bindings) + 1)]
    if any(isinstance(each["value"], list) for each in ordered):
        columns = [[_value({**each, "value": value}) for value in each["value"]] for each in ordered]
        return None, [list(row) for row in zip(*columns, strict=True)]
    return [_value(each) for each in ordered], []


def _value(binding: dict[str, Any]) -> Any:
    kind, value = binding["type"].upper(), binding["value"]
    if value is None:
        return None
    if kind == "FIXED":
        return int(value) if value.lstrip("+-").isdigit() else Decimal(value)
    if kind == "REAL":
        return float(value)
    return from_binding({"type": kind, "value": value})
