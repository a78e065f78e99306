# The public names of a reference select from its value, so those that modules share begin with _.
# pyright: reportPrivateUsage=false
"""Values for a flow's parameters: checked against their types, and read from text on the command line."""

from __future__ import annotations

import enum
import json
import types
import typing
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from longshore.errors import ParameterError
from longshore.nodes import MISSING
from longshore.references import isolate
from longshore.signatures import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longshore.flows import Flow

_WIDER: dict[type, tuple[type, ...]] = {float: (int, float), complex: (int, float, complex)}


def bind_parameters(flow: Flow, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a value for every parameter of a flow, defaults copied.

    Raises:
        ParameterError: A value is missing, of the wrong type, or for no parameter.
    """
    known = flow.parameters
    for name in given:
        if name not in known:
            hint = did_you_mean(name, known, ", ".join(known) or "none")
            raise ParameterError(f"flow {flow.name!r} has no parameter {name!r} ({hint})")
    values: dict[str, Any] = {}
    for name, parameter in known.items():
        if name in given:
            check_value(flow.name, name, parameter._type, given[name])
            values[name] = given[name]
        elif parameter._default is MISSING:
            raise ParameterError(
                f"flow {flow.name!r} lacks a value for parameter {name!r}"
                f"{_of_type(parameter._type)}; call {flow.name}.run({name}=...)"
            )
        else:
            values[name] = isolate(parameter._default)
    return values


def defaults_of(flow: Flow) -> dict[str, Any]:
    """Return the defaults of a flow's parameters; a parameter without one is left out."""
    return {name: known._default for name, known in flow.parameters.items() if known._default is not MISSING}


def _of_type(annotation: Any) -> str:
    return f" ({show_type(annotation)})" if annotation is not None else ""


def show_type(annotation: Any) -> str:
    """Return a type as people write it."""
    if annotation is None:
        return "any"
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")


def check_value(flow: str, name: str, annotation: Any, value: Any) -> None:
    """Raise `ParameterError` when a value cannot be of a type; types that cannot be looked into pass."""
    if not fits(annotation, value):
        raise ParameterError(
            f"flow {flow!r} takes {name}: {show_type(annotation)}; got {value!r} ({type(value).__name__})"
        )


def fits(annotation: Any, value: Any) -> bool:
    """Whether a value may be of a type, as far as can be told."""
    if annotation is None or annotation is Any or isinstance(annotation, str | typing.TypeVar):
        return True
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        return value in typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return any(fits(type(None) if a is type(None) else a, value) for a in typing.get_args(annotation))
    if origin is typing.Annotated:
        return fits(typing.get_args(annotation)[0], value)
    kind = origin or annotation
    if not isinstance(kind, type):
        return True
    if kind is bool or not isinstance(value, bool):
        try:
            if not isinstance(value, _WIDER.get(kind, kind)):
                return False
        except TypeError:  # a protocol that cannot be asked at run time
            return True
    elif kind not in (bool, object, int):
        return False
    return _items_fit(kind, typing.get_args(annotation), value)


def _items_fit(kind: type, arguments: tuple[Any, ...], value: Any) -> bool:
    if kind in (list, set, frozenset) and len(arguments) == 1:
        return all(fits(arguments[0], item) for item in value)
    if kind is dict and len(arguments) == 2:
        return all(fits(arguments[0], k) and fits(arguments[1], v) for k, v in value.items())
    return True


def read_text(flow: str, name: str, annotation: Any, text: str) -> Any:
    """Read a parameter's value from text, as its type says: dates in ISO form, containers in JSON.

    Raises:
        ParameterError: The text is not of that type.
    """
    try:
        value = _read(annotation, text)
    except (ValueError, KeyError) as error:
        raise ParameterError(
            f"cannot read {name}: {show_type(annotation)} from {text!r}: {_why(error)}"
        ) from error
    check_value(flow, name, annotation, value)
    return value


def _why(error: Exception) -> str:
    return f"no such value {error}" if isinstance(error, KeyError) else str(error).lower()


def _read(annotation: Any, text: str) -> Any:
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return _read_union(typing.get_args(annotation), text)
    if origin is typing.Annotated:
        return _read(typing.get_args(annotation)[0], text)
    if origin is typing.Literal:
        choices = {str(choice): choice for choice in typing.get_args(annotation)}
        if text not in choices:
            raise ValueError(f"choose one of {', '.join(choices)}")
        return choices[text]
    kind = origin or annotation
    if not isinstance(kind, type) or kind is str:
        return text
    return _read_class(kind, text)


def _read_union(choices: tuple[Any, ...], text: str) -> Any:
    if type(None) in choices and text.lower() in ("none", "null", ""):
        return None
    for choice in sorted((c for c in choices if c is not type(None)), key=lambda c: c is str):
        try:
            return _read(choice, text)
        except (ValueError, KeyError):
            continue
    raise ValueError("it fits none of them")


def _read_class(kind: type, text: str) -> Any:
    if kind is bool:
        if text.lower() not in _TRUTH:
            raise ValueError("write true or false")
        return _TRUTH[text.lower()]
    if kind in (int, float, Path, Decimal, UUID):
        return _made(kind, text)
    if kind in (datetime, date, time):
        return cast("Any", kind).fromisoformat(text)
    if kind is timedelta:
        return timedelta(seconds=float(text))
    if issubclass(kind, enum.Enum):
        return kind[text] if text in kind.__members__ else kind(text)
    if kind in (list, dict, tuple, set, frozenset):
        value: Any = json.loads(text)
        if not isinstance(value, dict if kind is dict else list):
            raise ValueError("write a JSON object" if kind is dict else "write a JSON array: [1, 2]")
        return cast("Any", kind)(value)
    return text


def _made(kind: Any, text: str) -> Any:
    try:
        return kind(text)
    except ArithmeticError:  # Decimal's own
        raise ValueError("it is no number") from None


_TRUTH = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}
