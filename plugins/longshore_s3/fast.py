"""Small objects by `obstore`: several times the requests a second of the SDK, with the same promises.

It takes the objects of one request, up to 1 MiB. What it cannot do goes by the SDK:

- what it does not know: object locks, ACLs, tags, encryption, keys of one's own, requester pays, an expected
  owner, anonymous requests, proxies, authorities of one's own, accelerated buckets, bucket names in ARNs;
- keys that it would change: empty segments, `.` and `..`, control characters, a slash at an end;
- the first request for a bucket, which tells where the bucket is and whether checksums are compared there;
- writes under `If-Match`;
- what it is not told enough to verify: an ETag that is no MD5 of the bytes (KMS, parts). A bucket with
  keys of KMS is left to the SDK from then on;
- the objects of a bucket whose last one was large, until one is small again;
- a service that asked to wait: `Retry-After` is not shown, so the SDK asks for the next 30 s;
- a forked process whose parent used it: its threads are not there.
"""

from __future__ import annotations

import os
import re
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from longshore import require
from longshore_s3 import checking, faults, reading, writing
from longshore_s3.client import frozen_credentials
from longshore_s3.keys import is_plain
from longshore_storage import checksums
from longshore_storage.errors import (
    ConditionFailedError,
    ObjectNotFoundError,
    StorageError,
    ThrottledError,
    UnreachableError,
    WrongRegionError,
)
from longshore_storage.objects import ObjectInfo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longshore_s3.api import Api
    from longshore_s3.routes import Route
    from longshore_storage.locations import Location
    from longshore_storage.objects import Condition

LARGEST: Final = 1 << 20
"""Bytes; above, the SDK is as fast, and takes less of the processor."""
_PAUSE: Final = 30.0
_LEASE: Final = timedelta(minutes=10)
"""The SDK renews credentials 10 minutes before they end, so they last so long whenever it hands them out."""
_ATTRIBUTES: Final = {
    "ContentType": "Content-Type",
    "ContentEncoding": "Content-Encoding",
    "ContentDisposition": "Content-Disposition",
    "ContentLanguage": "Content-Language",
    "CacheControl": "Cache-Control",
    "StorageClass": "Storage-Class",
}
_KNOWN_NAMES: Final = {name.lower() for name in _ATTRIBUTES.values()}
_STATUS: Final = re.compile(r"status code: (\d{3})")
_TAG: Final = re.compile(r"<(Code|Message|RequestId|Region)>([^<]*)</")

_users: Final[set[int]] = set()
"""The process that used obstore; its forks find it here too, and themselves not."""


@dataclass(frozen=True)
class _Credentials:
    """Hands out what the SDK's session has."""

    api: Api

    def __call__(self) -> dict[str, Any]:
        access, secret, token = frozen_credentials(self.api.session) or ("", "", "")
        until = datetime.now(UTC) + _LEASE
        return {
            "access_key_id": access, "secret_access_key": secret, "token": token or None, "expires_at": until,
        }  # fmt: skip


class Fast:
    """The same reads and writes as by the SDK, for what fits; None for what does not."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._stores: dict[tuple[int, str, Route], Any] = {}
        self._lock = threading.Lock()
        self._doubted: set[str] = set()
        self._large: set[str] = set()
        self._paused_until = 0.0
        self._own_authorities = api.connection.verify is not True or bool(
            os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE")
        )
        self._possible = _is_possible(api)
        self._obstore: Any = None

    def get(self, at: Location, limit: int) -> tuple[ObjectInfo, bytes | None] | None:
        """Fetch a small object whole, and verify it by its ETag."""
        store = self._store(at) if limit and at.bucket not in self._large else None
        if store is None:
            return None
        try:
            answer = self._obstore.get(store, at.key)
            meta = answer.meta
            size, etag = int(meta["size"]), str(meta["e_tag"] or "").strip('"')
            if size > min(limit, LARGEST) or "-" in etag:
                self._large.add(at.bucket)
                return None
            data = bytes(answer.bytes())
        except Exception as error:
            raise self._translated(error, "read", at) from error
        if len(data) != size:
            raise UnreachableError(f"cannot read {at.url!r}: {len(data):,} bytes came of {size:,}")
        if checking.md5_of(data) != etag:
            self._doubted.add(at.bucket)  # KMS, or wrong bytes: the SDK sees which
            return None
        return _info(at, meta, answer.attributes, etag, data), data

    def seen(self, at: Location, info: ObjectInfo) -> None:
        """Learn from an object that the SDK fetched."""
        if info.size <= LARGEST and "-" not in info.etag:
            self._large.discard(at.bucket)

    def put(
        self, at: Location, data: memoryview, *, checksum: str, said: Mapping[str, Any], condition: Condition
    ) -> ObjectInfo | None:
        """Write an object.

        A service that is known to compare CRC-64/NVME has compared obstore's; elsewhere the ETag is compared.
        """
        attributes = _attributes(said)
        fits = data.nbytes <= LARGEST and not condition.token and self._api.checksums is not None
        # obstore sends a checksum of its own of the same bytes.
        right = fits and _crc(data) == checksum
        store = self._store(at) if right and attributes is not None else None
        if store is None:
            return None
        mode = "create" if condition.absent else "overwrite"
        try:
            answer = self._obstore.put(
                store, at.key, data, attributes=attributes, mode=mode, use_multipart=False
            )
        except Exception as error:
            translated = self._translated(error, "write", at)
            if isinstance(translated, (ConditionFailedError, ObjectNotFoundError)):
                translated = writing.refused(at, condition, translated)
            raise translated from error
        told = {"ETag": answer["e_tag"], "VersionId": answer["version"]}
        checked = checksum.partition(":")[0] if self._api.checksums else ""
        verified = checked or self._compared(at, told, data, checksum)
        return writing.written(at, told, data.nbytes, checksum, verified, said)

    def _compared(self, at: Location, told: Mapping[str, Any], data: memoryview, checksum: str) -> str:
        """Compare what was written with its ETag, or with what the service says when it is asked."""
        if checking.etag_of(told) == checking.md5_of(data):
            return "md5"
        version = str(told["VersionId"] or "")
        about = reading.head_answer(self._api, at, **({"VersionId": version} if version else {}))
        if checking.etag_of(about) != checking.etag_of(told):
            return "size"  # another writer's, since then
        self._doubted.add(at.bucket)
        try:
            return checking.compare_sent(self._api, about, data, checksum)
        except ValueError as error:
            raise writing.wrong(self._api, at, told, str(error)) from None

    def _store(self, at: Location) -> Any:
        """Return obstore's store for a bucket; None if the object is left to the SDK."""
        route = self._api.routes.get(at.bucket)
        if (
            route is None
            or not self._is_possible(route)
            or at.bucket in self._doubted
            or not is_plain(at.key)
        ):
            return None
        if time.monotonic() < self._paused_until or (_users and os.getpid() not in _users):
            return None
        key = (self._api.renewals, at.bucket, route)
        store = self._stores.get(key)
        if store is None:
            self._obstore = require("obstore", extra="s3")
            with self._lock:
                store = self._stores[key] = self._made(at.bucket, route)
                for old in [old for old in self._stores if old[0] != key[0]]:
                    del self._stores[old]
        return store

    def _is_possible(self, route: Route) -> bool:
        # obstore trusts the system's authorities as well, even where others were named.
        return self._possible and not (self._own_authorities and route.endpoint.startswith("https:"))

    def _made(self, bucket: str, route: Route) -> Any:
        connection = self._api.connection
        checked = {"checksum_algorithm": "crc64nvme"} if self._api.checksums else {}
        client = {
            "allow_http": route.endpoint.startswith("http://"),
            "connect_timeout": timedelta(seconds=connection.connect_timeout),
            "read_timeout": timedelta(seconds=connection.read_timeout),
            "timeout": timedelta(seconds=connection.connect_timeout + 10 * connection.read_timeout),
            "pool_max_idle_per_host": str(connection.max_connections),
            "user_agent": "longshore",
        }
        _users.add(os.getpid())
        return require("obstore.store", extra="s3").S3Store(
            bucket,
            endpoint=route.endpoint,
            region=route.region,
            virtual_hosted_style_request=route.in_host,
            credential_provider=_Credentials(self._api),
            client_options=client,
            retry_config={"max_retries": 0},
            **checked,
        )

    def _translated(self, error: Exception, verb: str, at: Location) -> Exception:
        if isinstance(error, StorageError):
            return error
        text = str(error).partition("\n\nDebug source")[0]
        status = _STATUS.search(text)
        if status is None:
            if "redirect" in text:
                self._doubted.add(at.bucket)  # the SDK follows it
                return _again(WrongRegionError(f"cannot {verb} {at.url!r}: the bucket is in another region"))
            seen = text.rpartition(" - ")[2] or type(error).__name__
            return UnreachableError(f"cannot {verb} {at.url!r}: {seen}")
        found: dict[str, str] = dict(_TAG.findall(text))
        answer = faults.Answer(
            status=int(status[1]),
            code=found.get("Code", str(status[1])),
            message=found.get("Message", ""),
            request_id=found.get("RequestId", ""),
            region=found.get("Region", ""),
        )
        translated = faults.fault(answer, verb, at, self._api.who)
        if isinstance(translated, ThrottledError):
            self._paused_until = time.monotonic() + _PAUSE
        if isinstance(translated, WrongRegionError):
            self._doubted.add(at.bucket)
            return _again(translated)
        return translated


def _again(error: StorageError) -> StorageError:
    error.retryable = True
    return error


def _is_possible(api: Api) -> bool:
    connection = api.connection
    special = (
        connection.anonymous, connection.proxy, connection.requester_pays, connection.customer_key,
        connection.expected_bucket_owner, connection.accelerate,
    )  # fmt: skip
    return not any(special) and find_spec("obstore") is not None


def _attributes(said: Mapping[str, Any]) -> dict[str, str] | None:
    """Return what obstore is told of an object; None if it cannot be told."""
    metadata: Mapping[str, str] = said.get("Metadata", {})
    if set(said) - set(_ATTRIBUTES) - {"Metadata"} or {name.lower() for name in metadata} & _KNOWN_NAMES:
        return None
    return {_ATTRIBUTES[name]: value for name, value in said.items() if name != "Metadata"} | dict(metadata)


def _info(at: Location, meta: Any, attributes: dict[str, str], etag: str, data: bytes) -> ObjectInfo:
    return ObjectInfo(
        url=at.url,
        size=len(data),
        etag=etag,
        version=str(meta["version"] or ""),
        checksum=_crc(data),
        verified="md5",
        modified=meta["last_modified"],
        content_type=attributes.get("Content-Type", ""),
        content_encoding=attributes.get("Content-Encoding", ""),
        storage_class=attributes.get("Storage-Class", ""),
        metadata={name: value for name, value in attributes.items() if name.lower() not in _KNOWN_NAMES},
    )


def _crc(data: memoryview | bytes) -> str:
    return checksums.of(reading.ALGORITHM, data) if checksums.available(reading.ALGORITHM) else ""
