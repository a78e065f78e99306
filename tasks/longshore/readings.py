"""Values that a store keeps, as people and programs read them: no class of theirs is looked for or made."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, cast

from longshore.quantities import size
from longshore.redaction import redact, redact_value
from longshore.stores.forms import TAG

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore.stores.records import RunRecord, StoredResult


def as_plain(text: str) -> Any:
    """Return an encoded value in JSON's types, without secrets: dates in ISO form, sets and tuples as lists.

    A text that is none is returned as it is: somebody who looks at a damaged record wants to see it.
    """
    try:
        found = json.loads(text, object_hook=_plain, parse_constant=str)
    except (ValueError, RecursionError):
        found = text
    return redact_value(found)


def as_text(value: Any) -> str:
    """Return a plain value on one line: texts as they are, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def parameters_of(run: RunRecord) -> dict[str, Any]:
    """Return the parameters of a run as plain values."""
    found = as_plain(run.parameters)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def result_text(result: StoredResult) -> str:
    """Return a result as text; where it is instead when it is in a file, or why it could not be stored."""
    if not result.serializer:
        return f"not stored: {redact(result.place)}"
    if not result.place:
        plain = as_plain(result.text)
        return (
            plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False, indent=1, default=str)
        )
    return f"{size(result.size)} in {redact(result.place)}"


def _plain(found: dict[str, Any]) -> Any:
    if TAG not in found or "value" not in found:
        return found
    value = found["value"]
    try:
        return _FORMS[found[TAG]](value) if found[TAG] in _FORMS else value
    except (ValueError, TypeError, LookupError):
        return value


def _pairs(value: Any) -> dict[str, Any]:
    return {key if isinstance(key, str) else as_text(key): item for key, item in value}


def _moment(value: Any) -> str:
    naive, zone, _ = value
    return naive if zone is None else f"{naive}{zone if str(zone).startswith(('+', '-')) else f'[{zone}]'}"


def _offset(value: Any) -> str:
    """Return a timezone's offset, of which the first part is a timedelta's text already."""
    seconds = timedelta(seconds=value[0]).total_seconds() if value else 0.0
    minutes = round(abs(seconds) / 60)
    return f"{'-' if seconds < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"


def _binary(value: Any) -> str:
    count = cast("list[int]", value)[0] if isinstance(value, list) else len(value) * 3 // 4
    return f"<{size(count)}>"


_FORMS: Final[dict[str, Callable[[Any], Any]]] = {
    "int": lambda v: int(v, 16),
    "str": lambda v: "".join(map(chr, v)),
    "dict": _pairs,
    "ordered-dict": _pairs,
    "counter": _pairs,
    "defaultdict": lambda v: _pairs(v[1]),
    "deque": lambda v: v[0],
    "bytes": _binary,
    "bytearray": _binary,
    "datetime": _moment,
    "time": _moment,
    "timezone": _offset,
    "timedelta": lambda v: timedelta(*v).total_seconds(),
    "enum": lambda v: v if isinstance(v, str) else v[0],
}
"""Of the tags whose value does not read well as it stands."""
