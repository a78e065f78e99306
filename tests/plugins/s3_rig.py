"""S3 behind a proxy, for the fault tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from http_server import Exchange, HttpServer
from object_faults import s3_error, without
from object_proxy import FaultProxy, Passing
from s3_servers import ACCESS_KEY, REGION, SECRET_KEY, S3Server
from transfer_rigs import MIB, Rig

from longshore_s3.connections import S3Connection
from longshore_storage.locations import Location
from longshore_storage.protocol import ObjectStore


class S3Rig(Rig):
    """A bucket on a server, and the credentials for it.

    Args:
        server: The server.
        proxy: In front of it.
        issuer: Where renewable credentials are had, as a container has them.
        environ: Sets a variable, or unsets it.
    """

    smallest_part = 5 * MIB
    slow_down = staticmethod(s3_error(503, "SlowDown"))
    denied = staticmethod(s3_error(403, "AccessDenied"))
    bucket_missing = staticmethod(s3_error(404, "NoSuchBucket"))
    expired = staticmethod(s3_error(400, "ExpiredToken"))
    skewed = staticmethod(s3_error(403, "RequestTimeTooSkewed"))
    without_checksums = staticmethod(
        without(
            *(f"x-amz-checksum-{name}" for name in ("crc64nvme", "crc32", "crc32c", "sha1", "sha256", "type"))
        )
    )

    def __init__(
        self, server: S3Server, proxy: FaultProxy, issuer: HttpServer, environ: Callable[[str, str], None]
    ) -> None:
        super().__init__(proxy)
        self._client = server.own_client
        self._bucket = server.new_bucket()
        self._issuer, self._environ = issuer, environ
        issuer.on("/credentials", self._issue)
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            environ(name, "/dev/null")
        environ("AWS_EC2_METADATA_DISABLED", "true")

    def store(self, *, refreshable: bool = False, timeout: float = 20.0) -> ObjectStore:
        issuer = self._issuer.url("/credentials") if refreshable else ""
        self._environ("AWS_CONTAINER_CREDENTIALS_FULL_URI", issuer)
        self._environ("AWS_ACCESS_KEY_ID", "" if refreshable else ACCESS_KEY)
        self._environ("AWS_SECRET_ACCESS_KEY", "" if refreshable else SECRET_KEY)
        return S3Connection(**self._fields(), connect_timeout=timeout, read_timeout=timeout).open()

    def _fields(self) -> dict[str, Any]:
        return {"endpoint": self.proxy.endpoint, "region": REGION}

    def as_told(self) -> dict[str, Any]:
        return {"module": "longshore_s3", "connection": "S3Connection", "fields": self._fields()}

    def _issue(self, exchange: Exchange) -> None:
        until = (datetime.now(UTC) + timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M:%SZ")
        token = f"token-{len(self._issuer.asked('/credentials'))}"
        given = {
            "AccessKeyId": ACCESS_KEY,
            "SecretAccessKey": SECRET_KEY,
            "Token": token,
            "Expiration": until,
        }
        exchange.send(200, {"Content-Type": "application/json"}, json.dumps(given).encode())

    def at(self, key: str) -> Location:
        return Location("s3", self._bucket, key)

    def write(self, key: str, data: bytes) -> None:
        self._client.put_object(Bucket=self._bucket, Key=key, Body=data, ChecksumAlgorithm="CRC64NVME")

    def read(self, key: str) -> bytes | None:
        try:
            return bytes(self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read())
        except self._client.exceptions.NoSuchKey:
            return None

    def delete(self, key: str) -> None:
        self._client.delete_object(Bucket=self._bucket, Key=key)

    def open_uploads(self) -> list[str]:
        listed = self._client.list_multipart_uploads(Bucket=self._bucket)
        return [str(upload["Key"]) for upload in listed.get("Uploads", [])]

    def begin_upload(self, key: str) -> Callable[[], object]:
        made = self._client.create_multipart_upload(Bucket=self._bucket, Key=key)
        return lambda: self._client.abort_multipart_upload(
            Bucket=self._bucket, Key=key, UploadId=made["UploadId"]
        )

    def part_of(self, passing: Passing) -> str:
        return passing.query["partNumber"][0]

    def renewals(self) -> int:
        return len(self._issuer.asked("/credentials"))

    def _is(self, passing: Passing, method: str, *queried: str) -> bool:
        asked = {
            name for name in passing.query if name in ("uploadId", "partNumber", "uploads", "attributes")
        }
        at_object = passing.path.count("/") > 1
        return at_object and passing.method == method and asked == set(queried)

    def reads(self, passing: Passing) -> bool:
        return self._is(passing, "GET")

    def heads(self, passing: Passing) -> bool:
        return self._is(passing, "HEAD")

    def puts(self, passing: Passing) -> bool:
        return self._is(passing, "PUT")

    def begins(self, passing: Passing) -> bool:
        return self._is(passing, "POST", "uploads")

    def parts(self, passing: Passing) -> bool:
        return self._is(passing, "PUT", "uploadId", "partNumber")

    def finishes(self, passing: Passing) -> bool:
        return self._is(passing, "POST", "uploadId")


def environ_of(patch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Return what sets a variable, or unsets it when the value is empty."""

    def change(name: str, value: str) -> None:
        if value:
            patch.setenv(name, value)
        else:
            patch.delenv(name, raising=False)

    return change


def s3_rig(server: S3Server, patch: pytest.MonkeyPatch, folder: Path) -> Iterator[S3Rig]:
    """Yield a rig on a server, with the records of unfinished uploads in a folder."""
    patch.setenv("LONGSHORE_STATE", str(folder))
    with FaultProxy(server.port) as proxy, HttpServer() as issuer:
        yield S3Rig(server, proxy, issuer, environ_of(patch))
