"""What a type checker sees of the storage tasks. Checked by mypy and pyright, never run."""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

from longshore import flow
from longshore_storage import (
    Copy,
    Delete,
    Deleted,
    Exists,
    List,
    LocalConnection,
    Move,
    ObjectInfo,
    Read,
    ReadText,
    Sync,
    Synced,
    Wait,
    WaitTimeoutError,
    Write,
    WriteOptions,
)
from longshore_storage.tasks import CreateBucketTask, DownloadTask, PresignTask, UploadTask, WritingTask


class FileOptions(WritingTask[ObjectInfo]):
    """What a service alone knows."""

    storage_class: str = ""

    def _options(self) -> WriteOptions:
        return WriteOptions(**self._common())


class FileUpload(FileOptions, UploadTask):
    """A service's task."""

    connection: LocalConnection = LocalConnection()


assert_type(FileUpload(storage_class="COLD", part_size=1 << 20)("f", "s3://b/k").checksum, str)
assert_type(FileUpload()(b"1", "s3://b/k", overwrite="never"), ObjectInfo)
assert_type(DownloadTask()("s3://b/k", Path("f"), version="7"), ObjectInfo)
assert_type(Copy(connections={"file://": LocalConnection()})("a", Path("b")), ObjectInfo)
assert_type(Move()("a", "b", overwrite="if-different"), ObjectInfo)
assert_type(Copy().map(["a", "b"], "c"), list[ObjectInfo])
assert_type(Sync(delete=True, compare="content", include=["*.csv"])("a", "b"), Synced)
assert_type(Read()("s3://b/k"), bytes)
assert_type(Read()(Write()("text", "a")), bytes)
assert_type(ReadText(encoding="latin-1")("s3://b/k"), str)
assert_type(List(max_keys=10)("s3://b/k", pattern="*.csv"), list[ObjectInfo])
assert_type(Delete()(["a", Path("b")]), Deleted)
assert_type(Exists()("a"), bool)
assert_type(Wait(until="stable")("a"), ObjectInfo | None)
assert_type(PresignTask()("s3://b/k", expires=60), str)
assert_type(CreateBucketTask()("s3://b"), bool)

Sync(compare="mtime")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Read(conection=None)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Write()(1, "a")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]


@flow
def stored(url: str) -> ObjectInfo:
    return Copy()(Write()("1", url), "there")


def timeouts_are_timeouts(error: WaitTimeoutError) -> TimeoutError:
    return error
