"""Values as JSON text, exactly: what JSON has no form for is tagged, `{"$type": "date", "value": ...}`."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from dataclasses import MISSING, fields
from enum import Enum
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, cast

from longshore.stores.classes import name_of
from longshore.stores.errors import ResultError
from longshore.stores.forms import FORMS, TAG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from dataclasses import Field

DEEPEST: Final = 200
"""Levels of JSON: what is written on a shallow stack can be read on a deep one."""
_ATOMS: Final = frozenset({int, float, bool, type(None)})
_PAIR: Final = re.compile("[\ud800-\udbff][\udc00-\udfff]")
"""Two lone surrogates in a row, which JSON's escapes would join to one character."""
_dump: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class Blobs:
    """Where large bytes go instead of into the text.

    Args:
        above: Bytes up to which they stay in the text.
        inspect: Called with all bytes of a value, wherever they go.
    """

    def __init__(self, above: float, inspect: Callable[[bytes | bytearray], None] | None = None) -> None:
        self.above = above
        self.inspect = inspect
        self.held: list[bytes | bytearray] = []


def to_text(value: Any, what: str, blobs: Blobs) -> str:
    """Return a value as one line of ASCII.

    Raises:
        ResultError: Something in it cannot be written, and where.
    """
    try:
        if _is_json(value, 0):
            return _dump(value)
    except (ValueError, RecursionError):  # an int of very many digits
        pass
    writer = Writer(what, blobs)
    try:
        return _dump(writer.lower(value))
    except RecursionError:
        raise ResultError(
            f"{writer.problem()}: it is nested too deeply; return less, or write it to a file"
        ) from None


def _is_json(value: Any, depth: int) -> bool:
    """Whether JSON gives a value back as it is."""
    kind = cast("type[Any]", type(value))
    if kind in _ATOMS:
        return True
    if kind is str:
        return value.isascii() or not _PAIR.search(value)
    if depth >= DEEPEST:
        return False
    if kind is list:
        return all(type(item) in _ATOMS or _is_json(item, depth + 1) for item in value)
    if kind is dict:
        for key, item in value.items():
            if type(key) is not str or key == TAG or not (key.isascii() or not _PAIR.search(key)):
                return False
            if type(item) not in _ATOMS and not _is_json(item, depth + 1):
                return False
        return True
    return False


class Writer:
    """Turns a value into what JSON has forms for, and knows where in the value it is."""

    def __init__(self, what: str, blobs: Blobs) -> None:
        self._path = [what]
        self._depth = 0
        self._blobs = blobs

    def problem(self) -> str:
        """Say what cannot be done to which part of the value."""
        path = "".join(self._path[:20])
        return f"cannot write {path if len(self._path) <= 20 else path + '...'} as JSON"

    def lower(self, value: Any) -> Any:
        """Return a value in JSON's own forms and tags."""
        kind = cast("type[Any]", type(value))
        if kind in _ATOMS:
            return value if kind is not int or -_LARGE < value < _LARGE else _tagged("int", hex(value))
        if kind is str:
            return value if not _PAIR.search(value) else _tagged("str", _apart(value))
        self._depth += 1
        if self._depth > DEEPEST:
            raise ResultError(
                f"{self.problem()}: it is nested deeper than {DEEPEST} levels; "
                "return less, or write it to a file"
            )
        try:
            return self._lower_object(kind, value)
        finally:
            self._depth -= 1

    def _lower_object(self, kind: Any, value: Any) -> Any:
        if kind is list:
            return self.items(value)
        if kind is dict:
            return self._mapping(value)
        self._depth += 1  # a tag is a level of its own
        try:
            if kind.__module__ == "zoneinfo" and getattr(value, "key", None):
                return _tagged("zone", value.key)
            if (form := FORMS.get(kind)) is not None:
                return _tagged(form.tag, form.write(self, value))
            return self._instance(kind, value)
        finally:
            self._depth -= 1

    def at(self, place: str, value: Any) -> Any:
        """Lower a part of the value."""
        self._path.append(place)
        lowered = self.lower(value)
        self._path.pop()
        return lowered

    def items(self, value: Iterable[Any]) -> list[Any]:
        """Lower the items of a sequence."""
        return [self.at(f"[{place}]", item) for place, item in enumerate(value)]

    def members(self, value: Iterable[Any]) -> list[Any]:
        """Lower the members of a set, which have no place."""
        return [self.at("{...}", item) for item in value]

    def pairs(self, value: dict[Any, Any]) -> list[list[Any]]:
        """Lower keys of any type, and the items."""
        return [[self.at(".keys()", key), self.at(f"[{_short(key)}]", item)] for key, item in value.items()]

    def _mapping(self, value: dict[Any, Any]) -> Any:
        if all(type(key) is str and key != TAG and not _PAIR.search(key) for key in value):
            return {key: self.at(f"[{_short(key)}]", item) for key, item in value.items()}
        self._depth += 2
        lowered = _tagged("dict", self.pairs(value))
        self._depth -= 2
        return lowered

    def binary(self, value: bytes | bytearray) -> Any:
        """Lower bytes, to base64 or to where they are found."""
        if self._blobs.inspect is not None:
            self._blobs.inspect(value)
        if len(value) <= self._blobs.above:
            return b64encode(value).decode("ascii")
        self._blobs.held.append(value)
        return [len(value)]

    def _instance(self, kind: Any, value: Any) -> Any:
        if issubclass(kind, Enum):
            return self._named("enum", kind, value.name if value.name in kind.__members__ else [value.value])
        if _is_namedtuple(kind):
            return self._named("namedtuple", kind, self.items(value))
        if hasattr(kind, "__store__") and hasattr(kind, "__restore__"):
            return self._named("stored", kind, self.at("", self._told_by(value)))
        if hasattr(kind, "__dataclass_fields__") and _can_be_rebuilt(kind):
            return self._named("dataclass", kind, self._attributes(value))
        raise ResultError(
            f"{self.problem()}: it is a {kind.__name__}; return plain data in its place, "
            "or give the store a serializer: PickleSerializer()"
        )

    def _told_by(self, value: Any) -> Any:
        try:
            return value.__store__()
        except Exception as error:
            raise ResultError(
                f"{self.problem()}: its __store__() raised {type(error).__name__}: {error}; return plain data"
            ) from error

    def _named(self, tag: str, kind: type, value: Any) -> Any:
        try:
            return {TAG: tag, "class": name_of(kind), "value": value}
        except ResultError as error:
            raise ResultError(f"{self.problem()}: {error}") from None

    def _attributes(self, value: Any) -> dict[str, Any]:
        held: dict[str, Any] = {}
        known = {field.name: field for field in fields(value)}
        for field in known.values():
            item = getattr(value, field.name, MISSING)
            if item is not MISSING:
                self._put_field(held, field, item)
        others = {name: item for name, item in getattr(value, "__dict__", {}).items() if name not in known}
        return held | {name: self.at(f".{name}", item) for name, item in others.items()}

    def _put_field(self, held: dict[str, Any], field: Field[Any], item: Any) -> None:
        place = len(self._path)
        try:
            held[field.name] = self.at(f".{field.name}", item)
        except ResultError:
            if item is not field.default:
                raise
            del self._path[place:]  # code cannot be written, but the class has its defaults


_LARGE: Final = 1 << 2000
"""Ints from here on are written in hex: Python limits the digits that it turns into an int."""


def _tagged(tag: str, value: Any) -> dict[str, Any]:
    return {TAG: tag, "value": value}


def _apart(text: str) -> list[str]:
    """Cut a text between surrogates that would be joined; what else it says stays to be seen."""
    cuts = [0, *(found.start() + 1 for found in _PAIR.finditer(text)), len(text)]
    return [text[start:end] for start, end in pairwise(cuts)]


def _short(key: Any) -> str:
    text = repr(key)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _is_namedtuple(kind: Any) -> bool:
    return hasattr(kind, "_fields") and issubclass(kind, tuple)


def _can_be_rebuilt(kind: type) -> bool:
    try:
        object.__new__(kind)
    except TypeError:  # a dict, an error: its content is not in its fields
        return False
    return True
