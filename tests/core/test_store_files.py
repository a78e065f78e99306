"""The store's file: private, refused when it cannot be right, explained when it cannot be used."""

from __future__ import annotations

import os
import resource
import shlex
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from stores_at_work import RUN, check_integrity, claimed, pragma, success

from longshore import ConfigurationError, SQLiteStore, StoreCorruptError, StoreError, StoreVersionError
from longshore.stores.records import Logged, LogRecord, RunRecord
from longshore.stores.schema import MIGRATIONS
from longshore.testing import raises_saying


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    store = SQLiteStore(path)
    yield store
    store.close()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.gate("S12")
def test_nobody_else_can_read_a_store_whatever_the_umask(tmp_path: Path) -> None:
    """Neither the file nor those beside it, nor the folders that were made for it."""
    old = os.umask(0)
    try:
        store = claimed(SQLiteStore(tmp_path / "a" / "b" / "runs.db"))
        store.write(RUN, "me", [success("load")])
        store.results.put(RUN, "load", b"x" * 1_000_000)
    finally:
        os.umask(old)
    inside = sorted((tmp_path / "a").rglob("*"))
    assert {path.name for path in inside} >= {"runs.db", "runs.db-wal", "runs.db-shm", "runs.db.results"}
    assert {mode(path) for path in inside if path.is_dir()} == {0o700}
    assert {mode(path) for path in inside if path.is_file()} == {0o600}
    store.close()


def test_a_folder_that_is_there_keeps_its_rights(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    store = SQLiteStore(tmp_path / "runs.db")
    assert store.runs() == []
    assert mode(tmp_path) == 0o755
    store.close()


def test_a_store_is_made_when_it_is_first_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the path pointed when the store was named, wherever the process has gone since."""
    monkeypatch.chdir(tmp_path)
    store = SQLiteStore("here/runs.db")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.chdir("/")
    assert store.runs() == []
    assert (tmp_path / "here" / "runs.db").exists()
    assert repr(store) == f"SQLiteStore({str(tmp_path / 'here' / 'runs.db')!r}, durability='process')"
    store.close()


def test_sqlite_is_imported_when_a_store_is_used(path: Path) -> None:
    code = (
        "import sys, longshore\n"
        f"store = longshore.open_store({str(path)!r})\n"
        "assert 'sqlite3' not in sys.modules\n"
        "assert store.runs() == [] and 'sqlite3' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(("durability", "synchronous"), [("process", 1), ("power", 2)])
def test_durability_chooses_how_long_a_write_waits(path: Path, durability: str, synchronous: int) -> None:
    store = claimed(SQLiteStore(path, durability=durability))  # type: ignore[arg-type]
    assert store.durability == durability
    names = ("journal_mode", "synchronous", "auto_vacuum", "busy_timeout")
    settings = [pragma(store, name) for name in names]
    assert settings == ["wal", synchronous, 2, 15_000]
    store.close()


def test_another_durability_is_refused(path: Path) -> None:
    with raises_saying(ConfigurationError, "durability is 'process' or 'power', not 'none'"):
        SQLiteStore(path, durability="none")  # type: ignore[arg-type]


def test_a_write_is_all_or_nothing(path: Path) -> None:
    store = claimed(SQLiteStore(path))
    bad = LogRecord(step="load", map_index=-1, attempt=1, time=1.0, level=20, text=object())  # type: ignore[arg-type]
    with pytest.raises(StoreError, match=r"runs\.db"):
        store.write(RUN, "me", [success("load"), Logged(lines=(bad,))])
    assert store.steps(RUN) == store.transitions(RUN) == []  # type: ignore[comparison-overlap]
    store.close()


@pytest.mark.parametrize("content", [b"not a database" * 1000, b"x" * 4096])
def test_a_file_that_is_no_store_is_refused_with_a_way_to_go_on(path: Path, content: bytes) -> None:
    """What the message says to type puts the file aside, and a new store is made."""
    path.write_bytes(content)
    store = SQLiteStore(path)
    with pytest.raises(StoreCorruptError, match="it is damaged, or no run store") as caught:
        store.runs()
    assert repr(str(path)) in str(caught.value)
    assert path.read_bytes() == content
    command = str(caught.value).rpartition(": ")[2]
    subprocess.run(["sh", "-c", command], check=True)
    assert store.runs() == []
    assert (path.parent / "damaged" / "runs.db").read_bytes() == content
    store.close()


def test_a_damaged_store_is_told_from_one_that_is_not(path: Path) -> None:
    """Reading what is whole works; what is not is an error of its own class, each time."""
    store = claimed(SQLiteStore(path))
    lines = tuple(
        LogRecord(step="load", map_index=-1, attempt=1, time=1.0, level=20, text="x" * 900)
        for _ in range(200)
    )
    store.write(RUN, "me", [success("load"), Logged(lines=lines)])
    store.close()
    with path.open("r+b") as file:
        file.seek(40 * 4096)
        file.write(os.urandom(60 * 4096))
    assert store.run(RUN).flow == "nightly"
    for _ in range(2):
        with pytest.raises(StoreCorruptError, match=shlex.quote(str(path))):
            store.logs(RUN)
    store.close()


def test_another_programs_database_is_left_alone(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (value)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with raises_saying(StoreCorruptError, str(path), "another program's database", "give another path"):
        SQLiteStore(path).runs()
    assert path.read_bytes() == before


@pytest.mark.gate("D9")
def test_a_newer_store_is_refused_and_left_alone(path: Path) -> None:
    """The message names both versions and says what to do."""
    claimed(SQLiteStore(path)).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = path.read_bytes()
    with raises_saying(
        StoreVersionError, str(path), "99", f"up to {len(MIGRATIONS)}", "pip install --upgrade longshore"
    ):
        SQLiteStore(path).runs()
    assert path.read_bytes() == before


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_a_run_does_not_go_on_in_a_file_that_was_taken_away(store: SQLiteStore, path: Path, how: str) -> None:
    """What is written into a file without a name is lost: the writer is told."""
    claimed(store)
    if how == "replaced":
        shutil.copy(path, path.with_name("copy"))
        path.with_name("copy").replace(path)
    else:
        path.unlink()
    with raises_saying(StoreError, str(path), "removed or replaced while it was in use"):
        store.write(RUN, "me", [success("load")])


def test_a_store_that_is_locked_for_too_long_is_an_error_that_says_so(path: Path) -> None:
    """Here the wait is cut short; a store waits for 15 seconds."""
    store = claimed(SQLiteStore(path))
    pragma(store, "busy_timeout = 50")
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with raises_saying(StoreError, "another process has kept it locked for 15 s", f"fuser -v {path}"):
        store.write(RUN, "me", [success("load")])
    assert store.run(RUN).tries == 1
    blocker.execute("ROLLBACK")
    store.write(RUN, "me", [success("load")])
    blocker.close()
    store.close()


@pytest.mark.gate("D5")
def test_a_full_disk_is_named_and_loses_nothing_that_was_written(small_disk: Path) -> None:
    """The store opens on the full disk, and goes on when there is room again."""
    path = small_disk / "runs.db"
    store = claimed(SQLiteStore(path))
    store.write(RUN, "me", [success("load")])
    written = 0
    with raises_saying(
        StoreError, f"cannot write run store {str(path)!r}: its disk is full; free some space"
    ):
        for written in range(1000):
            text = f"{written} " * 2000
            line = LogRecord(step="load", map_index=-1, attempt=1, time=1.0, level=20, text=text)
            store.write(RUN, "me", [Logged(lines=(line,), keep=10_000)])
    assert written > 10
    for reader in (store, SQLiteStore(path)):
        assert [step.state for step in reader.steps(RUN)] == ["Success"]
        assert len(reader.logs(RUN)) == written
    with pytest.raises(StoreError, match="its disk is full"):
        store.write(RUN, "me", [success("clean", number) for number in range(10_000)])
    reader.close()
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    store.write(RUN, "me", [success("clean")])
    assert [step.step for step in store.steps(RUN)] == ["load", "clean"]
    store.close()
    check_integrity(path)


@pytest.mark.gate("D5")
def test_a_disk_that_is_full_at_the_start_is_named(small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(b"x" * (1 << 20))
    with raises_saying(StoreError, str(small_disk / "runs.db"), "full", "space"):
        SQLiteStore(small_disk / "runs.db").create(RunRecord(run_id=RUN, flow="nightly"))


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """The same folder as `tmp_path / "disk"`, where nothing can be written."""
    real, place = tmp_path / "disk", tmp_path / "read-only"
    real.mkdir()
    place.mkdir()
    mount = ["mount", "--bind", str(real), str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root can mount a folder a second time")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(place)], check=True)
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.gate("D5")
@pytest.mark.parametrize("in_use", [True, False])
def test_on_a_read_only_disk_what_was_written_is_readable(read_only: Path, in_use: bool) -> None:
    """Whether others write to it meanwhile or not; writing there is an error that says why."""
    writer = claimed(SQLiteStore(read_only.with_name("disk") / "runs.db"))
    writer.write(RUN, "me", [success("load")])
    if not in_use:
        writer.close()
    store = SQLiteStore(read_only / "runs.db")
    began = time.monotonic()
    for _ in range(2):
        assert [step.step for step in store.steps(RUN)] == ["load"]
        assert store.run(RUN[:8]).flow == "nightly"
        with raises_saying(StoreError, str(read_only / "runs.db"), "it is read-only"):
            store.write(RUN, "me", [success("clean")])
    assert time.monotonic() - began < 10
    writer.write(RUN, "me", [success("clean")])
    assert [step.step for step in store.steps(RUN)] == ["load", "clean"]
    store.close()
    writer.close()


@pytest.mark.gate("D5")
def test_on_a_read_only_disk_a_store_of_an_older_version_is_readable(read_only: Path) -> None:
    """As it was; it is brought up to date in memory alone."""
    path = read_only.with_name("disk") / "runs.db"
    frozen = sqlite3.connect(path)
    frozen.executescript((Path(__file__).parent / "stores" / "version_1.sql").read_text())
    frozen.close()
    before = path.read_bytes()
    store = SQLiteStore(read_only / "runs.db")
    for _ in range(2):
        assert (len(store.runs()), store.incidents(), store.waiting_channels()) == (3, [], [])
        with raises_saying(StoreError, str(read_only / "runs.db"), "it is read-only"):
            store.request_cancel(RUN, "not needed")
    store.close()
    assert path.read_bytes() == before


@pytest.mark.gate("D5")
def test_no_store_is_made_on_a_read_only_disk(read_only: Path) -> None:
    with raises_saying(StoreError, str(read_only / "runs.db"), "Read-only file system", "give another path"):
        SQLiteStore(read_only / "runs.db").runs()


@pytest.mark.gate("D5")
def test_a_limit_on_the_size_of_files_loses_nothing_that_was_written(path: Path) -> None:
    """Each write is there or raised."""
    store = claimed(SQLiteStore(path))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, before[1]))
    written = 0
    try:
        with raises_saying(StoreError, str(path), "disk I/O error"):
            for written in range(1000):
                store.write(RUN, "me", [success("load", written)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert 10 < written < 999
    assert [step.map_index for step in store.steps(RUN)] == list(range(written))
    store.write(RUN, "me", [success("clean")])
    store.close()
    check_integrity(path)


AS_NOBODY = """
import os, sys
import sqlite3, longshore.stores.results, urllib.parse, platform
from longshore import SQLiteStore, StoreError
from longshore.stores.records import RunRecord
path = sys.argv[1]
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
store = SQLiteStore(path)
for what in (store.runs, lambda: store.create(RunRecord(run_id="another run", flow="nightly"))):
    try:
        print(what())
    except StoreError as error:
        print(error)
"""


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that every user can enter."""
    folder = Path(subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip())
    folder.chmod(0o755)
    yield folder
    for place in (folder, *folder.rglob("*")):
        place.chmod(0o700)
    shutil.rmtree(folder)


@pytest.mark.gate("D5")
@pytest.mark.parametrize(
    ("folder_mode", "file_mode", "seen"),
    [
        (0o555, None, "Permission denied; make its folder writable"),
        (0o555, 0o644, "it is read-only; make the file and its folder writable"),
        (0o777, 0o644, "it is read-only; make the file and its folder writable"),
        (0o777, 0o200, "unable to open database file; make the file and its folder writable"),
    ],
    ids=["no file", "read-only folder", "read-only file", "unreadable file"],
)
def test_without_the_right_to_write_the_file_and_the_reason_are_named(
    public_folder: Path, folder_mode: int, file_mode: int | None, seen: str
) -> None:
    """Nothing hangs, and nothing is said of SQLite's errors but their text."""
    path = public_folder / "runs.db"
    if file_mode is not None:
        claimed(SQLiteStore(path)).close()
        path.chmod(file_mode)
    public_folder.chmod(folder_mode)
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    last = done.stdout.splitlines()[-1]
    assert str(path) in last
    assert seen in last
