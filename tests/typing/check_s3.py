"""What a type checker sees of the S3 tasks. Checked by mypy and pyright, never run."""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

from longshore import Secret, flow
from longshore_s3 import (
    S3Connection,
    S3Copy,
    S3CreateBucket,
    S3Delete,
    S3Download,
    S3Exists,
    S3List,
    S3Move,
    S3Presign,
    S3Read,
    S3ReadText,
    S3Sync,
    S3Upload,
    S3Wait,
    S3Write,
)
from longshore_storage.objects import ObjectInfo
from longshore_storage.sync import Synced
from longshore_storage.tasks import Deleted

LAKE = S3Connection(profile="lake", customer_key=Secret("env:LAKE_KEY"))

assert_type(S3Upload(connection=LAKE)("a.csv", "s3://b/k", overwrite="never"), ObjectInfo)
assert_type(S3Upload(storage_class="STANDARD_IA", encryption="aws:kms")(Path("a.csv"), "s3://b/k").size, int)
assert_type(S3Write(object_tags={"team": "data"})(b"bytes", "s3://b/k").checksum, str)
assert_type(S3Download(part_size=1 << 20)("s3://b/k", "a.csv").path, Path | None)
assert_type(S3Read()("s3://b/k"), bytes)
assert_type(S3ReadText(encoding="latin-1")("s3://b/k"), str)
assert_type(S3List()("s3://b/", pattern="*.csv"), list[ObjectInfo])
assert_type(S3Copy()("s3://b/k", "s3://b/l"), ObjectInfo)
assert_type(S3Move()("s3://b/k", "s3://b/l"), ObjectInfo)
assert_type(S3Delete()("s3://b/k/", recursive=True), Deleted)
assert_type(S3Exists()("s3://b/k"), bool)
assert_type(S3Wait(until="gone")("s3://b/k"), ObjectInfo | None)
assert_type(S3Sync(delete=True)("folder", "s3://b/k"), Synced)
assert_type(S3Presign()("s3://b/k", expires=60), str)
assert_type(S3CreateBucket(versioning=True)("s3://b"), bool)
assert_type(S3Read().map(["s3://b/1", "s3://b/2"]), list[bytes])

S3Read()()  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
S3Upload(encryption="rot13")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
S3Connection(access_key_id="AKIA")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@flow
def copies(url: str) -> ObjectInfo:
    return S3Write()(S3Read()(url), "s3://b/copy")
