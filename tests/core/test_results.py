"""Results are stored whole or not at all, privately, and come back as they were or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from storable_things import Connection, Row, Sealed

from longshore.errors import ConfigurationError
from longshore.secrets import isolated, register
from longshore.stores.errors import ResultError, StoreError
from longshore.stores.records import StoredResult
from longshore.stores.results import Results
from longshore.stores.serializers import PickleSerializer

RUN = "0123456789abcdef"


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path / "results")


def files_of(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def test_a_short_result_is_text_and_leaves_no_file(results: Results, tmp_path: Path) -> None:
    stored = results.put(RUN, "load", {"rows": (1, 2)})
    assert stored == StoredResult(serializer="json", text='{"rows":{"$type":"tuple","value":[1,2]}}', size=40)
    assert results.get(stored) == {"rows": (1, 2)}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "value",
    [
        "x" * 20_000,
        "é\n" * 20_000,
        list(range(10_000)),
        b"\x00\xff" * 100_000,
        bytearray(b"abc" * 100_000),
        {"a": (b"1" * 70_000, [bytearray(b"2" * 70_001)]), "b": Sealed(b"3" * 70_002, b"")},
        [b"small", Row(20, ["n" * 20_000])],
        b"x" * 30_000,
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_large_result_is_a_file_and_comes_back_as_it_was(
    results: Results, tmp_path: Path, value: Any
) -> None:
    stored = results.put(RUN, "load", value)
    assert stored.text == ""
    assert stored.size == (tmp_path / "results" / stored.place).stat().st_size
    back = results.get(stored)
    assert (type(back), back) == (type(value), value)


def test_what_stays_inline_is_stated_in_bytes(tmp_path: Path) -> None:
    results = Results(tmp_path, inline=10)
    assert results.put(RUN, "a", "x" * 8).place == ""
    assert results.put(RUN, "a", "x" * 9).place != ""


def test_a_store_can_be_moved(results: Results, tmp_path: Path) -> None:
    stored = results.put(RUN, "load", "x" * 20_000)
    (tmp_path / "results").rename(tmp_path / "moved")
    assert Results(tmp_path / "moved").get(stored) == "x" * 20_000


def test_a_result_that_nothing_can_write_is_not_stored_and_says_why(results: Results) -> None:
    stored = results.put(RUN, "load", {"rows": [Connection()]})
    assert stored.serializer == ""
    assert stored.place.startswith("cannot write result['rows'][0] as JSON: it is a Connection; ")
    with pytest.raises(ResultError, match="it was not stored: cannot write"):
        results.get(stored)


def test_looking_at_an_object_that_raises_does_not_end_the_run(results: Results) -> None:
    class Odd(Row):
        @property
        def __dict__(self) -> Any:  # type: ignore[override]
            raise RuntimeError("do not look")

    assert results.put(RUN, "load", Odd.__new__(Odd)).serializer == ""


# Serializers


class Brackets:
    name = "brackets"

    def dumps(self, value: Any) -> bytes:
        if not isinstance(value, Connection):
            raise TypeError("only connections")
        return b"[]"

    def loads(self, data: bytes) -> Any:
        return {b"[]": "a connection"}[data]


def test_the_first_serializer_that_can_writes_what_json_cannot(tmp_path: Path) -> None:
    results = Results(tmp_path, serializers=[Brackets(), PickleSerializer()])
    assert results.get(results.put(RUN, "a", Connection())) == "a connection"
    stored = results.put(RUN, "a", ValueError)
    assert (stored.serializer, stored.place.rpartition(".")[2]) == ("pickle", "pickle")
    assert results.get(stored) is ValueError
    assert results.put(RUN, "a", {"plain": 1}).serializer == "json"
    assert "nor with pickle: " in results.put(RUN, "a", lambda: 1).place


@pytest.mark.gate("S10")
def test_a_pickle_is_not_read_by_a_store_that_was_not_given_the_serializer(tmp_path: Path) -> None:
    stored = Results(tmp_path, serializers=[PickleSerializer()]).put(RUN, "a", ValueError)
    with pytest.raises(ResultError) as raised:
        Results(tmp_path).get(stored)
    assert str(raised.value).startswith(
        "cannot read the result: pickle wrote it, which this store was not given; "
        "open the store with SQLiteStore(..., serializers=[PickleSerializer()])"
    )
    with pytest.raises(ResultError, match=r"serializers=\[the serializer of name 'brackets'\]"):
        Results(tmp_path).get(replace(stored, serializer="brackets"))


@pytest.mark.gate("S10")
def test_a_pickle_that_was_changed_is_not_read(tmp_path: Path) -> None:
    results = Results(tmp_path, serializers=[PickleSerializer()])
    stored = results.put(RUN, "a", ValueError)
    harmful = f"cos\nsystem\n(S'touch {tmp_path}/harm'\ntR.".encode()
    (tmp_path / stored.place).write_bytes(harmful)
    for changed in (stored, replace(stored, size=len(harmful))):
        with pytest.raises(ResultError):
            results.get(changed)
    assert not (tmp_path / "harm").exists()


def test_what_a_serializer_cannot_read_is_an_error_that_names_it(tmp_path: Path) -> None:
    results = Results(tmp_path, serializers=[Brackets()])
    stored = results.put(RUN, "a", Connection())
    broken = Brackets()
    broken.loads = lambda data: 1 / 0  # type: ignore[method-assign]
    with pytest.raises(ResultError, match="brackets raised ZeroDivisionError"):
        Results(tmp_path, serializers=[broken]).get(stored)


@pytest.mark.parametrize("name", ["json", "", "a/b", "..", "A", "x" * 40])
def test_a_serializer_has_a_name_that_can_be_a_file_ending(tmp_path: Path, name: str) -> None:
    bad = Brackets()
    bad.name = name
    with pytest.raises(ConfigurationError, match="serializer of name"):
        Results(tmp_path, serializers=[bad])
    with pytest.raises(ConfigurationError, match="'pickle'"):
        Results(tmp_path, serializers=[PickleSerializer(), PickleSerializer()])


# Files that are not what was written


def test_a_file_that_was_cut_changed_or_removed_is_an_error_and_never_a_result(
    results: Results, tmp_path: Path
) -> None:
    stored = results.put(RUN, "load", ["x" * 20_000, b"y" * 100_000])
    path = tmp_path / "results" / stored.place
    data = path.read_bytes()
    for changed, message in (
        (data[:-1], "bytes, "),
        (data + b"!", "bytes, "),
        (data[:-1] + b"z", "it is not what was written"),
        (data.replace(b"xx", b"xy", 1), "it is not what was written"),
        (b"", "it has 0 bytes"),
    ):
        path.write_bytes(changed)
        with pytest.raises(ResultError, match=message):
            results.get(stored)
    path.unlink()
    with pytest.raises(ResultError, match=r"cannot open .*: No such file or directory; run the step again"):
        results.get(stored)


# Names from elsewhere

HOSTILE = [
    "..",
    "../../etc",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "C:x",
    "a\0b",
    "x" * 300,
    "é" * 300,
    "",
    ".",
    "\ud800",
    "con",
    "%2e%2e",
    "\u2024\u2024/a",  # dots that only look like dots
    "a\nb",
]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_hostile_name_stays_inside_the_folder(tmp_path: Path, name: str) -> None:
    results = Results(tmp_path / "deep" / "results", inline=0)
    stored = results.put(name, name, "content")
    assert results.get(stored) == "content"
    assert files_of(tmp_path) == [f"deep/results/{stored.place}"]
    assert len(Path(stored.place).parts) == 2
    assert results.remove(name) == (1, stored.size)
    assert files_of(tmp_path) == []


def test_names_that_look_alike_are_different_files(tmp_path: Path) -> None:
    """Also where the file system takes `A` and `a` for one name."""
    results = Results(tmp_path, inline=0)
    names = [*HOSTILE, "A", "a", "a_b", "a/b ", "run-00000001", "RUN-00000001"]
    places = [results.put(run, label, "v").place for run in names for label in names]
    assert len({place.lower() for place in places}) == len(names) ** 2


@pytest.mark.parametrize(
    "place", ["../secret.json", "/etc/passwd", "a/../../b.json", "a/b/c.json", "a/.part-1", "x"]
)
def test_a_place_outside_the_folder_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "secret.json").write_text("1")
    results = Results(tmp_path / "results")
    with pytest.raises(ResultError, match="it is none that Longshore makes"):
        results.get(StoredResult(place=place, size=1, digest="x"))


def test_links_are_not_followed(tmp_path: Path) -> None:
    results = Results(tmp_path / "results", inline=0)
    stored = results.put(RUN, "load", "content")
    path = tmp_path / "results" / stored.place
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ResultError, match="cannot open"):
        results.get(stored)
    path.unlink()
    path.parent.rmdir()
    path.parent.symlink_to(tmp_path)
    with pytest.raises(StoreError, match="it is a link; remove it"):
        results.put(RUN, "load", "content")
    with pytest.raises(ResultError):
        results.get(stored)
    assert results.remove(RUN) == (0, 0)
    assert results.sweep((), 0) == (0, 0)
    assert (tmp_path / "elsewhere").exists()


@pytest.mark.gate("S12")
@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_results_are_private_whatever_the_umask_says(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        stored = Results(tmp_path / "a" / "b", inline=0).put(RUN, "load", "content")
    finally:
        os.umask(before)
    path = tmp_path / "a" / "b" / stored.place
    modes = {oct(stat.S_IMODE(each.stat().st_mode)) for each in (path, path.parent, path.parent.parent)}
    assert modes == {"0o600", "0o700"}
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700


# Secrets

SECRET = "hunter2-Sesame\"€'"


@pytest.fixture
def known() -> Iterator[None]:
    with isolated():
        register(SECRET)
        yield


@pytest.mark.gate("S1")
@pytest.mark.parametrize(
    "value",
    [
        SECRET,
        {"a": [1, f"Bearer {SECRET}!"]},
        {SECRET: 1},
        {1: {"x": (SECRET,)}},
        SECRET.encode(),
        bytearray(b"xx" + SECRET.encode()),
        b"x" * (1024 * 1024 - 5) + SECRET.encode() + b"x" * 100_000,
        "x" * (1024 * 1024 - 5) + SECRET,
        Sealed([Row(20, [SECRET])]),
        "\ud83d" + "\ude00" + SECRET,
        Path("/a") / SECRET,
        ValueError(SECRET),
        Connection,
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_result_that_holds_a_secret_is_nowhere(tmp_path: Path, known: None, value: Any) -> None:
    results = Results(tmp_path, serializers=[PickleSerializer()], inline=0)
    if value is Connection:
        value = Connection()
        value.token = SECRET  # type: ignore[attr-defined]
    assert results.put(RUN, "load", value) == StoredResult(serializer="", place="it holds a secret")
    assert files_of(tmp_path) == []


@pytest.mark.gate("S1")
def test_neither_a_reason_nor_a_file_name_holds_a_secret(tmp_path: Path, known: None) -> None:
    results = Results(tmp_path, inline=0)
    for word in ("hunter", "sesame"):
        assert word not in results.put(RUN, "load", {SECRET: Connection()}).place
        assert word not in results.put(RUN, f"load {SECRET}", "content").place


@pytest.mark.gate("S1")
def test_with_secrets_known_other_results_are_stored(tmp_path: Path, known: None) -> None:
    results = Results(tmp_path)
    for value in ("x" * 3_000_000, {"a": b"y" * 3_000_000}, [1, "hunter"]):
        assert results.get(results.put(RUN, "load", value)) == value


def test_a_large_binary_result_takes_no_copy_of_itself(tmp_path: Path) -> None:
    """200 MB of bytes, and 64 MB of room beside them."""
    code = f"""
        import resource
        from longshore.stores.results import Results
        value = b"\\x01" * 200_000_000
        pages = int(open("/proc/self/statm").read().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 64_000_000,) * 2)
        results = Results({str(tmp_path)!r})
        stored = results.put({RUN!r}, "load", {{"data": value}})
        del value
        assert len(results.get(stored)["data"]) == 200_000_000
    """
    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False, timeout=120)
    assert ran.returncode == 0
