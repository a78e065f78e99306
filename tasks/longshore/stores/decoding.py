"""Values from the JSON text that `encoding` made of them. The text decides which values, never which code."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum, Flag
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from longshore.stores.classes import find_class
from longshore.stores.errors import ResultError
from longshore.stores.forms import READERS, TAG

if TYPE_CHECKING:
    from collections.abc import Mapping


Read: TypeAlias = Callable[[int], bytes]


def from_text(text: str, what: str, read: Read) -> Any:
    """Return the value that a text was made of.

    Args:
        text: The text.
        what: What to call it in messages.
        read: Returns the next so many of the bytes that are not in the text.

    Raises:
        ResultError: It was not made by `to_text`, or holds what cannot be had here.
    """
    try:
        return json.loads(text, object_hook=partial(_rebuilt, read) if TAG in text else None)
    except ResultError as error:
        raise ResultError(f"cannot read {what}: {error}") from error.__cause__
    except RecursionError:
        raise ResultError(f"cannot read {what}: it is nested too deeply; run the step again") from None
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError) as error:
        raise ResultError(
            f"cannot read {what}: {type(error).__name__}: {error}; "
            "it was changed, or a newer Longshore wrote it"
        ) from error


def _rebuilt(read: Read, found: dict[str, Any]) -> Any:
    if TAG not in found:
        return found
    tag, value = found[TAG], found["value"]
    if "class" in found:
        return _INSTANCES[tag](find_class(found["class"]), value)
    if tag in ("bytes", "bytearray") and isinstance(value, list):
        return _BINARY[tag](read(cast("list[int]", value)[0]))
    if tag not in READERS:
        raise ResultError(
            f"it holds a {tag!r}, which this Longshore does not know; use the version that wrote it"
        )
    return READERS[tag](value)


_BINARY: Final[dict[str, Callable[[bytes], Any]]] = {"bytes": bytes, "bytearray": bytearray}


def _enum(kind: type, value: Any) -> Any:
    if not issubclass(kind, Enum):
        raise _unlike(kind, "an enum")
    if isinstance(value, str):
        return kind.__members__[value]
    if issubclass(kind, Flag) and isinstance(value[0], int):  # several members at once have no name
        return kind(value[0])
    raise _unlike(kind, "a flag")


def _namedtuple(kind: type, value: list[Any]) -> Any:
    names = getattr(kind, "_fields", None)
    if not issubclass(kind, tuple) or names is None:
        raise _unlike(kind, "a NamedTuple")
    if len(names) != len(value):
        raise ResultError(
            f"it has {len(value)} values for {kind.__qualname__}, which has {len(names)}; run the step again"
        )
    return cast("Any", tuple).__new__(kind, value)


def _dataclass(kind: type, value: Mapping[str, Any]) -> Any:
    if not is_dataclass(kind):
        raise _unlike(kind, "a dataclass")
    known = {field.name: field for field in fields(kind)}
    made = object.__new__(kind)
    for name in known.keys() | value.keys():
        if name in known:
            object.__setattr__(made, name, value[name] if name in value else _default_of(kind, known[name]))
        else:
            _put_attribute(made, name, value[name])
    return made


def _default_of(kind: type, field: Field[Any]) -> Any:
    if field.default is not MISSING:
        return field.default
    if field.default_factory is not MISSING:
        return field.default_factory()
    raise ResultError(f"it has no {field.name!r} for {kind.__qualname__}, which needs it; run the step again")


def _put_attribute(made: Any, name: str, value: Any) -> None:
    """Put what is no field where plain attributes are: nothing of the class is called."""
    if name.startswith("__") or not hasattr(made, "__dict__"):
        raise ResultError(
            f"it has {name!r} for {type(made).__qualname__}, which has no such field; run the step again"
        )
    vars(made)[name] = value


def _stored(kind: type, value: Any) -> Any:
    restore = getattr(kind, "__restore__", None)
    if restore is None or not hasattr(kind, "__store__"):
        raise _unlike(kind, "a class that says how it is stored")
    try:
        return restore(value)
    except Exception as error:
        raise ResultError(
            f"{kind.__qualname__} does not take it back ({type(error).__name__}: {error})"
        ) from error


def _unlike(kind: Any, expected: str) -> ResultError:
    return ResultError(
        f"it holds a {kind.__module__}:{kind.__qualname__}, which is not {expected} here; run the step again"
    )


_INSTANCES: Final[dict[str, Callable[[type, Any], Any]]] = {
    "enum": _enum,
    "namedtuple": _namedtuple,
    "dataclass": _dataclass,
    "stored": _stored,
}
