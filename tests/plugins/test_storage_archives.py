"""`Unpack` takes archives from anybody: nothing outside the folder, nothing without bounds."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import stat
import subprocess
import tarfile
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from longshore_storage.archives import Unpack
from longshore_storage.errors import (
    ArchiveError,
    TooLargeError,
    UnsafeMemberError,
    UnsafeNameError,
)  # fmt: skip

pytestmark = pytest.mark.gate("S7")
KINDS = ["tar", "zip"]
Thing = tuple[str, str, Any]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder to unpack in, beside something that must not be touched."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/x").write_bytes(b"precious")
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


@pytest.fixture(autouse=True)
def nothing_outside(tmp_path: Path) -> Iterator[None]:
    yield
    for folder, expected in ((tmp_path / "outside", {"x"}),):
        if folder.exists():
            assert {path.name for path in folder.iterdir()} == expected
            assert (folder / "x").read_bytes() == b"precious"


def make(path: Path, kind: str, things: list[Thing]) -> Path:
    """Write an archive of (name, kind, content or target or mode) as no careful program would."""
    if kind == "zip":
        return make_zip(path, things)
    with tarfile.open(path, "w") as archive:
        for name, what, value in things:
            info = tarfile.TarInfo(name)
            info.type = {
                "file": tarfile.REGTYPE, "mode": tarfile.REGTYPE, "folder": tarfile.DIRTYPE,
                "link": tarfile.SYMTYPE, "hard link": tarfile.LNKTYPE, "device": tarfile.CHRTYPE,
                "pipe": tarfile.FIFOTYPE,
            }[what]  # fmt: skip
            info.mode = value if what == "mode" else 0o644
            info.linkname = value if "link" in what else ""
            data = value if what == "file" else b""
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def make_zip(path: Path, things: list[Thing]) -> Path:
    form = {"link": stat.S_IFLNK, "device": stat.S_IFCHR, "pipe": stat.S_IFIFO, "folder": stat.S_IFDIR}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, what, value in things:
            info = zipfile.ZipInfo("x")
            info.filename = f"{name}/" if what == "folder" else name
            info.create_system = 3
            mode = value if what == "mode" else 0o644
            info.external_attr = (form.get(what, stat.S_IFREG) | mode) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            with warnings.catch_warnings(action="ignore"):  # of a name that is there twice
                archive.writestr(info, value.encode() if what == "link" else value if what == "file" else b"")
    return path


def refused(place: Path, kind: str, things: list[Thing], **fields: Any) -> Exception:
    """Unpack things; return what was raised, after nothing was left."""
    archive = make(place.parent / f"x.{kind}", kind, things)
    before = sorted(path.name for path in place.parent.iterdir())
    with pytest.raises((UnsafeNameError, UnsafeMemberError, ArchiveError, TooLargeError)) as caught:
        Unpack(**fields).run(archive, place / "target")
    assert list(place.iterdir()) == []
    assert sorted(path.name for path in place.parent.iterdir()) == before
    assert str(archive) in str(caught.value)
    return caught.value


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name",
    ["../x", "a/../../outside/x", "/etc/x", "//x", "a//b", "..", "a/..", "C:x", "C:\\x", "..\\x", "a\nb",
     "\x1b[2J", "x" * 300, "/".join(["x" * 200] * 25), "/".join("a" * 250), ".x.longshore-part", "a/./b"],
    ids=lambda name: repr(name)[:20],
)  # fmt: skip
def test_a_name_that_is_not_safe_is_an_error(place: Path, kind: str, name: str) -> None:
    error = refused(place, kind, [("good", "file", b"1"), (name, "file", b"evil")])
    assert isinstance(error, UnsafeNameError)


def test_a_name_with_a_nul_in_a_zip_is_an_error(place: Path) -> None:
    archive = make(place.parent / "x.zip", "zip", [("goodN.txt", "file", b"1")])
    archive.write_bytes(archive.read_bytes().replace(b"goodN.txt", b"good\0.txt"))
    with pytest.raises((UnsafeNameError, ArchiveError)):
        Unpack().run(archive, place / "target")
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "target",
    ["/etc/passwd", "../outside/x", "..", "a/../../outside", "a/..", "", "./../outside", "a\\..\\.."],
)
def test_a_link_that_may_lead_out_is_an_error(place: Path, kind: str, target: str) -> None:
    error = refused(place, kind, [("link", "link", target), ("link/x", "file", b"evil")])
    assert isinstance(error, UnsafeMemberError)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_written_through_a_link(place: Path, kind: str) -> None:
    for things in (
        [("real", "folder", b""), ("link", "link", "real"), ("link/x", "file", b"evil")],
        [("link", "link", "real/x"), ("link", "file", b"evil")],
        [("a", "link", "b"), ("a/c", "link", "../..")],
        [("a/b/c/up", "link", "../../.."), ("out", "link", "a/b/c/up/../outside")],
    ):
        refused(place, kind, things)


@pytest.mark.parametrize("kind", KINDS)
def test_devices_pipes_and_set_user_id_programs_are_errors(place: Path, kind: str) -> None:
    for thing in (("x", "device", b""), ("x", "pipe", b""), ("x", "mode", 0o4755), ("x", "mode", 0o2755)):
        assert isinstance(refused(place, kind, [thing]), UnsafeMemberError)


@pytest.mark.parametrize("kind", KINDS)
def test_one_name_twice_is_an_error_and_so_are_a_file_and_a_folder(place: Path, kind: str) -> None:
    for things in (
        [("x", "file", b"1"), ("x", "file", b"2")],
        [("x", "file", b"1"), ("x/y", "file", b"2")],
        [("x/y", "file", b"1"), ("x", "file", b"2")],
        [("x", "file", b"1"), ("x", "folder", b"")],
    ):
        refused(place, kind, things)


def test_hard_links_lead_to_files_that_came_before_them_in_the_folder(place: Path) -> None:
    for target in ("missing", "../outside/x", "/etc/passwd", "folder", "link", "link/x"):
        refused(
            place,
            "tar",
            [("folder", "folder", b""), ("link", "link", "folder"), ("x", "hard link", target)],
        )
    archive = make(place.parent / "y.tar", "tar", [("a/x", "file", b"1"), ("b/y", "hard link", "./a/x")])
    assert Unpack().run(archive, place / "target").files == 2
    assert (place / "target/b/y").read_bytes() == b"1"


def bomb(folder: Path, kind: str, size: int) -> Path:
    """Write an archive of zeros that says nothing wrong."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        info = tarfile.TarInfo("zeros")
        info.size = size
        archive.addfile(info, io.BytesIO(bytes(size)))
    pack: dict[str, Callable[[bytes], bytes]] = {
        "tar.gz": gzip.compress, "tar.bz2": bz2.compress, "tar.xz": lzma.compress
    }  # fmt: skip
    path = folder / f"bomb.{kind}"
    if kind == "zip":
        return make(path, "zip", [("zeros", "file", bytes(size))])
    path.write_bytes(pack[kind](data.getvalue()))
    return path


@pytest.mark.parametrize("kind", ["tar.gz", "tar.bz2", "tar.xz", "zip"])
def test_a_bomb_is_an_error_long_before_it_has_gone_off(place: Path, kind: str) -> None:
    archive = bomb(place.parent, kind, 40 << 20)
    for fields, named in (({}, "max_ratio"), ({"max_size": 1 << 20, "max_ratio": 1e9}, "max_size")):
        tracemalloc.start()
        try:
            with pytest.raises(TooLargeError, match=named):
                Unpack(**fields).run(archive, place / "target")  # type: ignore[arg-type]
            assert tracemalloc.get_traced_memory()[1] < 12 << 20
        finally:
            tracemalloc.stop()
        assert list(place.iterdir()) == []
    assert Unpack(max_ratio=1e6).run(archive, place / "target").size == 40 << 20


def test_a_sparse_file_counts_with_its_holes(place: Path) -> None:
    path = place.parent / "sparse.tar"
    with (place.parent / "hole").open("wb") as file:
        file.truncate(1 << 30)
    made = subprocess.run(["tar", "-C", str(place.parent), "-Scf", str(path), "hole"], check=False)
    if made.returncode:
        pytest.skip("needs GNU tar")
    with pytest.raises(TooLargeError, match="max_size"):
        Unpack(max_size=1 << 20).run(path, place / "target")
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_too_many_things_are_an_error_also_folders_that_only_names_have(place: Path, kind: str) -> None:
    files: list[Thing] = [(f"{number}", "file", b"") for number in range(11)]
    assert isinstance(refused(place, kind, files, max_count=10), TooLargeError)
    deep: list[Thing] = [("/".join("abcdefghijk"), "file", b"")]
    assert isinstance(refused(place, kind, deep, max_count=10), TooLargeError)
    assert Unpack(max_count=10).run(make(place / "y", kind, files[:10]), place / "t").files == 10


def test_headers_that_want_much_memory_are_errors(place: Path) -> None:
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, 8 << 30
    path = place.parent / "x.tar"
    path.write_bytes(info.tobuf() + bytes(20_000))
    with pytest.raises(ArchiveError, match="header"):
        Unpack().run(path, place / "target")
    nested = tarfile.TarInfo("././@LongLink")
    nested.type, nested.size = tarfile.GNUTYPE_LONGNAME, 512
    path.write_bytes((nested.tobuf(tarfile.GNU_FORMAT) + b"x" * 512) * 3000)
    with pytest.raises(ArchiveError):
        Unpack().run(path, place / "target")
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "tar.bz2", "tar.xz", "zip"])
def test_a_cut_or_damaged_archive_is_an_error_wherever_it_was_cut(
    place: Path, kind: str, gate_count: Callable[[int, int], int]
) -> None:
    chance = random.Random(3)
    whole = place.parent / f"whole.{kind}"
    things: list[Thing] = [(f"{number}/x", "file", chance.randbytes(700)) for number in range(6)]
    if kind == "zip":
        make(whole, kind, things)
    else:
        plain = make(place.parent / "plain.tar", "tar", things).read_bytes().rstrip(b"\0")
        plain += bytes(1024 + -len(plain) % 512)
        pack = {"tar": bytes, "tar.gz": gzip.compress, "tar.bz2": bz2.compress, "tar.xz": lzma.compress}[kind]
        whole.write_bytes(pack(plain))
    data = whole.read_bytes()
    cut = place.parent / f"cut.{kind}"
    last = len(data) - 1024 if kind == "tar" else len(data) - 1
    for size in {*chance.sample(range(last), gate_count(40, 1000)), 0, 1, 512, 1024, last}:
        cut.write_bytes(data[:size])
        with pytest.raises(ArchiveError):
            Unpack().run(cut, place / "target")
        assert list(place.iterdir()) == [], size
    cut.write_bytes(b"this is no archive at all" * 100)
    with pytest.raises(ArchiveError):
        Unpack().run(cut, place / "target")
    for _ in range(
        gate_count(20, 1000)
    ):  # a flipped bit is an error where there are checksums; never a crash
        flipped = bytearray(data)
        flipped[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        cut.write_bytes(flipped)
        try:
            Unpack().run(cut, place / "target" / "x")
        except (ArchiveError, UnsafeNameError, UnsafeMemberError, TooLargeError):
            assert not (place / "target" / "x").exists()
        else:
            subprocess.run(["rm", "-r", str(place / "target" / "x")], check=True)
        if (place / "target").exists():
            (place / "target").rmdir()
