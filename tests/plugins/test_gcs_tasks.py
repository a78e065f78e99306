"""The tasks of Google Cloud Storage, every one of them, against the test server."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("google.cloud.storage", reason="needs longshore[gcs]")

import longshore_gcs
from longshore import MissingExtraError, Task, flow
from longshore_gcs import (
    GCSConnection,
    GCSCopy,
    GCSCreateBucket,
    GCSDelete,
    GCSDownload,
    GCSExists,
    GCSList,
    GCSMove,
    GCSRead,
    GCSReadText,
    GCSSync,
    GCSUpload,
    GCSWait,
    GCSWrite,
)
from longshore_gcs.client import sdk
from longshore_gcs.plugin import longshore_storage, longshore_tasks
from longshore_gcs.testing import GCSServer
from longshore_storage.errors import AccessDeniedError, ObjectExistsError, ServiceError


@pytest.fixture
def gcs() -> Iterator[GCSServer]:
    with GCSServer() as running:
        running.create_bucket("lake")
        yield running


@pytest.fixture
def at(gcs: GCSServer) -> GCSConnection:
    return gcs.connection


def test_a_file_goes_up_and_comes_down(gcs: GCSServer, at: GCSConnection, tmp_path: Path) -> None:
    source = tmp_path / "2013.csv"
    source.write_bytes(os.urandom(3_000_000))
    info = GCSUpload(connection=at, part_size=1 << 20, storage_class="NEARLINE")(source, "gs://lake/in/")
    assert (info.url, info.storage_class, info.verified) == ("gs://lake/in/2013.csv", "NEARLINE", "crc32c")
    got = GCSDownload(connection=at, part_size=1 << 20)(info, tmp_path / "copy.csv")
    assert (got.path, got.verified, got.generation) == (tmp_path / "copy.csv", "crc32c", info.generation)
    assert (tmp_path / "copy.csv").read_bytes() == source.read_bytes()
    with pytest.raises(ObjectExistsError):
        GCSUpload(connection=at).run(source, info.url, overwrite="never")
    assert GCSUpload(connection=at)(source, info.url, overwrite="if-different").generation == info.generation


def test_objects_are_written_read_listed_copied_moved_and_deleted(gcs: GCSServer, at: GCSConnection) -> None:
    first = GCSWrite(connection=at, metadata={"a": "b"})("één", "gs://lake/a/1.txt")
    assert GCSRead(connection=at)("gs://lake/a/1.txt") == "één".encode()
    assert GCSReadText(connection=at)(first) == "één"
    copy = GCSCopy(connection=at)(first, "gs://lake/b/1.txt")
    assert (copy.metadata, copy.checksum) == ({"a": "b"}, first.checksum)
    GCSMove(connection=at)("gs://lake/a/1.txt", "gs://lake/c/1.txt")
    assert gcs.keys("lake") == ["b/1.txt", "c/1.txt"]
    assert [info.url for info in GCSList(connection=at)("gs://lake/b/")] == ["gs://lake/b/1.txt"]
    assert GCSExists(connection=at)("gs://lake/c/1.txt")
    assert not GCSExists(connection=at)("gs://lake/a/1.txt")
    assert GCSWait(connection=at, max_wait=5)("gs://lake/c/") is not None
    GCSDelete(connection=at)("gs://lake/c/", recursive=True)
    assert gcs.keys("lake") == ["b/1.txt"]


def test_a_folder_is_synced_to_a_prefix_and_back(gcs: GCSServer, at: GCSConnection, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for name in ("1.csv", "sub/2.csv", "old.csv"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(name)
    GCSSync(connection=at)(here, "gs://lake/exports")
    (here / "old.csv").unlink()
    GCSSync(connection=at, delete=True, dry_run=True)(here, "gs://lake/exports")
    assert gcs.keys("lake") == ["exports/1.csv", "exports/old.csv", "exports/sub/2.csv"]
    GCSSync(connection=at, delete=True)(here, "gs://lake/exports")
    GCSSync(connection=at)("gs://lake/exports", there)
    found = {str(path.relative_to(there)): path.read_text() for path in there.rglob("*.csv")}
    assert found == {"1.csv": "1.csv", "sub/2.csv": "sub/2.csv"}


def test_a_bucket_is_made_once(gcs: GCSServer, at: GCSConnection) -> None:
    make = GCSCreateBucket(connection=at, location="EU", versioning=True, labels={"team": "data"})
    assert make("gs://new") is True
    assert make("gs://new") is False
    resource = gcs.world.bucket("new").resource
    assert (resource["location"], resource["versioning"], resource["labels"]) == (
        "EU", {"enabled": True}, {"team": "data"},
    )  # fmt: skip
    assert resource["iamConfiguration"]["publicAccessPrevention"] == "enforced"
    gcs.create_bucket("foreign", projectNumber="another")
    with pytest.raises((ServiceError, AccessDeniedError), match="not available"):
        make.run("gs://foreign")


def test_a_failed_upload_is_repeated_by_the_engine(gcs: GCSServer, at: GCSConnection) -> None:
    gcs.refuse(502, times=2, path="/upload/")
    GCSWrite(connection=at)("rows", "gs://lake/k")
    assert [seen.status for seen in gcs.seen] == [502, 502, 200]


def test_the_tasks_are_steps_of_a_flow(at: GCSConnection) -> None:
    @flow
    def stored(day: str) -> bytes:
        written = GCSWrite(connection=at)(day, "gs://lake/day.txt")
        return GCSRead(connection=at)(written)

    assert stored.run(day="2013-01-01").result == b"2013-01-01"


def test_every_task_is_offered_and_travels() -> None:
    offered = longshore_tasks()
    assert {task.__name__ for task in offered} == {
        name for name in longshore_gcs.__all__ if name not in ("GCSConnection", "GCSWriteOptions")
    }
    for kind in offered:
        made: Task[object] = kind(connection=GCSConnection(user_project="acme"))
        assert pickle.loads(pickle.dumps(made)) == made
    assert longshore_storage() == {"gs": GCSConnection}


def test_an_sdk_that_is_missing_is_named_with_what_to_run() -> None:
    with pytest.raises(MissingExtraError, match=r"run: pip install 'longshore\[gcs\]'"):
        sdk("google.cloud.storage_that_is_missing")


def test_a_forked_process_makes_its_own_connections(gcs: GCSServer, at: GCSConnection) -> None:
    GCSWrite(connection=at)("parent", "gs://lake/k")
    pid = os.fork()
    if pid == 0:
        os._exit(0 if GCSRead(connection=at).run("gs://lake/k") == b"parent" else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert GCSRead(connection=at)("gs://lake/k") == b"parent"
