"""Values of a call as Spark takes them for the parameters of a statement: never a part of its text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from longshore import Secret
from longshore_spark.errors import SparkInputError
from longshore_spark.tags import is_connect

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import SparkSession

Values: TypeAlias = Mapping[str, Any] | Sequence[Any]
_LONGEST: Final = 38
"""Digits of Spark's decimals."""
_TAKEN: Final = "text, numbers, bool, bytes, date, datetime, timedelta, Decimal, None, a Secret, or a list"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def check_values(label: str, values: object) -> None:
    """Look whether values are given by name, or in order.

    Raises:
        SparkInputError: They are not.
    """
    if isinstance(values, str | bytes) or not isinstance(values, Mapping | Sequence):
        raise SparkInputError(
            f"cannot run {label} with a {type(values).__name__}: give a dictionary of values for :name, or "
            "a list for ?"
        )
    for name in cast("Mapping[Any, Any]", values) if isinstance(values, Mapping) else ():
        if not isinstance(name, str) or not name.isidentifier():
            raise SparkInputError(f"cannot run {label}: {name!r} is no name of a parameter, such as :month")


def bound(session: SparkSession, values: Values, label: str) -> dict[str, Any] | list[Any]:
    """Return values as `spark.sql(text, args=...)` takes them; a `Secret` is resolved now.

    Raises:
        SparkInputError: One cannot be handed to Spark; the message does not tell it.
    """
    check_values(label, values)
    moment = _as_it_is if is_connect(session) else _in_java(session)
    if isinstance(values, Mapping):
        return {name: _value(value, moment, f"{label}: :{name}") for name, value in values.items()}
    return [_value(value, moment, f"{label}: value {n}") for n, value in enumerate(values, start=1)]


def _value(value: Any, moment: Callable[[Any], Any], where: str) -> Any:
    value = value.get() if isinstance(value, Secret) else value
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_value(each, moment, where) for each in cast("Sequence[Any]", value)]
    if value is None or isinstance(value, bool | float | timedelta):
        return value
    if isinstance(value, str):
        return _text(value, where)
    if isinstance(value, int):
        return int(value) if -(1 << 63) <= value < 1 << 63 else _decimal(Decimal(value), where)
    if isinstance(value, Decimal):
        return _decimal(value, where)
    if isinstance(value, datetime):
        return moment(value.astimezone(UTC))
    if isinstance(value, date):
        return moment(value)
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    raise SparkInputError(f"cannot run {where} is a {type(value).__name__}; give {_TAKEN} of these")


def _text(value: str, where: str) -> str:
    text = str.__str__(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise SparkInputError(
            f"cannot run {where} holds a lone surrogate, which is no character; give it as bytes, or "
            "replace it"
        ) from None
    return text


def _decimal(value: Decimal, where: str) -> Decimal:
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise SparkInputError(f"cannot run {where} is no finite Decimal; give a float for these")
    if exponent > 0 and len(digits) + exponent <= _LONGEST:
        digits, exponent = digits + (0,) * exponent, 0
    if max(len(digits), -exponent) > _LONGEST or exponent > 0:
        raise SparkInputError(
            f"cannot run {where} has more than the {_LONGEST} digits of Spark's decimals; round it, or give "
            "a float"
        )
    return Decimal((sign, digits, exponent))


def _as_it_is(value: date) -> date:
    return value


def _in_java(session: Any) -> Callable[[date], Any]:
    """Return how a date gets to the JVM: PySpark's way takes those before 1582 for other days."""

    def moved(value: date) -> Any:
        java = session._jvm.java.time
        if not isinstance(value, datetime):
            return java.LocalDate.of(value.year, value.month, value.day)
        since = value - _EPOCH
        seconds = since.days * 86_400 + since.seconds
        return java.Instant.ofEpochSecond(seconds, since.microseconds * 1000)

    return moved
