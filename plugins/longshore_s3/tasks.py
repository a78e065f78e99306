"""The tasks: the storage kit's, with S3's connection and what S3 alone can say of an object."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - who describes a task evaluates these
from datetime import datetime  # noqa: TC003
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from longshore import field
from longshore_s3.connections import S3Connection
from longshore_s3.options import Encryption, S3WriteOptions
from longshore_storage.tasks import (
    CopyTask,
    CreateBucketTask,
    DeleteTask,
    DownloadTask,
    ExistsTask,
    ListTask,
    MoveTask,
    PresignTask,
    ReadTask,
    ReadTextTask,
    SyncTask,
    UploadTask,
    WaitTask,
    WriteTask,
    WritingTask,
)

if TYPE_CHECKING:
    from longshore_storage.objects import WriteOptions

R = TypeVar("R")

_HERE: Final = S3Connection()


class _Writing(WritingTask[R]):
    """Make objects of S3.

    Args:
        connection: How to reach the service, and who we are.
        storage_class: Such as `"STANDARD_IA"`; empty for the service's default.
        acl: A canned ACL, such as `"bucket-owner-full-control"`.
        object_tags: The object's tags.
        encryption: `"AES256"`, `"aws:kms"` or `"aws:kms:dsse"`; empty for the bucket's default.
        kms_key: The key's id or ARN, where encryption is by KMS.
        bucket_key: Whether KMS is asked for one key for the bucket; None for the bucket's setting.
        lock_mode: `"GOVERNANCE"` or `"COMPLIANCE"`, with `retain_until`.
        retain_until: Until when the version cannot be deleted.
        legal_hold: Whether the version cannot be deleted until the hold is lifted.
    """

    connection: S3Connection = _HERE
    storage_class: str = ""
    acl: str = ""
    object_tags: Mapping[str, str] = field(default_factory=dict[str, str])
    encryption: Encryption = ""
    kms_key: str = ""
    bucket_key: bool | None = None
    lock_mode: Literal["", "GOVERNANCE", "COMPLIANCE"] = ""
    retain_until: datetime | None = None
    legal_hold: bool = False

    def check(self) -> None:
        super().check()
        self._options()

    def _options(self) -> WriteOptions:
        return S3WriteOptions(
            **self._common(),
            storage_class=self.storage_class,
            acl=self.acl,
            object_tags=dict(self.object_tags),
            encryption=self.encryption,
            kms_key=self.kms_key,
            bucket_key=self.bucket_key,
            lock_mode=self.lock_mode,
            retain_until=self.retain_until,
            legal_hold=self.legal_hold,
        )


class S3Upload(UploadTask, _Writing[Any]):
    """Copy one local file, or bytes, to an object, which is the old one or the new one as a whole.

    A CRC-64/NVME goes with each part and with the whole, and S3 refuses other bytes. Parts go side by side;
    an upload that was killed goes on from the parts that arrived when its run is resumed.

    Example:
        >>> S3Upload(storage_class="STANDARD_IA")("2013.csv.gz", "s3://lake/2013.csv.gz", overwrite="never")
    """


class S3Write(WriteTask, _Writing[Any]):
    """Write bytes or text to an object, which is the old one or the new one as a whole.

    Example:
        >>> S3Write(cache_control="no-store")("done", "s3://lake/2013/_SUCCESS").verified
        'crc64nvme'
    """


class S3Copy(CopyTask, _Writing[Any]):
    """Copy exactly one version of an object on the service's side, of any size.

    Metadata and tags go along; an ACL does not, as S3 copies none.

    Example:
        >>> S3Copy(storage_class="GLACIER")("s3://lake/2013.csv", "s3://vault/2013.csv")
    """


class S3Move(MoveTask, _Writing[Any]):
    """Copy one object on the service's side, then delete the source, if it is still that version.

    Example:
        >>> S3Move()("s3://lake/incoming/a.csv", "s3://lake/done/a.csv")
    """


class S3Sync(SyncTask, _Writing[Any]):
    """Make a prefix like a folder, a folder like a prefix, or a prefix like another one.

    Example:
        >>> S3Sync(delete=True, dry_run=True)("exports", "s3://lake/exports")
    """


class S3Download(DownloadTask):
    """Copy one object to a local file, whole or not at all, as it is stored: nothing is unpacked.

    Args:
        connection: How to reach the service, and who we are.

    Example:
        >>> S3Download(retries=3)("s3://noaa-ghcn-pds/readme.txt", "readme.txt").path
        PosixPath('readme.txt')
    """

    connection: S3Connection = _HERE


class S3Read(ReadTask):
    """Return an object's bytes, as they are stored.

    Args:
        connection: How to reach the service, and who we are.

    Example:
        >>> S3Read()("s3://lake/config.json")
        b'{"airports": ["EWR"]}'
    """

    connection: S3Connection = _HERE


class S3ReadText(ReadTextTask):
    """Return an object's text.

    Args:
        connection: How to reach the service, and who we are.
    """

    connection: S3Connection = _HERE


class S3List(ListTask):
    """List objects.

    Args:
        connection: How to reach the service, and who we are.

    Example:
        >>> S3List()("s3://lake/2013/", pattern="*.csv")
    """

    connection: S3Connection = _HERE


class S3Exists(ExistsTask):
    """Tell whether there is an object, or anything below a prefix that ends in `/`.

    Args:
        connection: How to reach the service, and who we are.
    """

    connection: S3Connection = _HERE


class S3Wait(WaitTask):
    """Wait for an object, or for anything below a prefix that ends in `/`.

    Args:
        connection: How to reach the service, and who we are.

    Example:
        >>> S3Wait(max_wait=600)("s3://lake/2013/_SUCCESS")
    """

    connection: S3Connection = _HERE


class S3Delete(DeleteTask):
    """Delete objects, a thousand with one request.

    Args:
        connection: How to reach the service, and who we are.

    Example:
        >>> S3Delete()("s3://lake/tmp/", recursive=True).objects
        120
    """

    connection: S3Connection = _HERE


class S3Presign(PresignTask):
    """Make a URL that allows one kind of request to one object without credentials.

    Args:
        connection: How to reach the service, and who we are; the URL works no longer than its credentials.
        parameters: What else the request must, or the answer will, say, in the words of boto3 as Python has
            them: `{"content_type": "text/csv"}`, `{"response_content_disposition": "attachment"}`.
    """

    connection: S3Connection = _HERE
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])

    def _headers(self) -> dict[str, str]:
        return dict(self.parameters)


class S3CreateBucket(CreateBucketTask):
    """Make a bucket in the connection's region; one that is there and ours is no error.

    Args:
        connection: How to reach the service, and who we are.
        versioning: Whether replaced and deleted versions are kept.
        object_lock: Whether versions can be locked; only a new bucket can be given this.
    """

    connection: S3Connection = _HERE
    versioning: bool = False
    object_lock: bool = False

    def _bucket(self) -> dict[str, Any]:
        return {"versioning": self.versioning, "object_lock": self.object_lock}
