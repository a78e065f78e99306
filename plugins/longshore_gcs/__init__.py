"""Google Cloud Storage as tasks, on `google-cloud-storage`."""

from __future__ import annotations

from longshore_gcs.connections import GCSConnection
from longshore_gcs.options import GCSWriteOptions

__all__ = ["GCSConnection", "GCSWriteOptions"]
