"""What a type checker sees of the tasks of Google Cloud Storage. Checked by mypy and pyright, never run."""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

from longshore import Secret, flow
from longshore_gcs import (
    GCSConnection,
    GCSCopy,
    GCSCreateBucket,
    GCSDelete,
    GCSDownload,
    GCSExists,
    GCSList,
    GCSMove,
    GCSPresign,
    GCSRead,
    GCSReadText,
    GCSSync,
    GCSUpload,
    GCSWait,
    GCSWrite,
)
from longshore_gcs.testing import GCSServer
from longshore_storage.objects import ObjectInfo
from longshore_storage.sync import Synced
from longshore_storage.tasks import Deleted

LAKE = GCSConnection(impersonate="lake@acme.example", encryption_key=Secret("env:LAKE_KEY"))

assert_type(GCSUpload(connection=LAKE)("a.csv", "gs://b/k", overwrite="never"), ObjectInfo)
assert_type(GCSUpload(storage_class="NEARLINE", kms_key="k")(Path("a.csv"), "gs://b/k").size, int)
assert_type(GCSWrite(metadata={"team": "data"})(b"bytes", "gs://b/k").generation, str)
assert_type(GCSDownload(part_size=1 << 20)("gs://b/k", "a.csv").path, Path | None)
assert_type(GCSRead()("gs://b/k"), bytes)
assert_type(GCSReadText()("gs://b/k"), str)
assert_type(GCSList()("gs://b/", pattern="*.csv"), list[ObjectInfo])
assert_type(GCSCopy()("gs://b/k", "gs://b/l"), ObjectInfo)
assert_type(GCSMove()("gs://b/k", "gs://b/l"), ObjectInfo)
assert_type(GCSDelete()("gs://b/k/", recursive=True), Deleted)
assert_type(GCSExists()("gs://b/k"), bool)
assert_type(GCSWait(until="gone")("gs://b/k"), ObjectInfo | None)
assert_type(GCSSync(delete=True)("folder", "gs://b/k"), Synced)
assert_type(GCSPresign(signed_headers={"Content-Type": "text/csv"})("gs://b/k", expires=60), str)
assert_type(GCSCreateBucket(versioning=True)("gs://b"), bool)
assert_type(GCSRead().map(["gs://b/1", "gs://b/2"]), list[bytes])

GCSRead()()  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
GCSUpload(part_size="16")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
GCSConnection(encryption_key="AAEC")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

with GCSServer(page_size=3) as server:
    assert_type(server.connection, GCSConnection)
    assert_type(server.read("b", "k"), bytes)


@flow
def copies(url: str) -> ObjectInfo:
    return GCSWrite()(GCSRead()(url), "gs://b/copy")
