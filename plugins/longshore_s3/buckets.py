"""Making buckets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longshore_s3.errors import S3Error
from longshore_storage.errors import AccessDeniedError, ObjectNotFoundError, StorageError

if TYPE_CHECKING:
    from longshore_s3.api import Api
    from longshore_storage.locations import Location


def create(api: Api, at: Location, *, versioning: bool, object_lock: bool) -> bool:
    """Make a bucket in the connection's region; return False if it was there and is ours."""
    there = _is_there(api, at)
    region = str(api.client.meta.region_name or "")
    placed = {"LocationConstraint": region} if region not in ("", "us-east-1", "aws-global") else None
    try:
        api.call(
            "create the bucket of", "create_bucket", at,
            CreateBucketConfiguration=placed, ObjectLockEnabledForBucket=object_lock or None,
        )  # fmt: skip
    except S3Error as error:
        if error.code == "BucketAlreadyExists":
            raise AccessDeniedError(
                f"cannot create the bucket {at.bucket!r}: another account has it; choose another name"
            ) from error
        if error.code != "BucketAlreadyOwnedByYou":
            raise
        there = True
    if versioning:
        api.call(
            "turn on versions in the bucket of", "put_bucket_versioning", at,
            VersioningConfiguration={"Status": "Enabled"},
        )  # fmt: skip
    return not there


def _is_there(api: Api, at: Location) -> bool:
    # In us-east-1 making it once more is a success, and tells nothing.
    try:
        api.call("look at the bucket of", "head_bucket", at)
    except ObjectNotFoundError:
        return False
    except StorageError:  # making it tells why
        return False
    return True
