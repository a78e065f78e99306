"""What the tasks on objects say that they read and wrote."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from shelf_store import Plugin, ShelfConnection, ShelfStore

from longshore import plugins
from longshore.testing import datasets_told
from longshore_storage import (
    Copy,
    Delete,
    Exists,
    List,
    Move,
    ObjectNotFoundError,
    Pack,
    Read,
    ReadText,
    Sync,
    Unpack,
    Write,
)
from longshore_storage.stores import store_for
from longshore_storage.tasks import DownloadTask, UploadTask


class ShelfUpload(UploadTask):
    """As an integration writes one."""

    connection: ShelfConnection = ShelfConnection()


class ShelfDownload(DownloadTask):
    """As an integration writes one."""

    connection: ShelfConnection = ShelfConnection()


@pytest.fixture
def shelf() -> Iterator[ShelfStore]:
    """The service in memory, empty, its scheme offered by a plugin."""
    plugin = Plugin()
    plugins.host().register(plugin, "shelf")
    store = store_for(ShelfConnection())
    assert isinstance(store, ShelfStore)
    store.__init__()  # type: ignore[misc]
    yield store
    plugins.host().unregister(plugin)


def test_an_upload_reads_the_file_and_writes_the_object(shelf: ShelfStore, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"1,2\n")
    with datasets_told() as told:
        made = ShelfUpload()(path, "shelf://lake/2013/")
    assert {(d.direction, d.uri, d.bytes, d.version) for d in told} == {
        ("read", f"file://{path}", 4, ""),
        ("write", "shelf://lake/2013/a.csv", 4, made.version),
    }
    assert made.version
    with datasets_told() as told:
        ShelfUpload()(b"123", "shelf://lake/b")
    assert [(d.direction, d.uri, d.bytes) for d in told] == [("write", "shelf://lake/b", 3)]


def test_a_download_reads_the_object_and_writes_the_file(shelf: ShelfStore, tmp_path: Path) -> None:
    made = Write()(b"123", "shelf://lake/a")
    with datasets_told() as told:
        ShelfDownload()("shelf://lake/a", f"{tmp_path}/")
    assert [(d.direction, d.uri, d.bytes, d.version) for d in told] == [
        ("read", "shelf://lake/a", 3, made.version),
        ("write", f"file://{tmp_path}/a", 3, ""),
    ]


def test_what_is_read_into_memory_is_read_once(shelf: ShelfStore) -> None:
    large = b"x" * (16 * 2**20 + 1)
    with datasets_told() as told:
        small = Write()("1", "shelf://lake/small")
        Write()(large, "shelf://lake/large")
        Read()("shelf://lake/small")
        ReadText()(small)
        assert Read()("shelf://lake/large") == large
    assert [(d.direction, d.uri, d.bytes) for d in told] == [
        ("write", "shelf://lake/small", 1),
        ("write", "shelf://lake/large", len(large)),
        ("read", "shelf://lake/small", 1),
        ("read", "shelf://lake/small", 1),
        ("read", "shelf://lake/large", len(large)),
    ]


def test_a_copy_and_a_move_read_and_write(shelf: ShelfStore, tmp_path: Path) -> None:
    Write()(b"123", "shelf://lake/a")
    for task, source, target in ((Copy(), "a", "b"), (Move(), "b", "c")):
        with datasets_told() as told:
            task(f"shelf://lake/{source}", f"shelf://lake/{target}")
        assert [(d.direction, d.uri, d.bytes) for d in told] == [
            ("read", f"shelf://lake/{source}", 3),
            ("write", f"shelf://lake/{target}", 3),
        ]


def test_a_sync_names_its_two_ends_and_not_each_object(shelf: ShelfStore, tmp_path: Path) -> None:
    for n in range(20):
        (tmp_path / f"{n}.csv").write_bytes(b"12")
    with datasets_told() as told:
        Sync(dry_run=True)(tmp_path, "shelf://lake/exports")
    assert told == []
    with datasets_told() as told:
        Sync()(tmp_path, "shelf://lake/exports")
    assert [(d.direction, d.uri, d.bytes) for d in told] == [
        ("read", f"file://{tmp_path}/", 40),
        ("write", "shelf://lake/exports/", 40),
    ]


def test_what_only_looks_or_fails_says_nothing(shelf: ShelfStore, tmp_path: Path) -> None:
    Write()(b"1", "shelf://lake/a")
    with datasets_told() as told:
        List()("shelf://lake/")
        Exists()("shelf://lake/a")
        Delete()("shelf://lake/a")
        for task in (Read(retries=0), ReadText(retries=0)):
            with pytest.raises(ObjectNotFoundError):
                task("shelf://lake/a")
        with pytest.raises(ObjectNotFoundError):
            ShelfDownload(retries=0)("shelf://lake/a", tmp_path / "a")
    assert told == []


def test_archives_are_read_and_written(tmp_path: Path) -> None:
    folder = tmp_path / "stations"
    folder.mkdir()
    (folder / "a.csv").write_bytes(b"1,2\n")
    with datasets_told() as told:
        packed = Pack()(folder, tmp_path / "stations.zip")
        Unpack()(packed, tmp_path / "copy")
    assert [(d.direction, d.uri, d.bytes) for d in told] == [
        ("read", f"file://{folder}", None),
        ("write", f"file://{tmp_path}/stations.zip", packed.size),
        ("read", f"file://{tmp_path}/stations.zip", None),
        ("write", f"file://{tmp_path}/copy/", 4),
    ]
