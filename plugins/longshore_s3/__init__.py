"""Objects on S3, and on services that speak like it: checked, atomic, resumable, in bounded memory.

Credentials are found as boto3 finds them: in the environment, in `~/.aws`, by the role of a container or an
instance.

    from longshore_s3 import S3Upload

    S3Upload(retries=3)("flights.csv", "s3://lake/2013/flights.csv").checksum
"""

from __future__ import annotations

from longshore_s3.connections import S3Connection
from longshore_s3.errors import S3Error
from longshore_s3.options import S3WriteOptions
from longshore_s3.tasks import (
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

__all__ = [
    "S3Connection",
    "S3Copy",
    "S3CreateBucket",
    "S3Delete",
    "S3Download",
    "S3Error",
    "S3Exists",
    "S3List",
    "S3Move",
    "S3Presign",
    "S3Read",
    "S3ReadText",
    "S3Sync",
    "S3Upload",
    "S3Wait",
    "S3Write",
    "S3WriteOptions",
]
