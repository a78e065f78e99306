"""Finding a value in an answer's JSON."""

from __future__ import annotations

import re
from typing import Any, Final, cast

_STEP: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]")

MISSING: Final = object()


def find(value: Any, path: str) -> Any:
    """Return what stands at a path such as `data.items[0].id`; MISSING if there is no such place.

    Numbers without brackets index lists too: `data.items.0.id`.
    """
    for key, index in _STEP.findall(path):
        step = index or key
        if isinstance(value, dict):
            value = cast("dict[str, Any]", value).get(step, MISSING)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(cast("list[Any]", value)):
            value = cast("list[Any]", value)[int(step)]
        else:
            return MISSING
    return value
