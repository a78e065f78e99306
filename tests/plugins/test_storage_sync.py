"""Syncing trees and prefixes: what is copied, what is deleted, what is never touched."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from shelf_store import OLD, Plugin, ShelfConnection, ShelfStore

from longshore import ConfigurationError, current, plugins
from longshore_storage import (
    CredentialsError,
    ObjectInfo,
    ObjectsFailedError,
    SourceError,
    StorageError,
    Sync,
    TargetError,
    ThrottledError,
    UnsafeNameError,
)
from longshore_storage.locations import Location
from longshore_storage.protocol import Connection
from longshore_storage.stores import store_for
from longshore_storage.sync import tallies
from longshore_storage.sync.crews import Allowance

NEW = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture
def shelf() -> Iterator[ShelfStore]:
    """The service in memory, empty, its scheme offered by a plugin."""
    plugin = Plugin()
    plugins.host().register(plugin, "shelf")
    for number in (0, 1):
        store_for(ShelfConnection(number=number)).__init__()  # type: ignore[misc]
    store = store_for(ShelfConnection())
    assert isinstance(store, ShelfStore)
    yield store
    plugins.host().unregister(plugin)


FAR = {"shelf://far/": ShelfConnection(number=1)}


def far() -> ShelfStore:
    store = store_for(ShelfConnection(number=1))
    assert isinstance(store, ShelfStore)
    return store


def make(root: Path, **contents: bytes) -> None:
    for name, data in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)


def tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_tree_becomes_a_prefix_and_the_prefix_a_tree(shelf: ShelfStore, tmp_path: Path) -> None:
    make(tmp_path / "one", **{"a.csv": b"1", "b/c": b"22", "b.d": b"", "é/ü": b"3"})
    done = Sync()(tmp_path / "one", "shelf://lake/data")
    assert (done.copied, done.bytes_copied, done.equal, done.deleted) == (4, 4, 0, 0)
    assert shelf.keys() == ["data/a.csv", "data/b.d", "data/b/c", "data/é/ü"]
    assert Sync()("shelf://lake/data", tmp_path / "two").copied == 4
    assert tree(tmp_path / "two") == tree(tmp_path / "one")
    assert Sync()(tmp_path / "one", "shelf://lake/data").equal == 4
    assert Sync()("shelf://lake/data", tmp_path / "two").equal == 4
    assert Sync()(tmp_path / "one", tmp_path / "two").equal == 4


def test_small_objects_are_one_request_at_each_end(shelf: ShelfStore, tmp_path: Path) -> None:
    make(tmp_path, **{f"{number}": b"1" for number in range(20)})
    Sync()(tmp_path, "shelf://lake/x")
    assert len(shelf.requests) == 21  # one listing
    shelf.requests.clear()
    Sync(connections=FAR)("shelf://lake/x", "shelf://far/x")
    assert len(shelf.asked("get")) == len(shelf.requests) - 1 == 20
    assert len(far().asked("put")) == len(far().requests) - 1 == 20
    shelf.requests.clear()
    Sync()("shelf://lake/x", "shelf://lake/y")
    assert len(shelf.asked("copy")) == len(shelf.requests) - 2 == 20


def test_large_objects_go_in_parts_and_keep_what_they_have(shelf: ShelfStore, tmp_path: Path) -> None:
    make(tmp_path, large=os.urandom(1000))
    Sync(part_size=100, content_type="a/b", metadata={"x": "y"})(tmp_path, "shelf://lake")
    assert len(shelf.asked("put_part")) == 10
    Sync(part_size=100, connections=FAR)("shelf://lake", "shelf://far/")
    assert far().data("large", "far") == shelf.data("large")
    told = far().objects["far", "large"][1]
    assert (told.content_type, told.metadata) == ("a/b", {"x": "y"})


def test_only_what_differs_is_copied(shelf: ShelfStore, tmp_path: Path) -> None:
    make(tmp_path, same=b"1", longer=b"22", newer=b"3", new=b"4")
    shelf.fill(NEW, same=b"1", longer=b"2")
    shelf.fill(OLD, newer=b"x")
    done = Sync(dry_run=True)(tmp_path, "shelf://lake")
    assert {planned.url: planned.why for planned in done.plan} == {
        "shelf://lake/longer": "the target has 1 bytes",
        "shelf://lake/new": "it is new",
        "shelf://lake/newer": "the target is older",
    }
    assert (done.copied, done.equal, done.dry_run) == (3, 1, True)
    assert shelf.keys() == ["longer", "newer", "same"]
    assert Sync()(tmp_path, "shelf://lake").copied == 3


def test_prefixes_are_compared_by_checksum_or_etag_where_both_have_one(shelf: ShelfStore) -> None:
    shelf.fill(NEW, **{"a/same": b"1", "a/other": b"2"})
    shelf.fill(OLD, **{"b/same": b"1", "b/other": b"3"})
    for said, why in ((False, "the ETag differs"), (True, f"the {shelf.algorithm} differs")):
        shelf.listing_says_checksums = said
        [planned] = Sync(dry_run=True)("shelf://lake/a", "shelf://lake/b").plan
        assert (planned.url, planned.why) == ("shelf://lake/b/other", why)


def test_by_content_files_are_read_and_times_do_not_count(shelf: ShelfStore, tmp_path: Path) -> None:
    make(tmp_path / "one", same=b"1", other=b"2")
    shelf.fill(OLD, same=b"1")
    shelf.fill(NEW, other=b"x")
    done = Sync(compare="content")(tmp_path / "one", "shelf://lake")
    assert (done.copied, done.equal, shelf.asked("put")) == (1, 1, ["other"])
    shelf.fill(NEW, other=b"y")
    assert Sync(compare="content")("shelf://lake", tmp_path / "one").copied == 1
    assert (tmp_path / "one" / "other").read_bytes() == b"y"
    make(tmp_path / "two", same=b"1", other=b"z")
    assert Sync(compare="content")(tmp_path / "one", tmp_path / "two").copied == 1
    assert Sync(compare="content", connections=FAR)("shelf://lake", "shelf://far/").copied == 2
    assert Sync(compare="content", connections=FAR)("shelf://lake", "shelf://far/").equal == 2


def test_by_size_nothing_else_counts_and_always_copies_all(shelf: ShelfStore, tmp_path: Path) -> None:
    make(tmp_path, a=b"1")
    shelf.fill(OLD, a=b"2")
    assert Sync(compare="size")(tmp_path, "shelf://lake").copied == 0
    assert Sync(compare="always")(tmp_path, "shelf://lake").copied == 1
    assert Sync(compare="always")(tmp_path, "shelf://lake").copied == 1


def test_nothing_is_deleted_unless_asked(shelf: ShelfStore, tmp_path: Path) -> None:
    make(tmp_path, a=b"1")
    shelf.fill(**{"data/x": b"1", "data/y": b"2", "database": b"3"})
    assert Sync()(tmp_path, "shelf://lake/data").deleted == 0
    planned = Sync(delete=True, dry_run=True)(tmp_path, "shelf://lake/data")
    assert [str(each) for each in planned.plan] == [
        f"delete shelf://lake/data/{name} (1 bytes): the source does not have it" for name in "xy"
    ]
    assert (planned.deleted, len(shelf.keys())) == (2, 4)
    assert Sync(delete=True)(tmp_path, "shelf://lake/data").deleted == 2
    assert shelf.keys() == ["data/a", "database"]


def test_files_are_deleted_with_the_folders_that_they_leave_empty(shelf: ShelfStore, tmp_path: Path) -> None:
    shelf.fill(**{"keep/a": b"1"})
    make(tmp_path, **{"gone/x/y": b"1", "keep/b": b"2"})
    (tmp_path / "empty").mkdir()
    assert Sync(delete=True)("shelf://lake", tmp_path).deleted == 2
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "empty", "keep"]


def test_an_empty_source_deletes_nothing(shelf: ShelfStore, tmp_path: Path) -> None:
    shelf.fill(a=b"1")
    with pytest.raises(SourceError, match="it has no objects at all, so everything would go"):
        Sync(delete=True)(tmp_path, "shelf://lake")
    with pytest.raises(SourceError, match="it is no folder, or not there"):
        Sync(delete=True)(tmp_path / "typo", "shelf://lake")
    assert shelf.keys() == ["a"]
    assert Sync(delete=True)(tmp_path, "shelf://lake/none").deleted == 0


def test_a_dry_run_touches_nothing(shelf: ShelfStore, tmp_path: Path) -> None:
    shelf.fill(**{"a/b": b"1"})
    planned = Sync(dry_run=True)("shelf://lake", tmp_path / "new")
    assert [step.url for step in planned.plan] == [str(tmp_path / "new" / "a" / "b")]
    assert list(tmp_path.iterdir()) == []
    assert {verb for verb, _ in shelf.requests} == {"list"}


def test_patterns_choose_at_both_places(shelf: ShelfStore, tmp_path: Path) -> None:
    make(tmp_path, **{"a.csv": b"1", "b.tmp": b"2", "x/c.csv": b"3", "x/d.txt": b"4"})
    shelf.fill(**{"old.csv": b"1", "old.tmp": b"2"})
    done = Sync(include=["*.csv", "x/"], exclude=["*.txt"], delete=True)(tmp_path, "shelf://lake")
    assert (done.copied, done.deleted) == (2, 1)
    assert shelf.keys() == ["a.csv", "old.tmp", "x/c.csv"]


def test_one_failed_object_does_not_stop_the_others_and_nothing_is_deleted(
    shelf: ShelfStore, tmp_path: Path
) -> None:
    make(tmp_path, **{f"{number:02}": b"1" for number in range(30)})
    shelf.fill(extra=b"1")
    shelf.fail["put", "07"] = [StorageError("no luck")]
    with pytest.raises(ObjectsFailedError, match=r"cannot sync one object: '.*/07': no luck$") as caught:
        Sync(delete=True, retries=0)(tmp_path, "shelf://lake")
    assert caught.value.retryable is False
    assert len(shelf.keys()) == 30
    assert ("lake", "extra") in shelf.objects
    assert Sync(delete=True)(tmp_path, "shelf://lake").copied == 1


def test_what_fails_for_a_moment_is_tried_again_by_the_task(shelf: ShelfStore, tmp_path: Path) -> None:
    make(tmp_path, a=b"1", b=b"1")
    gone = ThrottledError("slow down")
    gone.retry_after = 3600.0  # too long to wait for within the attempt
    shelf.fail["put", "a"] = [gone]
    assert Sync(retries=1, retry_delay=0)(tmp_path, "shelf://lake").copied == 1


def test_without_credentials_it_ends_at_once(shelf: ShelfStore, tmp_path: Path) -> None:
    make(tmp_path, **{f"{number:04}": b"1" for number in range(2000)})
    shelf.fail["put", "*"] = [CredentialsError("who are you") for _ in range(2000)]
    with pytest.raises(CredentialsError):
        Sync()(tmp_path, "shelf://lake")
    assert len(shelf.requests) < 100


@pytest.mark.gate("S6")
@pytest.mark.parametrize(
    "key", ["../out", "/abs", "a/../../out", "C:\\x", "a//b", "con\0trol", "./a", "x" * 300]
)
def test_an_unsafe_key_is_named_and_never_written(shelf: ShelfStore, tmp_path: Path, key: str) -> None:
    shelf.fill(**{f"in/{key}": b"evil", "in/good": b"1"})
    with pytest.raises(ObjectsFailedError) as caught:
        Sync(retries=0)("shelf://lake/in", tmp_path / "target")
    assert isinstance(caught.value.failures[0][1], UnsafeNameError)
    assert caught.value.failures[0][0] == f"shelf://lake/in/{key}"
    assert tree(tmp_path) == {"target/good": b"1"}


@pytest.mark.gate("S6")
def test_keys_that_cannot_be_files_side_by_side_are_named(shelf: ShelfStore, tmp_path: Path) -> None:
    shelf.fill(**{"a": b"1", "a-b": b"2", "a/b": b"3", "marker/": b""})
    with pytest.raises(ObjectsFailedError, match="'a' and 'a/b'"):
        Sync(retries=0)("shelf://lake", tmp_path)
    assert tree(tmp_path) == {"a": b"1", "a-b": b"2"}


def test_links_to_files_are_copied_and_links_to_folders_are_not_followed(
    shelf: ShelfStore, tmp_path: Path
) -> None:
    make(tmp_path, **{"outside/secret": b"s", "tree/real": b"1"})
    (tmp_path / "tree" / "file").symlink_to(tmp_path / "outside" / "secret")
    (tmp_path / "tree" / "folder").symlink_to(tmp_path / "outside")
    (tmp_path / "tree" / "broken").symlink_to("nowhere")
    Sync()(tmp_path / "tree", "shelf://lake")
    assert shelf.keys() == ["file", "real"]


@pytest.mark.gate("S6")
def test_a_link_in_the_target_leads_nowhere(shelf: ShelfStore, tmp_path: Path) -> None:
    make(tmp_path, **{"outside/kept": b"old"})
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "link").symlink_to(tmp_path / "outside")
    shelf.fill(**{"link/kept": b"evil", "b": b"1"})
    with pytest.raises(ObjectsFailedError, match="links below the folder are never followed"):
        Sync(retries=0)("shelf://lake", tmp_path / "target")
    assert (tmp_path / "outside" / "kept").read_bytes() == b"old"


def test_one_place_in_the_other_is_an_error(shelf: ShelfStore, tmp_path: Path) -> None:
    make(tmp_path, **{"a/x": b"1"})
    (tmp_path / "link").symlink_to(tmp_path / "a")
    pairs: list[tuple[object, object]] = [
        ("shelf://lake/a", "shelf://lake/a"),
        ("shelf://lake", "shelf://lake/a"),
        (tmp_path / "a", tmp_path),
        (tmp_path / "a", tmp_path / "link"),
    ]
    for source, target in pairs:
        with pytest.raises(ConfigurationError, match="one is in the other"):
            Sync()(source, target)  # type: ignore[call-overload]
    with pytest.raises(TargetError, match="it is a file"):
        Sync(retries=0)("shelf://lake", tmp_path / "a" / "x")
    assert Sync(connections={"shelf://lake/b": ShelfConnection(number=1)})("shelf://lake/a", "shelf://lake/b")


def test_a_service_that_lists_without_order_is_not_trusted(shelf: ShelfStore, tmp_path: Path) -> None:
    shelf.fill(a=b"1", b=b"2")
    shelf.in_order = False
    with pytest.raises(StorageError, match="does not list it in the order of the names, 'a' comes too late"):
        Sync(delete=True, retries=0)(tmp_path, "shelf://lake")


def test_names_of_files_that_are_no_text_keep_the_order(tmp_path: Path) -> None:
    for name in (b"a\xff", b"a\xc3\xa9", "a\U0001f600".encode(), "a\ufb01".encode()):
        (tmp_path / "one").mkdir(exist_ok=True)
        Path(os.fsdecode(os.fsencode(tmp_path / "one") + b"/" + name)).write_bytes(b"1")
    with pytest.raises(ObjectsFailedError, match="it is not Unicode"):
        Sync(retries=0)(tmp_path / "one", tmp_path / "two")
    assert len(tree(tmp_path / "two")) == 3


def test_cancelling_ends_it(shelf: ShelfStore, tmp_path: Path) -> None:
    make(tmp_path, **{f"{number:03}": b"1" for number in range(200)})
    put = shelf.put

    def slow(*given: Any, **named: Any) -> ObjectInfo:
        time.sleep(0.05)
        return put(*given, **named)

    shelf.put = slow  # type: ignore[method-assign]
    with pytest.raises(Exception, match="was not done after"):
        Sync(timeout=0.3, objects=1, retries=0)(tmp_path, "shelf://lake")
    del shelf.put
    assert 0 < len(shelf.keys()) < 100


def test_progress_counts_the_bytes_of_all_objects(
    shelf: ShelfStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, **{f"{number}": b"1" * 1000 for number in range(4)})
    shelf.fail["put_part", "2"] = [StorageError("no luck")]
    monkeypatch.setattr(tallies, "_EVERY", 0.0)
    told = Told()
    monkeypatch.setattr(tallies, "current", told)
    with pytest.raises(ObjectsFailedError):
        Sync(part_size=100, retries=0)(tmp_path, "shelf://lake")
    assert told.all[-1] == (3000, 4000, "B", "3 of 4 objects, 0 equal")
    assert max(done for done, *_ in told.all) <= 4000
    assert len(told.all) > 30


class Told:
    """Stands for `current`, and keeps what is said of progress."""

    log = current.log

    def __init__(self) -> None:
        self.all: list[tuple[int, int | None, str, str]] = []

    def progress(self, *, done: int, total: int | None, unit: str, message: str) -> None:
        self.all.append((done, total, unit, message))


def test_memory_is_shared_among_the_objects() -> None:
    allowance, stop, seen = Allowance(100), threading.Event(), list[int]()
    allowance.take(60, stop)

    def take() -> None:
        allowance.take(50, stop)
        seen.append(1)

    other = threading.Thread(target=take)
    other.start()
    other.join(0.05)
    assert seen == []
    allowance.give_back(60)
    other.join(5)
    assert seen == [1]


def test_wrong_fields_are_errors_at_once() -> None:
    wrong: list[dict[str, Any]] = [
        {"compare": "mtime"},
        {"objects": 0},
        {"include": [""]},
        {"concurrency": 0},
    ]
    for given in wrong:
        with pytest.raises(ConfigurationError):
            Sync(**given)


@dataclass(frozen=True, kw_only=True)
class EndlessConnection(Connection):
    """As many keys as wanted, none of which is kept."""

    scheme: ClassVar[str] = "endless"
    count: int = 0
    missing: int = 0
    """Every so many-th key is not there; 0 for none."""

    def open(self) -> EndlessStore:
        return EndlessStore()


class EndlessStore(ShelfStore):
    scheme = "endless"

    def list(self, prefix: Location, *, recursive: bool = True, after: str = "") -> Iterator[ObjectInfo]:
        connection = self.connection
        assert isinstance(connection, EndlessConnection)
        one = ObjectInfo(url="", size=10, etag="0" * 32, modified=OLD)
        for number in range(connection.count):
            if not connection.missing or number % connection.missing:
                yield replace(one, url=f"{prefix.url}{number:08}")


def synced_endlessly(count: int) -> None:
    connections = {
        "endless://a/": EndlessConnection(count=count),
        "endless://b/": EndlessConnection(count=count, missing=50),
    }
    task = Sync(connections=connections, dry_run=True, delete=True)
    done = task("endless://a/", "endless://b/")
    assert (done.copied, done.equal, len(done.plan)) == (
        count // 50,
        count - count // 50,
        min(1000, count // 50),
    )
    back = task("endless://b/", "endless://a/")
    assert (back.deleted, len(back.plan)) == (count // 50, min(1000, count // 50))


def peak_memory() -> int:
    """Bytes at most since `reset_peak_memory`."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) << 10


def reset_peak_memory() -> None:
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is asked of Linux")
def test_a_million_names_take_no_more_memory_than_some_thousands(
    gate_count: Callable[[int, int], int],
) -> None:
    synced_endlessly(5_000)
    reset_peak_memory()
    before = peak_memory()
    synced_endlessly(gate_count(50_000, 1_000_000))  # an ObjectInfo has half a KiB: 25 MB a listing
    assert peak_memory() < before + (6 << 20)
