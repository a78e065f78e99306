"""The tasks of a storage integration, but for its name, its connection and what it alone can say.

Example:
    >>> class S3Download(DownloadTask):
    ...     connection: S3Connection = S3Connection()
"""

from __future__ import annotations

from longshore_storage.tasks.buckets import CreateBucketTask, PresignTask
from longshore_storage.tasks.copies import CopyTask, MoveTask
from longshore_storage.tasks.deletes import Deleted, DeleteTask
from longshore_storage.tasks.downloads import DownloadTask, ReadTask, ReadTextTask
from longshore_storage.tasks.listings import ExistsTask, ListTask
from longshore_storage.tasks.places import Place, StorageTask, TransferTask, WritingTask
from longshore_storage.tasks.syncs import SyncTask
from longshore_storage.tasks.uploads import UploadTask, WriteTask
from longshore_storage.tasks.waits import WaitTask

__all__ = [
    "CopyTask",
    "CreateBucketTask",
    "DeleteTask",
    "Deleted",
    "DownloadTask",
    "ExistsTask",
    "ListTask",
    "MoveTask",
    "Place",
    "PresignTask",
    "ReadTask",
    "ReadTextTask",
    "StorageTask",
    "SyncTask",
    "TransferTask",
    "UploadTask",
    "WaitTask",
    "WriteTask",
    "WritingTask",
]
