"""The tasks on objects: those of the storage kit, with what Google alone can say of an object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from longshore_gcs.connections import GCSConnection
from longshore_gcs.options import GCSWriteOptions
from longshore_storage.tasks import (
    CopyTask,
    DeleteTask,
    DownloadTask,
    ExistsTask,
    ListTask,
    MoveTask,
    ReadTask,
    ReadTextTask,
    SyncTask,
    UploadTask,
    WaitTask,
    WriteTask,
    WritingTask,
)

if TYPE_CHECKING:
    from datetime import datetime

    from longshore_storage.objects import WriteOptions

R = TypeVar("R")

_HERE: Final = GCSConnection()


class _Writing(WritingTask[R]):
    """Make objects of Google Cloud Storage.

    Args:
        connection: How to reach the service, and who we are.
        storage_class: `STANDARD`, `NEARLINE`, `COLDLINE` or `ARCHIVE`; empty for the bucket's.
        kms_key: The Cloud KMS key that encrypts it, as
            `projects/P/locations/L/keyRings/R/cryptoKeys/K`; empty for the bucket's.
        acl: A predefined ACL such as `"publicRead"`; only for buckets without uniform access.
        custom_time: A time of your own, which lifecycle rules can go by.
        temporary_hold: Whether it cannot be replaced or deleted until the hold is released.
        event_based_hold: The same; the bucket's retention period begins when it is released.
    """

    connection: GCSConnection = _HERE
    storage_class: str = ""
    kms_key: str = ""
    acl: str = ""
    custom_time: datetime | None = None
    temporary_hold: bool = False
    event_based_hold: bool = False

    def check(self) -> None:
        super().check()
        self._options()

    def _options(self) -> WriteOptions:
        return GCSWriteOptions(
            **self._common(),
            storage_class=self.storage_class,
            kms_key=self.kms_key,
            acl=self.acl,
            custom_time=self.custom_time,
            temporary_hold=self.temporary_hold,
            event_based_hold=self.event_based_hold,
        )


class GCSUpload(UploadTask, _Writing[Any]):
    """Copy one local file, or bytes, to an object, which is the old one or the new one as a whole.

    Its CRC32C goes with it, and the service refuses other bytes. Larger files go through a resumable session,
    piece after piece, since the service takes them in order; an upload that was killed goes on where it was
    when its run is resumed.

    Example:
        >>> GCSUpload(storage_class="NEARLINE")("2013.csv.gz", "gs://lake/2013.csv.gz", overwrite="never")
    """


class GCSWrite(WriteTask, _Writing[Any]):
    """Write bytes or text to an object, which is the old one or the new one as a whole.

    Example:
        >>> GCSWrite(cache_control="no-store")("done", "gs://lake/2013/_SUCCESS").generation
        '1385161680000000'
    """


class GCSCopy(CopyTask, _Writing[Any]):
    """Copy exactly one version of an object on the service's side, of any size, across locations and classes.

    Example:
        >>> GCSCopy(storage_class="ARCHIVE")("gs://lake/2013.csv", "gs://vault/2013.csv")
    """


class GCSMove(MoveTask, _Writing[Any]):
    """Copy one object on the service's side, then delete the source, if it is still that version.

    Example:
        >>> GCSMove()("gs://lake/incoming/a.csv", "gs://lake/done/a.csv")
    """


class GCSSync(SyncTask, _Writing[Any]):
    """Make a prefix like a folder, a folder like a prefix, or a prefix like another one.

    Example:
        >>> GCSSync(delete=True, dry_run=True)("exports", "gs://lake/exports")
    """


class GCSDownload(DownloadTask):
    """Copy one object to a local file, whole or not at all, as it is stored: nothing is unpacked.

    Args:
        connection: How to reach the service, and who we are.

    Example:
        >>> GCSDownload(part_size=64 * 2**20)("gs://lake/2013.csv.gz", "2013.csv.gz").verified
        'crc32c'
    """

    connection: GCSConnection = _HERE


class GCSRead(ReadTask):
    """Return an object's bytes, as they are stored.

    Args:
        connection: How to reach the service, and who we are.

    Example:
        >>> GCSRead()("gs://lake/config.json")
        b'{"airports": ["EWR"]}'
    """

    connection: GCSConnection = _HERE


class GCSReadText(ReadTextTask):
    """Return an object's text.

    Args:
        connection: How to reach the service, and who we are.
    """

    connection: GCSConnection = _HERE


class GCSList(ListTask):
    """List objects.

    Args:
        connection: How to reach the service, and who we are.

    Example:
        >>> GCSList()("gs://lake/2013/", pattern="*.csv")
    """

    connection: GCSConnection = _HERE


class GCSExists(ExistsTask):
    """Tell whether there is an object, or anything below a prefix that ends in `/`.

    Args:
        connection: How to reach the service, and who we are.
    """

    connection: GCSConnection = _HERE


class GCSWait(WaitTask):
    """Wait for an object, or for anything below a prefix that ends in `/`.

    Args:
        connection: How to reach the service, and who we are.

    Example:
        >>> GCSWait(max_wait=600)("gs://lake/2013/_SUCCESS")
    """

    connection: GCSConnection = _HERE


class GCSDelete(DeleteTask):
    """Delete objects, a hundred with one request.

    Args:
        connection: How to reach the service, and who we are.

    Example:
        >>> GCSDelete()("gs://lake/tmp/", recursive=True).count
        120
    """

    connection: GCSConnection = _HERE
