"""Google Cloud Storage as tasks, on `google-cloud-storage`.

Credentials are Application Default Credentials, as Google's own library finds them, unless
`GCSConnection(credentials=...)` says otherwise. Every object is checked by its CRC32C, both ways.
`longshore_gcs.testing` has a server for tests.

Example:
    >>> from longshore_gcs import GCSDownload, GCSUpload
    >>> GCSUpload()("2013.csv.gz", "gs://lake/2013.csv.gz", overwrite="never")
    >>> GCSDownload()("gs://lake/2013.csv.gz", "copy.csv.gz")
"""

from __future__ import annotations

from longshore_gcs.buckets import GCSCreateBucket, GCSPresign
from longshore_gcs.connections import GCSConnection
from longshore_gcs.options import GCSWriteOptions
from longshore_gcs.tasks import (
    GCSCopy,
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

__all__ = [
    "GCSConnection",
    "GCSCopy",
    "GCSCreateBucket",
    "GCSDelete",
    "GCSDownload",
    "GCSExists",
    "GCSList",
    "GCSMove",
    "GCSPresign",
    "GCSRead",
    "GCSReadText",
    "GCSSync",
    "GCSUpload",
    "GCSWait",
    "GCSWrite",
    "GCSWriteOptions",
]
