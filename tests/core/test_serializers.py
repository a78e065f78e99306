"""Values written as JSON come back equal and of their class, and nothing in the text is run."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from storable_things import (
    Below,
    Colour,
    Connection,
    Export,
    Level,
    Outer,
    Point,
    Rights,
    Row,
    Sealed,
    Tags,
    Word,
)

from longshore import Exponential, Failed, On, Outputs, Secret, all_finished, task
from longshore.stores.errors import ResultError
from longshore.stores.serializers import PickleSerializer, decode, encode, encode_task
from longshore_http import HttpResponse
from longshore_http.headers import Headers
from longshore_shell.results import CommandOutputs


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal and of the same classes, all the way down; a NaN is like any other."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return repr(one) == repr(other)
    if isinstance(one, Decimal):
        return one.as_tuple() == other.as_tuple()
    if isinstance(one, complex):
        return same(one.real, other.real) and same(one.imag, other.imag)
    if isinstance(one, dict):
        return same(list(one), list(other)) and same(list(one.values()), list(other.values()))
    if isinstance(one, list | tuple | deque):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, set | frozenset):
        return sorted(map(repr, one)) == sorted(map(repr, other))
    if isinstance(one, datetime | time):
        return repr(one) == repr(other) and type(one.tzinfo) is type(other.tzinfo)
    if is_dataclass(one):
        return all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    return bool(one == other)


def returned(value: Any) -> Any:
    text = encode(value)
    assert text.isascii()
    assert "\n" not in text
    return decode(text)


ANY_TEXT = st.text(st.characters(exclude_categories=()))
ZONES = st.one_of(
    st.none(),
    st.just(UTC),
    st.sampled_from(["Europe/Berlin", "America/New_York"]).map(ZoneInfo),
    st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(timezone),
    st.builds(timezone, st.just(timedelta(hours=1)), st.text(min_size=1)),
)
HASHABLE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    ANY_TEXT,
    st.binary(),
    st.dates(),
    st.timedeltas(),
    st.uuids(),
    st.sampled_from([*Colour, *Level, *Word, Rights(0), Rights(3)]),
    st.builds(lambda words: Path(*words), st.lists(st.text(min_size=1).filter(lambda t: "\0" not in t))),
    st.builds(Secret, st.just("env:TOKEN")),
    st.builds(range, st.integers(), st.integers(), st.integers(min_value=1)),
)
LEAVES = st.one_of(
    HASHABLE,
    st.floats(),
    st.complex_numbers(),
    st.binary().map(bytearray),
    st.decimals(),
    st.datetimes(timezones=ZONES, allow_imaginary=False),
    st.builds(lambda t, z, f: t.replace(tzinfo=z, fold=f), st.times(), ZONES, st.sampled_from([0, 1])),
)


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    mappings = st.dictionaries(HASHABLE, inner, max_size=4)
    return st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(st.one_of(ANY_TEXT, st.just("$type")), inner, max_size=4),
        mappings,
        mappings.map(OrderedDict),
        mappings.map(lambda items: defaultdict(list, items)),
        st.lists(HASHABLE, max_size=4).map(Counter),
        st.frozensets(HASHABLE, max_size=4),
        st.sets(HASHABLE, max_size=4),
        st.builds(lambda items: deque(items, maxlen=7), st.lists(inner, max_size=4)),
        st.builds(Sealed, inner, inner),
        st.builds(Row, st.integers(min_value=20), st.lists(ANY_TEXT, max_size=2)),
        st.builds(Point, inner, inner),
        st.dictionaries(st.text(), inner, max_size=4).map(Outputs),
    )


@given(st.recursive(LEAVES, containers, max_leaves=12))
@settings(max_examples=300, deadline=None)
def test_any_value_comes_back_equal_and_of_its_class(value: Any) -> None:
    assert same(returned(value), value)


@pytest.mark.parametrize(
    "value",
    [
        float("inf"),
        -0.0,
        10**5000,
        -(10**5000),
        "\ud800",
        "a\ud83d\ude00b".encode("utf-16", "surrogatepass").decode("utf-16"),
        "a\ud83d" + "\ude00b",
        {"a\ud83d" + "\ude00b": 1},
        {"$type": "date", "value": "2013-01-01"},
        {"$type": {"$type": "$type"}},
        {1: "a", "1": "b", None: "c", False: "d"},
        (1, (2, [(3,)])),
        [True, 1, 1.0],
        Decimal("sNaN"),
        Decimal("-0E-10"),
        datetime(2013, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1),
        datetime(1, 1, 1),
        timezone(timedelta(hours=1), "CET"),
        ZoneInfo("Europe/Berlin"),
        timedelta.min,
        Path("\udcff/a"),
        PurePosixPath("a/b"),
        PureWindowsPath(r"C:\a"),
        defaultdict(None, {1: 2}),
        Rights.READ | Rights.WRITE,
        Colour.CRIMSON,
        Outer.Inner(3),
        Below(30, ["a"], Point(1.0), depth=2),
        Tags("a", "b"),
        Exponential(base=2.0),
        Point(float("nan"), -0.0),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_at_the_edges_come_back(value: Any) -> None:
    assert same(returned(value), value)


def test_what_shipped_tasks_return_comes_back() -> None:
    outputs = CommandOutputs({"rows": 3, "when": "now"})
    outputs.exit_code, outputs.leftovers, outputs.stdout_tail = 2, ("sleep (4711)",), "tail\x00"
    response = HttpResponse(
        status=200,
        headers=Headers([("Set-Cookie", "a"), ("set-cookie", "b")]),
        url="http://x/",
        elapsed=0.25,
        body=b"\xff",
    )
    back = returned([outputs, response])
    assert back == [outputs, response]
    assert (type(back[0]), vars(back[0])) == (CommandOutputs, vars(outputs))
    assert (type(back[1].headers), back[1].headers["SET-COOKIE"]) == (Headers, "a, b")


def test_a_dataclass_comes_back_without_its_init_being_called_and_with_its_other_attributes() -> None:
    row = Row(12)
    row.number, row.extra = 13, {"seen": (1,)}  # type: ignore[attr-defined]
    assert row.doubled == 26
    back = returned(row)
    assert (type(back), vars(back)) == (
        Row,
        {"number": 13, "names": [], "where": None, "extra": {"seen": (1,)}, "doubled": 26},
    )


def test_a_field_that_came_later_has_its_default() -> None:
    text = encode(Row(20, ["a"])).replace(',"where":null', "")
    assert decode(text) == Row(20, ["a"], None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('"number":20,', ""), "it has no 'number' for Row, which needs it"),
        (("Row", "Rows"), "it holds a storable_things:Rows, and 'storable_things' has no such class here"),
        (("storable_things:", "not_there:"), "'not_there' is not imported here; import not_there first"),
        (("Row", "effects"), "'storable_things' has no such class"),
        (("Row", "Connection"), "storable_things:Connection, which is not a dataclass here"),
        (("storable_things:Row", "builtins:list"), "builtins:list, which is not a dataclass here"),
        (('"dataclass"', '"namedtuple"'), "storable_things:Row, which is not a NamedTuple here"),
        (('"dataclass"', '"enum"'), "storable_things:Row, which is not an enum here"),
        (('"dataclass"', '"stored"'), "storable_things:Row, which is not a class that says how it is stored"),
        (('"dataclass"', '"planet"'), "KeyError: 'planet'"),
        (('"names"', '"__class__"'), "it has '__class__' for Row"),
    ],
)
def test_a_class_that_is_not_what_it_was_is_an_error_that_says_so(
    change: tuple[str, str], message: str
) -> None:
    with pytest.raises(ResultError) as raised:
        decode(encode(Row(20, ["a"])).replace(*change))
    assert message in str(raised.value)


@pytest.mark.gate("S10")
@pytest.mark.parametrize(
    "text",
    [
        '{"$type":"dataclass","class":"storable_things:effects","value":{}}',
        '{"$type":"stored","class":"storable_things:effects","value":[]}',
        '{"$type":"stored","class":"subprocess:Popen","value":["true"]}',
        '{"$type":"enum","class":"os:system","value":"true"}',
        '{"$type":"namedtuple","class":"builtins:tuple","value":[]}',
        '{"$type":"dataclass","class":"antigravity:x","value":{}}',
        '{"$type":"dataclass","class":":","value":{}}',
        '{"$type":"dataclass","class":["os"],"value":{}}',
        '{"$type":"pickle","value":"gASVFAAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOULg=="}',
        '{"$type":["a"],"value":1}',
        '{"$type":"date","value":{"a":1}}',
        '{"$type":"set","value":[[1]]}',
        '{"$type":"zone","value":"../../etc/passwd"}',
        '{"$type":"defaultdict","value":["system",[]]}',
        '{"$type":"bytes","value":[5]}',
        '{"$type":"bytes","value":"*"}',
        '{"$type":"decimal","value":"x"}',
        '{"$type":"date"}',
        "[" * 100_000,
        "not json",
        "",
    ],
    ids=lambda text: text[:70],
)
def test_a_text_from_elsewhere_is_an_error_and_runs_nothing(text: str) -> None:
    before = set(sys.modules)
    with pytest.raises(ResultError, match=r"^cannot read the result: "):
        decode(text)
    assert "antigravity" not in set(sys.modules) - before


@pytest.mark.gate("S10")
def test_a_module_is_not_asked_for_what_it_would_import(monkeypatch: pytest.MonkeyPatch) -> None:
    module = type(sys)("lazy_module")
    module.__getattr__ = lambda name: pytest.fail(f"asked for {name}")  # type: ignore[method-assign]
    monkeypatch.setitem(sys.modules, "lazy_module", module)
    with pytest.raises(ResultError, match="'lazy_module' has no such class here"):
        decode('{"$type":"dataclass","class":"lazy_module:Row","value":{}}')


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"rows": [1, 2, 3, Connection()]}, "cannot write result['rows'][3] as JSON: it is a Connection; "),
        (Sealed((1, {"x": Connection})), "cannot write result.value[1]['x'] as JSON: it is a type; "),
        ({Connection: 1}, "cannot write result.keys() as JSON: it is a type; "),
        ([lambda: 1], "cannot write result[0] as JSON: it is a function; "),
        ([type("Local", (Point,), {})(1.0)], "cannot write result[0] as JSON: its class "),
        (ValueError("x"), "cannot write result as JSON: it is a ValueError; "),
        (defaultdict(lambda: 1), "cannot write result as JSON: it is a defaultdict of <lambda>; "),
        (type("Number", (int,), {})(3), "cannot write result as JSON: it is a Number; "),
        (pickle.PickleBuffer(b"x"), "cannot write result as JSON: it is a PickleBuffer; "),
    ],
)
def test_what_cannot_be_written_is_named_with_its_place(value: Any, message: str) -> None:
    with pytest.raises(ResultError) as raised:
        encode(value)
    assert message in str(raised.value)


def nested(levels: int, wrap: Any) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = wrap(value)
    return value


@pytest.mark.parametrize(
    "wrap", [lambda v: [v], lambda v: {"a": v}, lambda v: (v,), Sealed, lambda v: {1: v}]
)
def test_deep_nesting_is_an_error_and_never_the_end_of_the_stack(wrap: Any) -> None:
    assert returned(nested(60, wrap)) == nested(60, wrap)
    for levels in (250, 900, 100_000):
        with pytest.raises(ResultError, match="nested"):
            encode(nested(levels, wrap))


def test_a_value_that_holds_itself_is_an_error() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(ResultError, match="nested"):
        encode(value)


def test_what_could_be_written_can_be_read_far_down_the_stack() -> None:
    text = encode(nested(DEEPEST_TUPLES, lambda v: (v,)))

    def down(levels: int) -> Any:
        return down(levels - 1) if levels else decode(text)

    assert down(300) == decode(text)


DEEPEST_TUPLES = 90


def test_a_task_comes_back_with_its_fields() -> None:
    export = Export(bucket="lake", retries=3, point=Point(2.0), tags=("daily",))
    back = decode(encode(export))
    assert (type(back), back) == (Export, export)


def test_a_task_is_written_for_its_job_without_the_settings_that_are_code() -> None:
    export = Export(
        bucket="lake", state_handlers=On(Failed, print), trigger=all_finished, retry_on=(OSError,)
    )
    with pytest.raises(ResultError):
        encode(export)
    assert decode(encode_task(export)) == Export(bucket="lake")

    @task
    def local() -> None: ...

    with pytest.raises(ResultError, match=r"^cannot write task.fn as JSON: it is a function"):
        encode_task(local)


def test_a_secret_is_written_as_its_reference_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "a-very-secret-value")
    secret = Secret("env:TOKEN")
    assert "a-very-secret-value" not in encode({"token": secret})
    assert returned({"token": secret}) == {"token": secret}


def test_a_class_of_the_script_is_found_again_by_the_name_of_its_file(tmp_path: Path) -> None:
    """`python nightly.py` writes it, and `longshore resume` imports the file as `nightly`."""
    (tmp_path / "nightly.py").write_text(
        "from dataclasses import dataclass\n"
        "from longshore.stores.serializers import decode, encode\n"
        "@dataclass\n"
        "class Row:\n    n: int\n"
        "if __name__ == '__main__':\n"
        "    assert decode(encode(Row(3))) == Row(3)\n"
        "    print(encode(Row(3)))\n"
    )
    ran = subprocess.run(
        [sys.executable, "nightly.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert json.loads(ran.stdout)["class"] == "nightly:Row"
    code = f"import nightly; print(nightly.decode({ran.stdout.strip()!r}))"
    read = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert read.stdout == "Row(n=3)\n"


def test_parameters_of_every_type_that_can_be_read_come_back() -> None:
    parameters = {
        "day": date(2013, 1, 1),
        "at": datetime(2013, 1, 1, 6, tzinfo=UTC),
        "clock": time(6, 30),
        "window": timedelta(hours=1),
        "folder": Path("data"),
        "price": Decimal("1.10"),
        "key": uuid4(),
        "level": Level.HIGH,
        "colour": Colour.BLUE,
        "airports": {"JFK", "LGA"},
        "fixed": frozenset({1}),
        "pair": (1, "a"),
        "limits": {"a": [1, None, True, 0.5]},
    }
    back = decode(encode(parameters, "parameters"))
    assert back == parameters
    assert {name: type(value) for name, value in back.items()} == {n: type(v) for n, v in parameters.items()}
    assert isinstance(back["key"], UUID)


def test_a_pickle_serializer_gives_back_what_json_cannot() -> None:
    serializer = PickleSerializer()
    assert serializer.loads(serializer.dumps(ValueError)) is ValueError
