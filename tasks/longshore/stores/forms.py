"""The classes of the standard library that results may be of, not their subclasses: tags and forms."""

from __future__ import annotations

from base64 import b64decode
from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import UUID

from longshore.stores.errors import ResultError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from longshore.stores.encoding import Writer

TAG: Final = "$type"
_FACTORIES: Final[dict[str, Any]] = {kind.__name__: kind for kind in (list, dict, set, int, float, str)}
"""What a defaultdict may be told to make."""


@dataclass(frozen=True, slots=True)
class Form:
    """How values of one class are written and read.

    Args:
        kind: The class.
        tag: What it is called.
        write: Makes JSON of a value.
        read: Makes a value of that, once its parts are values again.
    """

    kind: type
    tag: str
    write: Callable[[Writer, Any], Any]
    read: Callable[[Any], Any]


def _write_moment(writer: Writer, value: datetime | time) -> list[Any]:
    naive = value.replace(tzinfo=None, fold=0).isoformat()
    return [naive, writer.at(".tzinfo", value.tzinfo), value.fold]


def _read_moment(kind: Any, value: Sequence[Any]) -> Any:
    naive, zone, fold = value
    return kind.fromisoformat(naive).replace(tzinfo=zone, fold=fold)


def _read_timezone(value: Sequence[Any]) -> timezone:
    return UTC if list(value) == [timedelta()] else timezone(*value)


def _read_zone(key: str) -> Any:
    from zoneinfo import ZoneInfo  # a few results need it

    try:
        return ZoneInfo(key)
    except (LookupError, OSError) as error:
        raise ResultError(
            f"it holds a time in {key!r}, which this machine does not know; run: pip install tzdata"
        ) from error


def _write_default(writer: Writer, value: defaultdict[Any, Any]) -> list[Any]:
    factory = value.default_factory
    name = getattr(factory, "__name__", "")
    if factory is not None and _FACTORIES.get(name) is not factory:
        shown = name or repr(factory)
        raise ResultError(f"{writer.problem()}: it is a defaultdict of {shown}; return dict(...) of it")
    return [name, writer.pairs(value)]


def _read_default(value: Sequence[Any]) -> Any:
    name, pairs = value
    return defaultdict(_FACTORIES[name] if name else None, pairs)


def _read_int(text: str) -> int:
    return int(text, 16)


def _binary(kind: Callable[[bytes], Any]) -> Callable[[str], Any]:
    return lambda text: kind(b64decode(text, validate=True))


def _text_of(writer: Writer, value: Any) -> Any:
    return writer.lower(str(value))


_ALL: Final = (
    Form(tuple, "tuple", lambda writer, v: writer.items(v), tuple),
    Form(set, "set", lambda writer, v: writer.members(v), set),
    Form(frozenset, "frozenset", lambda writer, v: writer.members(v), frozenset),
    Form(bytes, "bytes", lambda writer, v: writer.binary(v), _binary(bytes)),
    Form(bytearray, "bytearray", lambda writer, v: writer.binary(v), _binary(bytearray)),
    Form(complex, "complex", lambda _, v: [v.real, v.imag], lambda v: complex(*v)),
    Form(range, "range", lambda writer, v: writer.items((v.start, v.stop, v.step)), lambda v: range(*v)),
    Form(date, "date", lambda _, v: v.isoformat(), date.fromisoformat),
    Form(datetime, "datetime", _write_moment, lambda v: _read_moment(datetime, v)),
    Form(time, "time", _write_moment, lambda v: _read_moment(time, v)),
    Form(timedelta, "timedelta", lambda _, v: [v.days, v.seconds, v.microseconds], lambda v: timedelta(*v)),
    Form(timezone, "timezone", lambda writer, v: writer.items(v.__getinitargs__()), _read_timezone),
    Form(Decimal, "decimal", _text_of, Decimal),
    Form(UUID, "uuid", _text_of, UUID),
    Form(type(Path()), "path", _text_of, Path),
    Form(PurePosixPath, "posix-path", _text_of, PurePosixPath),
    Form(PureWindowsPath, "windows-path", _text_of, PureWindowsPath),
    Form(OrderedDict, "ordered-dict", lambda writer, v: writer.pairs(v), OrderedDict),
    Form(Counter, "counter", lambda writer, v: writer.pairs(v), lambda v: Counter(dict(v))),
    Form(defaultdict, "defaultdict", _write_default, _read_default),
    Form(deque, "deque", lambda writer, v: [writer.items(v), v.maxlen], lambda v: cast("Any", deque)(*v)),
)
FORMS: Final = {form.kind: form for form in _ALL}
READERS: Final[dict[str, Callable[[Any], Any]]] = {form.tag: form.read for form in _ALL} | {
    "int": _read_int,
    "str": "".join,
    "dict": dict,
    "zone": _read_zone,
}
"""By tag; the last ones are for the values of JSON's own types that it cannot give back, and for zones."""
