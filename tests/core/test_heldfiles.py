"""Files that grow until they are whole: their lock shows whether the writer lives."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from longshore.heldfiles import NO_LINK, boot_id, hold, is_at, lock, mode_for, remove, remove_abandoned

if sys.platform == "win32":
    pytest.skip("has no such locks", allow_module_level=True)

HOLDER = """
import os, sys
from pathlib import Path
from longshore.heldfiles import hold
path = Path(sys.argv[1])
assert hold(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), path)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "growing"


@pytest.fixture
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the file."""
    code = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(code, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | NO_LINK, 0o600)


def test_a_file_is_held_until_its_writer_dies(holder: subprocess.Popen[str], path: Path) -> None:
    descriptor = opened(path)
    assert not lock(descriptor)
    assert not hold(descriptor, path)
    assert remove_abandoned(path, old=True) is None
    holder.kill()
    holder.wait()
    assert hold(descriptor, path)
    os.close(descriptor)


def test_what_a_dead_writer_left_is_removed(path: Path) -> None:
    path.write_bytes(b"x" * 100)
    assert remove_abandoned(path, old=False) == 100
    assert not path.exists()
    assert remove(path) == 0


def test_a_file_that_was_taken_from_its_place_is_not_held(path: Path) -> None:
    descriptor = opened(path)
    path.rename(path.with_name("moved"))
    assert not hold(descriptor, path)
    path.touch()
    assert not is_at(descriptor, path)
    os.close(descriptor)


def test_a_link_is_neither_opened_nor_removed_for_its_file(path: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("kept")
    path.symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic links"):
        opened(path)
    assert remove_abandoned(path, old=True) is None
    assert (tmp_path / "precious").read_text() == "kept"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_a_new_file_gets_the_permissions_of_the_one_it_replaces(path: Path, mode: int) -> None:
    path.touch()
    path.chmod(mode)
    assert mode_for(path) == mode


def test_a_file_that_replaces_none_gets_what_the_umask_leaves(path: Path) -> None:
    before = os.umask(0o027)
    try:
        assert mode_for(path) == 0o640
    finally:
        os.umask(before)


def test_the_boot_has_one_id() -> None:
    assert boot_id() == boot_id()
