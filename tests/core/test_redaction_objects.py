"""A container comes out without secrets, as itself when it had none."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from longshore.redaction import isolated, redact_value, register

VALUE = "horse-battery-staple"


@pytest.fixture(autouse=True)
def own_redaction() -> Iterator[None]:
    with isolated():
        register(VALUE)
        yield


Point = namedtuple("Point", "name at")


class Rows(dict[str, Any]):
    """A dict with an attribute of its own."""

    source = ""


def test_plain_containers_are_masked_at_every_depth() -> None:
    value = {
        "a": [f"x {VALUE}", (VALUE, 1)],
        f"key {VALUE}": {VALUE},
        "b": VALUE.encode(),
        "c": bytearray(VALUE, "ascii"),
    }
    assert redact_value(value) == {
        "a": ["x ***", ("***", 1)],
        "key ***": {"***"},
        "b": b"***",
        "c": b"***",
    }
    assert value["a"] == [f"x {VALUE}", (VALUE, 1)]
    assert redact_value(frozenset({VALUE})) == frozenset({"***"})


def test_a_value_without_secrets_is_returned_itself() -> None:
    for value in (
        {"a": [1, ("x", None)], "b": {2.5}},
        "horse",
        7,
        None,
        object(),
        Path("x"),
        [[]],
        Point("a", 1),
    ):
        assert redact_value(value) is value


def test_kinds_of_containers_are_kept() -> None:
    rows = Rows(token=VALUE)
    rows.source = "table"
    masked = redact_value(rows)
    assert (type(masked), masked, masked.source) == (Rows, {"token": "***"}, "table")
    assert redact_value(Point(VALUE, 1)) == Point("***", 1)
    assert type(redact_value(OrderedDict(a=VALUE))) is OrderedDict
    assert type(redact_value(bytearray(VALUE, "ascii"))) is bytearray


def test_a_container_that_holds_itself_is_masked_and_still_holds_itself() -> None:
    loop: list[Any] = [VALUE]
    loop += [loop, {"again": loop}]
    masked = redact_value(loop)
    assert masked[0] == "***"
    assert masked[1] is masked
    assert masked[2]["again"] is masked
    clean: list[Any] = [1]
    clean.append(clean)
    assert redact_value(clean) is clean


def test_other_objects_are_left_as_they_are() -> None:
    path = Path(VALUE)
    assert redact_value([path, VALUE])[0] is path


def test_every_value_passes_while_nothing_is_registered() -> None:
    with isolated():
        assert redact_value(values := [VALUE]) is values
