"""Whatever the keys are, nothing is written outside the target folder, and what cannot be a file is named."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from longshore_storage.collisions import Collisions, is_case_sensitive
from longshore_storage.errors import UnsafeNameError
from longshore_storage.names import check_key, held_parent, safe_path

pytestmark = pytest.mark.gate("S6")

REFUSED = {
    "": "empty",
    ".": "segment '.'",
    "..": "segment '..'",
    "../x": "segment '..'",
    "a/../../x": "segment '..'",
    "a/..": "segment '..'",
    "a/./b": "segment '.'",
    "a//b": "two slashes",
    "//host/share": "absolute",
    "/etc/passwd": "absolute",
    "a/": "marker of a folder",
    "a\\..\\b": "backslash",
    "\\\\host\\share": "backslash",
    "C:/x": "drive",
    "C:\\x": "drive",
    "c:x": "drive",
    "a\0b": "control character",
    "a\nb": "control character",
    "a\x1b[2Jb": "control character",
    "a\x7f": "control character",
    "a\x85b": "control character",
    "a\udcff": "not Unicode",
    "x" * 256: "256 bytes",
    "é" * 128: "256 bytes",
    "/".join(["x" * 200] * 25): "its path has",
    ".x.longshore-part": "unfinished transfer",
    "a/.x.longshore-part.json": "unfinished transfer",
}
TAKEN_LITERALLY = [
    "%2e%2e/x",
    "..%2fx",
    "%00",
    "...",
    "..x",
    "x..",
    " ",
    "~",
    "~root/x",
    "$HOME",
    "-rf",
    "\u2024\u2024/x",  # one dot leaders
    "\uff0e\uff0e/x",  # fullwidth full stops
    "\u2025/x",  # two dot leader
    "a\u2215..\u2215b",  # division slashes
    "a\uff0f..\uff0fb",  # fullwidth solidus
    "a\uff3c..\uff3cb",  # fullwidth backslash
    "x\u202egnp.exe",
    "e\u0301",
    "2013-01-01T00:00:00.csv",
    "con",
    "x" * 255,
    "é" * 127,
    "a b?c#d&e=f'g\"h|i*j<k>",
]


def snapshot(folder: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/x").write_bytes(b"precious")
    (tmp_path / "target").mkdir()
    return tmp_path / "target"


@pytest.mark.parametrize("key", REFUSED, ids=lambda key: repr(key)[:30])
def test_a_hostile_name_is_refused_with_the_key_and_the_reason(root: Path, key: str) -> None:
    with pytest.raises(UnsafeNameError) as refused:
        safe_path(root, key)
    assert repr(key) in str(refused.value)
    assert REFUSED[key] in str(refused.value)
    assert list(root.iterdir()) == []


@pytest.mark.parametrize("key", TAKEN_LITERALLY, ids=lambda key: repr(key)[:30])
def test_a_strange_name_is_taken_as_it_stands_and_stays_inside(root: Path, key: str) -> None:
    before = snapshot(root.parent / "outside")
    path = safe_path(root, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"new")
    assert path.resolve().is_relative_to(root.resolve())
    assert [str(found.relative_to(root)) for found in root.rglob("*") if found.is_file()] == [key]
    assert snapshot(root.parent / "outside") == before


@pytest.mark.parametrize(
    "key",
    [
        "NUL",
        "con.txt",
        "a/COM1",
        "lpt9.log",
        "x.",
        "x ",
        "ab:c",
        "what?",
        "a*",
        "a<b",
        "a|b",
        'a"b',
        "CONIN$",
    ],
)
def test_names_that_windows_reserves_are_refused_there(key: str) -> None:
    assert check_key(key, windows=False) == key.split("/")
    with pytest.raises(UnsafeNameError, match="Windows"):
        check_key(key, windows=True)


@pytest.mark.parametrize("inside", [False, True])
def test_no_link_in_the_folder_is_followed(root: Path, inside: bool) -> None:
    (root / "real").mkdir()
    (root / "folder").symlink_to(root / "real" if inside else root.parent / "outside")
    (root / "file").symlink_to(root.parent / "outside" / "x")
    (root / "nowhere").symlink_to(root.parent / "outside" / "new")
    before = snapshot(root.parent)
    for key in ("folder/x", "folder/new/y", "file", "nowhere", "file/x", "folder"):
        with pytest.raises(UnsafeNameError, match="link"):
            safe_path(root, key)
    assert snapshot(root.parent) == before


def test_the_folder_itself_may_be_a_link(root: Path) -> None:
    link = root.parent / "link"
    link.symlink_to(root)
    assert safe_path(link, "a/b") == root.resolve() / "a/b"


def test_the_folder_need_not_be_there(root: Path) -> None:
    assert safe_path(root / "new", "a/b") == root.resolve() / "new/a/b"
    with pytest.raises(UnsafeNameError, match="256 bytes"):
        safe_path(root / "new", "x" * 256)


def test_what_stands_in_the_way_is_named(root: Path) -> None:
    (root / "a").write_bytes(b"")
    (root / "b").mkdir()
    os.mkfifo(root / "c")
    assert safe_path(root, "a") == root.resolve() / "a"
    for key, saying in (
        ("a/b", "is a file"),
        ("b", "is a folder"),
        ("c", "no plain file"),
        ("c/d", "is a file"),
    ):
        with pytest.raises(UnsafeNameError, match=saying):
            safe_path(root, key)


def test_a_held_folder_cannot_be_led_away(root: Path) -> None:
    """A folder that is exchanged for a link after it was looked at leads nowhere."""
    descriptor = os.open(root, os.O_RDONLY)
    try:
        with held_parent(descriptor, "a/b/x") as (folder, name):
            (root / "a/b").rename(root / "moved")
            (root / "a/b").symlink_to(root.parent / "outside")
            os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, dir_fd=folder))
        assert (root / "moved/x").exists()
        with pytest.raises(UnsafeNameError, match="link"), held_parent(descriptor, "a/b/x"):
            pass
        for key in REFUSED:
            if "bytes" not in REFUSED[key] and "path" not in REFUSED[key]:
                with pytest.raises(UnsafeNameError), held_parent(descriptor, key):
                    pass
    finally:
        os.close(descriptor)
    assert (root.parent / "outside/x").read_bytes() == b"precious"


def clash(keys: list[str], *, case_sensitive: bool = True) -> str:
    """Return what is said of keys; empty if they can all be files."""
    ordered = sorted(keys, key=lambda key: key.encode())
    try:
        for _ in Collisions(case_sensitive=case_sensitive).checked(ordered):
            pass
    except UnsafeNameError as error:
        return str(error)
    return ""


def test_a_file_and_a_folder_of_one_name_are_a_collision_also_with_keys_between_them() -> None:
    assert "'a' and 'a/b'" in clash(["a", "a/b"])
    assert "'a' and 'a/b'" in clash(["a", "a!", "a!x/y", "a-b", "a.b", "a/b"])
    assert "'x/a' and 'x/a/b/c'" in clash(["x/a", "x/a b", "x/a/b/c"])
    assert "'a' and 'a'" in clash(["a", "a"])
    assert clash(["a", "ab", "a.b", "a-b/c", "b/a"]) == ""


def test_case_counts_only_where_the_file_system_says_so() -> None:
    assert clash(["A", "a", "dir/x", "Dir/y"]) == ""
    for keys in (
        ["A", "a"],
        ["a/B", "a/b"],
        ["dir/x", "Dir/y"],
        ["straße", "STRASSE"],
        ["e\u0301", "\u00e9"],
    ):
        assert "upper and lower case" in clash(keys, case_sensitive=False), keys
    assert "'A' and 'a/b'" in clash(["A", "a/b"], case_sensitive=False)
    assert clash(["a/b", "a/c", "a/d/e", "b", "B2"], case_sensitive=False) == ""


def test_whether_case_counts_is_asked_of_the_file_system(tmp_path: Path) -> None:
    (tmp_path / "probe").write_bytes(b"")
    assert is_case_sensitive(tmp_path) is not (tmp_path / "PROBE").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["probe"]


@pytest.mark.parametrize("case_sensitive", [True, False])
def test_collisions_are_those_that_a_look_at_all_keys_finds(case_sensitive: bool) -> None:
    chance = random.Random(5)
    found = {True: 0, False: 0}
    for _ in range(300):
        keys = [
            "/".join(chance.choices(["a", "b", "a.", "a-", "A"], k=chance.randint(1, 3))) for _ in range(4)
        ]
        keys = list(dict.fromkeys(keys))
        names = {"/".join(key.split("/")[:end]) for key in keys for end in range(1, key.count("/") + 2)}
        expected = any(other.startswith(f"{key}/") for key in keys for other in keys)
        if not case_sensitive:
            expected = expected or len({name.lower() for name in names}) < len(names)
        assert bool(clash(keys, case_sensitive=case_sensitive)) is expected, keys
        found[expected] += 1
    assert min(found.values()) > 10


@pytest.mark.parametrize("case_sensitive", [True, False])
def test_memory_does_not_grow_with_the_number_of_keys(case_sensitive: bool) -> None:
    import tracemalloc

    looked_at = Collisions(case_sensitive=case_sensitive)
    for number in range(1000):
        looked_at.check(f"{number:06}/x")
    tracemalloc.start()
    try:
        for number in range(1000, 20_000):
            looked_at.check(f"{number:06}/x")
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()
