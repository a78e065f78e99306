"""`Pack` makes archives whole or not at all, and `Unpack` makes of them what was there."""

from __future__ import annotations

import gzip
import os
import signal
import stat
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from pathlib import Path

import pytest

from longshore import ConfigurationError, TaskCancelled
from longshore_storage import checksums
from longshore_storage.archives import Pack, Unpack
from longshore_storage.archives.staging import staging_for
from longshore_storage.errors import (
    ObjectExistsError,
    ObjectNotFoundError,
    SourceError,
    TargetError,
)  # fmt: skip

KINDS = ["tar", "tar.gz", "zip"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with things in it."""
    folder = tmp_path / "tree"
    (folder / "a/empty").mkdir(parents=True)
    (folder / "a/x.csv").write_bytes(os.urandom(300_000))
    (folder / "a.txt").write_bytes(b"")
    (folder / "run.sh").write_bytes(b"#!/bin/sh\n")
    (folder / "run.sh").chmod(0o750)
    (folder / "データ \U0001f600.txt").write_text("text")
    (folder / "link").symlink_to("a.txt")
    (folder / "circle").symlink_to("..")
    os.utime(folder / "a.txt", (1_500_000_000, 1_500_000_000))
    return folder


def contents(folder: Path) -> dict[str, bytes | None]:
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.name != "circle"}
    return {name: path.read_bytes() if path.is_file() else None for name, path in sorted(found.items())}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_packed_can_be_unpacked(tree: Path, tmp_path: Path, kind: str) -> None:
    info = Pack()(tree, tmp_path / f"x.{kind}")
    assert info.path == tmp_path / f"x.{kind}"
    data = info.path.read_bytes()
    assert info.checksum == checksums.of(checksums.best(), data)
    assert info.size == len(data)
    out = Unpack()(info, tmp_path / "out")
    assert contents(tmp_path / "out") == contents(tree)
    assert (out.files, out.path) == (5, tmp_path / "out")
    assert out.size == 300_000 + 10 + 4
    assert (tmp_path / "out/a.txt").stat().st_mtime == 1_500_000_000
    assert stat.S_IMODE((tmp_path / "out/run.sh").stat().st_mode) & 0o700 == 0o700
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == stat.S_IMODE(tree.stat().st_mode)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "tree", f"x.{kind}"]


@pytest.mark.parametrize("kind", KINDS)
def test_other_programs_read_what_was_packed_in_the_order_of_names(
    tree: Path, tmp_path: Path, kind: str
) -> None:
    Pack()(tree, tmp_path / f"x.{kind}")
    if kind == "zip":
        with zipfile.ZipFile(tmp_path / "x.zip") as zipped:
            assert zipped.testzip() is None
            names = zipped.namelist()
    else:
        with tarfile.open(tmp_path / f"x.{kind}") as tarred:
            names = [f"{info.name}/" if info.isdir() else info.name for info in tarred]
            assert {(info.uid, info.uname) for info in tarred} == {(0, "")}
    assert names == ["a.txt", "a/", "a/empty/", "a/x.csv", "link", "run.sh", "データ \U0001f600.txt"]


@pytest.mark.parametrize("kind", KINDS)
def test_equal_files_make_equal_archives_when_that_is_asked_for(
    tree: Path, tmp_path: Path, kind: str
) -> None:
    packed = []
    for number in range(2):
        packed.append(Pack(reproducible=True, format=kind)(tree, tmp_path / f"{number}").checksum)
        os.utime(tree / "a.txt", (number + 1.5e9, 1.6e9))
        (tree / "a.txt").chmod(0o600)
    assert packed[0] == packed[1]
    assert Pack(format=kind)(tree, tmp_path / "other").checksum != packed[0]


def test_several_sources_keep_their_names_and_one_file_its_own(tree: Path, tmp_path: Path) -> None:
    Pack()([tree / "a.txt", tree / "a"], tmp_path / "x.tar")
    with tarfile.open(tmp_path / "x.tar") as tarred:
        assert tarred.getnames() == ["a", "a/empty", "a/x.csv", "a.txt"]
    Pack()(tree / "a.txt", tmp_path / "y.zip")
    with zipfile.ZipFile(tmp_path / "y.zip") as zipped:
        assert zipped.namelist() == ["a.txt"]
    (tmp_path / "a.txt").write_bytes(b"")
    with pytest.raises(SourceError, match="one name"):
        Pack()([tree / "a.txt", tmp_path / "a.txt"], tmp_path / "z.tar")


def test_an_archive_does_not_hold_itself(tree: Path) -> None:
    for _ in range(2):
        Pack()(tree, tree / "all.tar")
        with tarfile.open(tree / "all.tar") as tarred:
            assert "all.tar" not in tarred.getnames()
            assert not [name for name in tarred.getnames() if "longshore" in name]


def test_an_archive_that_cannot_be_made_leaves_the_old_one(tree: Path, tmp_path: Path) -> None:
    target = tmp_path / "x.tar"
    target.write_bytes(b"old")
    target.chmod(0o604)
    with pytest.raises(ObjectNotFoundError):
        Pack()([tree, tmp_path / "missing"], target)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ObjectNotFoundError, match="no plain file"):
        Pack()(tmp_path / "pipe", target)
    with pytest.raises(ObjectExistsError):
        Pack(overwrite="never")(tree, target)
    with pytest.raises(ConfigurationError, match="end its name"):
        Pack()(tree, tmp_path / "x.rar")
    with pytest.raises(TargetError, match="folder"):
        Pack(format="tar")(tree, tree)
    assert target.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pipe", "tree", "x.tar"]
    Pack()(tree, target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o604


def test_a_full_disk_leaves_nothing(tree: Path, small_disk: Path) -> None:
    (small_disk / "x.tar").write_bytes(b"old")
    (tree / "large").write_bytes(os.urandom(2 << 20))
    with pytest.raises(TargetError, match="disk is full"):
        Pack()(tree, small_disk / "x.tar")
    Pack()(tree, tree.parent / "x.tar")
    with pytest.raises(TargetError, match="disk is full"):
        Unpack()(tree.parent / "x.tar", small_disk / "out")
    assert [path.name for path in small_disk.iterdir()] == ["x.tar"]
    assert (small_disk / "x.tar").read_bytes() == b"old"


def test_a_folder_with_something_in_it_is_not_touched_unless_that_is_asked_for(
    tree: Path, tmp_path: Path
) -> None:
    Pack()(tree, tmp_path / "x.tar")
    out = tmp_path / "out"
    (out / "a").mkdir(parents=True)
    Unpack()(tmp_path / "x.tar", tmp_path / "new")
    (out / "a/x.csv").write_bytes(b"old")
    (out / "a/mine").write_bytes(b"mine")
    with pytest.raises(ObjectExistsError, match="merge=True"):
        Unpack()(tmp_path / "x.tar", out)
    assert contents(out) == {"a": None, "a/mine": b"mine", "a/x.csv": b"old"}
    Unpack(merge=True)(tmp_path / "x.tar", out)
    assert contents(out) == dict(sorted({**contents(tree), "a/mine": b"mine"}.items()))


def test_an_empty_folder_is_filled(tree: Path, tmp_path: Path) -> None:
    Pack()(tree, tmp_path / "x.tar")
    (tmp_path / "out").mkdir(mode=0o711)
    Unpack()(tmp_path / "x.tar", tmp_path / "out")
    assert contents(tmp_path / "out") == contents(tree)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o711


def test_merging_follows_no_link_and_puts_no_file_for_a_folder(tree: Path, tmp_path: Path) -> None:
    Pack()(tree, tmp_path / "x.tar")
    outside, out = tmp_path / "outside", tmp_path / "out"
    outside.mkdir()
    out.mkdir()
    (outside / "a.txt").write_bytes(b"precious")
    (out / "a").symlink_to(outside)
    with pytest.raises(TargetError, match="'a': what is there is no folder"):
        Unpack(merge=True)(tmp_path / "x.tar", out)
    assert [path.name for path in out.iterdir()] == ["a"]
    (out / "a").unlink()
    (out / "a.txt").symlink_to(outside / "a.txt")
    (out / "run.sh").mkdir()
    with pytest.raises(TargetError, match=r"'run\.sh': what is there is a folder"):
        Unpack(merge=True)(tmp_path / "x.tar", out)
    assert sorted(path.name for path in out.iterdir()) == ["a.txt", "run.sh"]
    (out / "run.sh").rmdir()
    Unpack(merge=True)(tmp_path / "x.tar", out)
    assert (out / "a.txt").read_bytes() == b""
    assert contents(outside) == {"a.txt": b"precious"}


def test_links_and_folders_come_back_as_they_were(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    (folder / "a/b").mkdir(parents=True)
    (folder / "a/b/x").write_bytes(b"1")
    os.link(folder / "a/b/x", folder / "y")
    (folder / "up").symlink_to("a/b/x")
    (folder / "a/b/down").symlink_to("../../y")
    (folder / "a").chmod(0o500)
    with tarfile.open(tmp_path / "x.tar.xz", "w:xz") as tarred:
        tarred.add(folder, ".")
    out = tmp_path / "out"
    Unpack()(tmp_path / "x.tar.xz", out)
    assert (out / "up").readlink() == Path("a/b/x")
    assert (out / "up").read_bytes() == (out / "a/b/down").read_bytes() == b"1"
    assert (out / "y").stat().st_ino == (out / "a/b/x").stat().st_ino
    assert stat.S_IMODE((out / "a").stat().st_mode) == 0o700
    (folder / "a").chmod(0o700)


def test_a_compressed_archive_in_pieces_is_read_to_its_end(tmp_path: Path) -> None:
    import lzma

    (tmp_path / "x").write_bytes(os.urandom(100_000))
    Pack()(tmp_path / "x", tmp_path / "x.tar")
    data = (tmp_path / "x.tar").read_bytes()
    for name, made in (
        ("gz", gzip.compress(data[:50_000]) + gzip.compress(data[50_000:])),
        ("xz", lzma.compress(data[:50_000]) + bytes(8) + lzma.compress(data[50_000:]) + bytes(4)),
    ):
        (tmp_path / name).write_bytes(made)
        assert Unpack()(tmp_path / name, tmp_path / f"out-{name}").size == 100_000


def test_what_is_no_local_archive_is_said(tmp_path: Path) -> None:
    with pytest.raises(ObjectNotFoundError):
        Unpack()(tmp_path / "missing.tar", tmp_path / "out")
    with pytest.raises(ConfigurationError, match="download it first"):
        Unpack()("s3://lake/x.tar", tmp_path / "out")
    with pytest.raises(ConfigurationError, match="upload it afterwards"):
        Pack()(tmp_path, "s3://lake/x.tar")
    with pytest.raises(ConfigurationError, match="above 0"):
        Unpack(max_ratio=0)
    assert list(tmp_path.iterdir()) == []


def test_one_task_at_a_time_unpacks_to_a_folder(tree: Path, tmp_path: Path) -> None:
    Pack()(tree, tmp_path / "x.tar")
    with staging_for(tmp_path / "out", merge=False), pytest.raises(TargetError, match="another task"):
        Unpack()(tmp_path / "x.tar", tmp_path / "out")
    assert Unpack()(tmp_path / "x.tar", tmp_path / "out").files == 5


def test_a_killed_unpack_leaves_nothing_under_the_name_and_the_next_one_tidies(tmp_path: Path) -> None:
    with (tmp_path / "zeros").open("wb") as file:
        file.truncate(100_000_000)
    Pack()(tmp_path / "zeros", tmp_path / "x.tar")
    program = "import sys; from longshore_storage.archives import Unpack; Unpack()(*sys.argv[1:])"
    arguments = [sys.executable, "-c", program, str(tmp_path / "x.tar"), str(tmp_path / "out")]
    with subprocess.Popen(arguments) as process:
        while process.poll() is None and not list(tmp_path.glob(".*/tree/zeros")):
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    assert len(list(tmp_path.glob(".*"))) == 1
    Pack()(Path(__file__), tmp_path / "y.tar")
    Unpack()(tmp_path / "y.tar", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == [Path(__file__).name]
    assert list(tmp_path.glob(".*")) == []


def test_a_task_that_is_told_to_stop_stops(tmp_path: Path) -> None:
    with (tmp_path / "zeros").open("wb") as file:
        file.truncate(4 << 30)
    began = time.monotonic()
    with pytest.raises(Exception) as stopped:
        Pack(timeout=0.3)(tmp_path / "zeros", tmp_path / "x.tar.gz")
    assert isinstance(stopped.value, (TimeoutError, TaskCancelled))
    assert time.monotonic() - began < 20
    end = time.monotonic() + 20
    while len(list(tmp_path.iterdir())) > 1 and time.monotonic() < end:
        threading.Event().wait(0.02)
    assert [path.name for path in tmp_path.iterdir()] == ["zeros"]
