"""Values for a flow's parameters: checked against their types, read from text."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, NewType, Optional, Protocol, TypedDict, TypeVar, Union
from uuid import UUID

import pytest

from longshore import ParameterError
from longshore.parameters import fits, read_text, show_type

T = TypeVar("T")
Name = NewType("Name", str)


class Colour(enum.Enum):
    RED = "r"
    BLUE = "b"


class Row(TypedDict):
    id: int


class Sized(Protocol):
    size: int


@pytest.mark.parametrize(
    ("annotation", "good", "bad"),
    [
        (int, [1, -3, True], [1.0, "1", None]),
        (float, [1, 1.5], ["1", True, None]),
        (complex, [1, 1.5, 2j], ["1"]),
        (bool, [True, False], [1, 0, "true"]),
        (str, ["", "a"], [1, b"a", None]),
        (bytes, [b"a"], ["a"]),
        (date, [date(2013, 1, 1), datetime(2013, 1, 1)], ["2013-01-01"]),
        (datetime, [datetime(2013, 1, 1)], [date(2013, 1, 1)]),
        (Path, [Path("a")], ["a"]),
        (Colour, [Colour.RED], ["r", "RED"]),
        (None, [1, None], []),
        (type(None), [None], [0, ""]),
        (Any, [1, None, object()], []),
        (object, [1, None, True], []),
        (int | None, [1, None], ["1"]),
        (Optional[int], [1, None], ["1"]),  # noqa: UP045 - older spellings are met
        (Union[int, str], [1, "1"], [1.5]),  # noqa: UP007
        (Literal["a", 3], ["a", 3], ["b", 4]),
        (list[int], [[], [1, 2]], [[1, "2"], (1, 2), "12"]),
        (set[str], [set(), {"a"}], [{1}, ["a"]]),
        (dict[str, int], [{}, {"a": 1}], [{"a": "1"}, {1: 1}, []]),
        (dict[str, list[int]], [{"a": [1]}], [{"a": [1.5]}]),
        (tuple[int, ...], [(1, 2)], [[1, 2]]),
        (Annotated[int, "positive"], [1], ["1"]),
        (Callable[[int], int], [abs], [3]),
        (Iterable[int], [[1], (2,)], [3]),
        (type[Exception], [KeyError], [3]),
        # What cannot be looked into at run time passes.
        (T, [1, "a"], []),
        (Name, ["a", 3], []),
        (Row, [{"id": 1}, 3], []),
        (Sized, [3], []),
        ("date", [3], []),
    ],
)
def test_a_value_fits_its_type_as_far_as_can_be_told(
    annotation: Any, good: list[Any], bad: list[Any]
) -> None:
    assert [value for value in good if not fits(annotation, value)] == []
    assert [value for value in bad if fits(annotation, value)] == []


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (str, "3", "3"),
        (None, "3", "3"),
        (Any, "3", "3"),
        (int, "-3", -3),
        (float, "1e3", 1000.0),
        (bool, "Yes", True),
        (bool, "0", False),
        (date, "2013-01-01", date(2013, 1, 1)),
        (datetime, "2013-01-01T02:03", datetime(2013, 1, 1, 2, 3)),
        (time, "02:30", time(2, 30)),
        (timedelta, "90", timedelta(seconds=90)),
        (Decimal, "1.10", Decimal("1.10")),
        (UUID, "12345678-1234-5678-1234-567812345678", UUID(int=0x12345678123456781234567812345678)),
        (Path, "/a/b", Path("/a/b")),
        (Colour, "RED", Colour.RED),
        (Colour, "b", Colour.BLUE),
        (Literal["a", 3], "3", 3),
        (int | None, "none", None),
        (int | None, "3", 3),
        (int | str, "3", 3),
        (int | str, "x", "x"),
        (date | str, "x", "x"),
        (list[int], "[1, 2]", [1, 2]),
        (set[int], "[1, 2]", {1, 2}),
        (tuple[int, ...], "[1, 2]", (1, 2)),
        (dict[str, int], '{"a": 1}', {"a": 1}),
        (Annotated[int, "positive"], "3", 3),
    ],
)
def test_text_is_read_as_the_type_says(annotation: Any, text: str, value: Any) -> None:
    assert read_text("nightly", "p", annotation, text) == value
    assert type(read_text("nightly", "p", annotation, text)) is type(value)


@pytest.mark.parametrize(
    ("annotation", "text", "told"),
    [
        (int, "3.5", "cannot read p: int from '3.5': invalid literal for int()"),
        (float, "x", "could not convert"),
        (bool, "maybe", "write true or false"),
        (date, "yesterday", "cannot read p: date from 'yesterday': invalid isoformat string"),
        (Decimal, "x", "it is no number"),
        (Colour, "GREEN", "'GREEN' is not a valid Colour"),
        (Literal["a", 3], "b", "choose one of a, 3"),
        (int | date, "x", "it fits none of them"),
        (list[int], "1, 2", "cannot read p: list[int] from '1, 2'"),
        (list[str], '"abc"', "write a JSON array"),
        (list[int], '{"a": 1}', "write a JSON array"),
        (dict[str, int], "[1]", "write a JSON object"),
        (list[int], '[1, "x"]', "flow 'nightly' takes p: list[int]; got [1, 'x'] (list)"),
    ],
)
def test_text_that_is_not_of_the_type_says_what_to_write(annotation: Any, text: str, told: str) -> None:
    with pytest.raises(ParameterError) as caught:
        read_text("nightly", "p", annotation, text)
    assert told.lower() in str(caught.value).lower()


@pytest.mark.parametrize(
    ("annotation", "shown"),
    [(None, "any"), (int, "int"), (date, "date"), (int | None, "int | None"), (Literal["a"], "Literal['a']")],
)
def test_a_type_is_shown_as_people_write_it(annotation: Any, shown: str) -> None:
    assert show_type(annotation) == shown
