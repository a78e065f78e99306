"""Killed writers, full disks and read-only folders: a result is there whole, or it is not there."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import signal
import stat
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from longshore.stores.errors import StoreError
from longshore.stores.results import Results

WRITER = """
    import sys
    from longshore.stores.results import Results
    value = bytes(range(256)) * (int(sys.argv[2]) // 256)
    results = Results(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    results.put(sys.argv[3], "load", value)
"""


def writer(folder: Path, size: int, run_id: str) -> subprocess.Popen[str]:
    """Start a process that is about to write a result."""
    started = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(folder), str(size), run_id],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    return started


def bytes_in(inside: Path) -> int:
    """How much is there that has no name yet."""
    found = 0
    for path in inside.glob(".part-*"):
        with contextlib.suppress(FileNotFoundError):
            found += path.stat().st_size
    return found


def kill_when_written(process: subprocess.Popen[str], inside: Path, size: int) -> None:
    """Let it write, and kill it when so many bytes are there; afterwards too, when it was quicker."""
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    end = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < end:
        if bytes_in(inside) >= size:
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.mark.gate("D3")
@pytest.mark.timeout(900)
def test_a_killed_writer_never_leaves_part_of_a_result_under_its_name(
    tmp_path: Path, gate_count: Callable[[int, int], int]
) -> None:
    size = gate_count(20, 400) * 1024 * 1024
    value = bytes(range(256)) * (size // 256)
    results = Results(tmp_path / "results")
    expected = results.put("run-whole", "load", value)
    chance = random.Random(3)
    leftovers = 0
    for number in range(gate_count(5, 50)):
        run_id = f"run-{number:08}"
        inside = tmp_path / "results" / run_id
        kill_when_written(writer(tmp_path / "results", size, run_id), inside, chance.randrange(size))
        names = [path.name for path in inside.iterdir()]
        leftovers += sum(name.startswith(".part-") for name in names)
        for name in names:
            if not name.startswith("."):
                assert (inside / name).stat().st_size == expected.size
                assert name == Path(expected.place).name
        again = results.put(run_id, "load", value)
        assert again.digest == expected.digest
        assert results.get(again) == value
        files, _ = results.sweep({expected.place, again.place}, 0)
        assert files == sum(name.startswith(".part-") for name in names)
        assert [path.name for path in inside.iterdir()] == [Path(again.place).name]
        results.remove(run_id)
    assert leftovers > 0, "no kill came while a result was written"


def test_a_sweep_leaves_what_is_being_written(tmp_path: Path) -> None:
    results = Results(tmp_path)
    process = writer(tmp_path, 400 * 1024 * 1024, "run-00000001")
    inside = tmp_path / "run-00000001"
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    try:
        while not bytes_in(inside):
            assert process.poll() is None
        process.send_signal(signal.SIGSTOP)
        assert results.sweep((), 0) == (0, 0)
        assert len(list(inside.glob(".part-*"))) == 1
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert results.sweep((), 0)[0] == 1
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_removes_what_nobody_refers_to_when_it_is_old_enough(tmp_path: Path) -> None:
    results = Results(tmp_path, inline=0)
    kept, loose = results.put("run-00000001", "a", "kept"), results.put("run-00000002", "b", "loose")
    assert results.sweep({kept.place}, 3600) == (0, 0)
    os.utime(tmp_path / loose.place, (time.time() - 7200,) * 2)
    os.utime(tmp_path / kept.place, (time.time() - 7200,) * 2)
    (tmp_path / "run-00000001" / "README").write_text("somebody else's")
    assert results.sweep({kept.place}, 3600) == (1, loose.size)
    assert results.get(kept) == "kept"
    assert not (tmp_path / "run-00000002").exists()
    assert results.remove("run-00000001") == (1, kept.size)
    assert (tmp_path / "run-00000001" / "README").exists()


def test_a_store_that_survives_a_loss_of_power_flushes_the_file_before_it_has_its_name(
    tmp_path: Path,
) -> None:
    code = f"""
        import os, stat, sys
        from longshore.stores.results import Results
        flush, calls = os.fsync, []
        def fsync(descriptor):
            calls.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
            flush(descriptor)
        os.fsync = fsync
        sys.addaudithook(lambda event, args: calls.append("rename") if event == "os.rename" else None)
        Results({str(tmp_path / "a")!r}, inline=0, durability=sys.argv[1]).put("run-00000001", "a", "x")
        print(*calls)
    """
    ran = {
        durability: subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code), durability],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for durability in ("power", "process")
    }
    assert ran["power"] == ["folder", "folder", "file", "rename", "folder"]
    assert ran["process"] == ["rename"]


# Disks that do not take it


@pytest.mark.gate("D5")
def test_a_full_disk_is_an_error_that_names_it_and_leaves_earlier_results_readable(small_disk: Path) -> None:
    results = Results(small_disk / "results")
    first = results.put("run-00000001", "first", "x" * 300_000)
    with pytest.raises(
        StoreError, match=r"cannot write a result to .*results/run-00000001': No space left on"
    ):
        results.put("run-00000001", "second", b"x" * 2_000_000)
    assert [path.name for path in (small_disk / "results" / "run-00000001").iterdir()] == [
        Path(first.place).name
    ]
    assert results.get(first) == "x" * 300_000
    assert results.get(results.put("run-00000001", "third", "y" * 300_000)) == "y" * 300_000


@pytest.mark.gate("D5")
def test_a_read_only_disk_is_an_error_that_names_it(small_disk: Path) -> None:
    results = Results(small_disk / "results", inline=0)
    first = results.put("run-00000001", "first", "x")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for run_id in ("run-00000001", "run-00000002"):
        with pytest.raises(StoreError, match=rf"cannot write a result to .*{run_id}': Read-only file system"):
            results.put(run_id, "second", "y")
    with pytest.raises(StoreError, match=r"cannot remove .*: Read-only file system"):
        results.remove("run-00000001")
    assert results.get(first) == "x"


@pytest.mark.gate("D5")
def test_a_limit_on_the_size_of_files_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    results = Results(tmp_path / "results")
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pytest.raises(StoreError, match=r"cannot write a result to .*: File too large"):
            results.put("run-00000001", "a", b"x" * 5_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list((tmp_path / "results" / "run-00000001").iterdir()) == []


@pytest.mark.gate("D5")
@pytest.mark.parametrize("folder", ["file", "file/below"])
def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        StoreError, match=r"cannot write a result to .*/file.*: (Not a directory|File exists)"
    ):
        Results(tmp_path / folder, inline=0).put("run-00000001", "a", "x")
    assert stat.S_ISREG((tmp_path / "file").stat().st_mode)


def test_sweeps_never_take_a_file_from_under_its_writer(tmp_path: Path) -> None:
    """A file that is made and not yet locked looks abandoned; its writer has to notice."""
    end = time.monotonic() + 1.0

    def sweep() -> None:
        while time.monotonic() < end:
            Results(tmp_path).sweep((), 3600)

    sweepers = [threading.Thread(target=sweep) for _ in range(3)]
    for sweeper in sweepers:
        sweeper.start()
    results = Results(tmp_path, inline=0)
    written = 0
    while time.monotonic() < end:
        run_id = f"run-{written:08}"
        assert results.get(results.put(run_id, "load", written)) == written
        assert results.remove(run_id)[0] == 1
        written += 1
    for sweeper in sweepers:
        sweeper.join()
    assert written > 0
    assert list(tmp_path.iterdir()) == []
