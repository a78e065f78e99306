"""A server of Google Cloud Storage for tests, made of the standard library alone.

It answers as Google documents the JSON API: preconditions, versions, checksums, resumable uploads, ranges,
transcoding, rewrites by tokens, composed objects, batches, customer-supplied keys, requester pays, signed
URLs. It has no ACLs, no IAM policies, no notifications, and takes `fields` without leaving anything out.

Example:
    >>> from longshore_gcs.testing import GCSServer
    >>> with GCSServer() as server:
    ...     server.create_bucket("lake")
    ...     GCSWrite(connection=server.connection)(b"rows", "gs://lake/a.csv").size
    4
"""

from __future__ import annotations

from longshore_gcs.testing.server import GCSServer, Seen

__all__ = ["GCSServer", "Seen"]
