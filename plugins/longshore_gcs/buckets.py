"""The tasks on buckets, and URLs for others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from longshore import field
from longshore_gcs.connections import GCSConnection
from longshore_storage.tasks import CreateBucketTask, PresignTask

if TYPE_CHECKING:
    from collections.abc import Mapping


class GCSPresign(PresignTask):
    """Make a V4 signed URL, which allows one kind of request to one object without credentials.

    It wants credentials that can sign: a service account's key, or one that is impersonated; those of a
    machine sign by the IAM service.

    Args:
        connection: How to reach the service, and who we are.
        signed_headers: Headers that whoever uses the URL must send with just these values.
    """

    connection: GCSConnection = GCSConnection()
    signed_headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def _headers(self) -> dict[str, str]:
        return dict(self.signed_headers)


class GCSCreateBucket(CreateBucketTask):
    """Make a bucket; one that is there and ours is no error, and stays as it is.

    Args:
        connection: How to reach the service; `project` says whose bucket it is.
        location: Such as `"EU"` or `"europe-west3"`; the service's own default is `"US"`.
        storage_class: Of objects that name none; empty for `STANDARD`.
        uniform_access: Whether IAM alone says who may, and objects have no ACLs.
        public_access_prevention: Whether nothing in it can ever be public.
        versioning: Whether replaced and deleted versions are kept.
        labels: Your own entries.
    """

    connection: GCSConnection = GCSConnection()
    location: str = ""
    storage_class: str = ""
    uniform_access: bool = True
    public_access_prevention: bool = True
    versioning: bool = False
    labels: Mapping[str, str] = field(default_factory=dict[str, str])

    def _bucket(self) -> dict[str, Any]:
        prevention = "enforced" if self.public_access_prevention else "inherited"
        settings = {
            "location": self.location,
            "storageClass": self.storage_class,
            "labels": dict(self.labels),
            "versioning": {"enabled": True} if self.versioning else None,
            "iamConfiguration": {
                "uniformBucketLevelAccess": {"enabled": self.uniform_access},
                "publicAccessPrevention": prevention,
            },
        }
        return {name: value for name, value in settings.items() if value}
