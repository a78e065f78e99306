"""Objects and files as tasks: copied, moved, synced, read and written, from anywhere to anywhere, checked.

URLs of every scheme that a plugin offers will do, and paths: `s3://lake/x.csv`, `gs://lake/x.csv`, `x.csv`.
Credentials are found as each service's own SDK finds them, or as a connection says.

Example:
    >>> from longshore_storage import Copy, Sync
    >>> Copy()("s3://lake/2013.csv", "gs://archive/2013.csv").checksum
    'crc32c:yZRlqg=='
    >>> Sync(delete=True)("exports", "s3://lake/exports").copied
    12
"""

from __future__ import annotations

from longshore_storage.archives import Pack, Unpack, Unpacked
from longshore_storage.errors import (
    AccessDeniedError,
    ArchiveError,
    BucketNotFoundError,
    ChecksumError,
    ClockError,
    ConditionFailedError,
    ContentError,
    CredentialsError,
    ObjectChangedError,
    ObjectExistsError,
    ObjectNotFoundError,
    ObjectsFailedError,
    ServiceError,
    SourceError,
    StorageError,
    TargetError,
    ThrottledError,
    TooLargeError,
    TransferCancelled,
    UnreachableError,
    UnsafeMemberError,
    UnsafeNameError,
    UploadNotFoundError,
    WaitTimeoutError,
    WrongRegionError,
)
from longshore_storage.local import LocalConnection
from longshore_storage.objects import Condition, ObjectInfo, Prefix, WriteOptions
from longshore_storage.protocol import Connection, ObjectStore
from longshore_storage.sync import Planned, Synced
from longshore_storage.tasks import Deleted
from longshore_storage.tasks.everywhere import (
    Copy,
    Delete,
    Exists,
    List,
    Move,
    Read,
    ReadText,
    Sync,
    Wait,
    Write,
)

__all__ = [
    "AccessDeniedError",
    "ArchiveError",
    "BucketNotFoundError",
    "ChecksumError",
    "ClockError",
    "Condition",
    "ConditionFailedError",
    "Connection",
    "ContentError",
    "Copy",
    "CredentialsError",
    "Delete",
    "Deleted",
    "Exists",
    "List",
    "LocalConnection",
    "Move",
    "ObjectChangedError",
    "ObjectExistsError",
    "ObjectInfo",
    "ObjectNotFoundError",
    "ObjectStore",
    "ObjectsFailedError",
    "Pack",
    "Planned",
    "Prefix",
    "Read",
    "ReadText",
    "ServiceError",
    "SourceError",
    "StorageError",
    "Sync",
    "Synced",
    "TargetError",
    "ThrottledError",
    "TooLargeError",
    "TransferCancelled",
    "Unpack",
    "Unpacked",
    "UnreachableError",
    "UnsafeMemberError",
    "UnsafeNameError",
    "UploadNotFoundError",
    "Wait",
    "WaitTimeoutError",
    "Write",
    "WriteOptions",
    "WrongRegionError",
]
