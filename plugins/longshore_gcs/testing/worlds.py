"""What the test server holds: buckets, and every version of their objects."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from longshore_gcs.testing.answers import ApiError, Request
from longshore_storage import checksums

Json = dict[str, Any]
WRITABLE: Final = (
    "contentType", "contentEncoding", "contentDisposition", "contentLanguage", "cacheControl", "storageClass",
    "metadata", "customTime", "temporaryHold", "eventBasedHold",
)  # fmt: skip


@dataclass
class Stored:
    """One version of one object."""

    resource: Json
    data: bytes | Path

    @property
    def generation(self) -> str:
        """Its number."""
        return str(self.resource["generation"])

    def read(self) -> bytes:
        """Return the stored bytes."""
        return self.data.read_bytes() if isinstance(self.data, Path) else self.data

    def drop(self) -> None:
        """Take the bytes off the disk."""
        if isinstance(self.data, Path):
            self.data.unlink(missing_ok=True)


@dataclass
class Bucket:
    """One bucket, its live objects, and what was there before where versions are kept."""

    resource: Json
    live: dict[str, Stored] = field(default_factory=dict[str, Stored])
    old: dict[str, list[Stored]] = field(default_factory=dict[str, list[Stored]])

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.resource["name"])

    @property
    def versioned(self) -> bool:
        """Whether noncurrent versions are kept."""
        return bool(self.resource.get("versioning", {}).get("enabled"))

    def find(self, key: str, generation: str = "") -> Stored:
        """Return the live version, or the one of a generation."""
        every = [*self.old.get(key, ()), *((self.live[key],) if key in self.live else ())]
        found = self.live.get(key)
        if generation:
            found = next((one for one in every if one.generation == generation), None)
        if found is None:
            version = f"#{generation}" if generation else ""
            raise ApiError("notFound", f"No such object: {self.name}/{key}{version}")
        return found


class World:
    """Buckets by name; one lock for all.

    Args:
        folder: Where the bytes are kept; None for memory.
        project: The project that owns new buckets.
    """

    def __init__(self, folder: Path | None, project: str) -> None:
        self.buckets: dict[str, Bucket] = {}
        self.lock = threading.RLock()
        self._folder, self._project = folder, project
        self._last = 0

    def bucket(self, name: str, request: Request | None = None) -> Bucket:
        """Return a bucket; one whose requester pays wants to know who does ("Requester Pays")."""
        if name not in self.buckets:
            raise ApiError("notFound", "The specified bucket does not exist.")
        found = self.buckets[name]
        pays = found.resource.get("billing", {}).get("requesterPays")
        told = request is None or request.query.get("userProject") or request.header("x-goog-user-project")
        if pays and not told:
            raise ApiError("required", "Bucket is a requester pays bucket but no user project provided.")
        return found

    def make_bucket(self, resource: Json) -> Bucket:
        """Make a bucket."""
        name = str(resource.get("name", ""))
        if not name:
            raise ApiError("required", "Required")
        if name in self.buckets:
            raise ApiError("conflict", _OWNED if self._is_ours(name) else _TAKEN)
        made = {
            "kind": "storage#bucket", "id": name, "location": "US", "storageClass": "STANDARD",
            "timeCreated": now(), "updated": now(), "metageneration": "1", "etag": "CAE=",
            "projectNumber": self._project, **resource,
        }  # fmt: skip
        self.buckets[name] = Bucket(made)
        return self.buckets[name]

    def _is_ours(self, name: str) -> bool:
        return str(self.buckets[name].resource["projectNumber"]) == self._project

    def store(self, bucket: Bucket, key: str, data: bytes, given: Json, *, components: int = 0) -> Stored:
        """Make bytes the live version of an object; the one before is kept where versions are."""
        check_hashes(given, data)
        made = self._resource(bucket, key, data, given, components)
        stored = Stored(made, self._kept(made["generation"], data))
        self.retire(bucket, key)
        bucket.live[key] = stored
        return stored

    def retire(self, bucket: Bucket, key: str) -> None:
        """Take the live version away; where versions are kept it becomes a noncurrent one."""
        stored = bucket.live.pop(key, None)
        if stored is None:
            return
        if bucket.versioned:
            stored.resource["timeDeleted"] = now()
            bucket.old.setdefault(key, []).append(stored)
        else:
            stored.drop()

    def remove(self, bucket: Bucket, key: str, stored: Stored) -> None:
        """Take one version away for ever."""
        if bucket.live.get(key) is stored:
            del bucket.live[key]
        else:
            bucket.old[key].remove(stored)
        stored.drop()

    def _kept(self, generation: str, data: bytes) -> bytes | Path:
        if self._folder is None:
            return bytes(data)
        path = self._folder / generation
        path.write_bytes(data)
        return path

    def _resource(self, bucket: Bucket, key: str, data: bytes, given: Json, components: int) -> Json:
        generation = self._generation()
        made: Json = {
            "kind": "storage#object", "id": f"{bucket.name}/{key}/{generation}", "name": key,
            "bucket": bucket.name, "generation": generation, "metageneration": "1", "size": str(len(data)),
            "storageClass": bucket.resource["storageClass"], "contentType": "application/octet-stream",
            "timeCreated": now(), "updated": now(),
            "crc32c": checksums.of("crc32c", data).partition(":")[2],
            **{word: given[word] for word in WRITABLE if given.get(word) not in (None, "")},
        }  # fmt: skip
        if components:  # a composite object has no MD5 ("Composite objects", Cloud Storage docs)
            made["componentCount"] = components
        else:
            made["md5Hash"] = md5(data)
        made["etag"] = etag(made)
        return made

    def _generation(self) -> str:
        self._last = max(self._last + 1, time.time_ns() // 1000)
        return str(self._last)


_OWNED: Final = "Your previous request to create the named bucket succeeded and you already own it."
_TAKEN: Final = (
    "The requested bucket name is not available. The bucket namespace is shared by all users of the system. "
    "Please select a different name and try again."
)


def check_hashes(given: Json, data: bytes) -> None:
    """Refuse bytes that are not those which the writer meant ("Data validation", Cloud Storage docs)."""
    found = {"crc32c": checksums.of("crc32c", data).partition(":")[2], "md5Hash": ""}
    if given.get("md5Hash"):
        found["md5Hash"] = md5(data)
    for word, shown in (("crc32c", "CRC32C"), ("md5Hash", "MD5 hash")):
        if given.get(word) and given[word] != found[word]:
            raise ApiError(
                "invalid",
                f'Provided {shown} "{given[word]}" doesn\'t match calculated {shown} "{found[word]}".',
            )


def etag(resource: Json) -> str:
    """Return a name for content and metadata."""
    seed = f"{resource['generation']}/{resource['metageneration']}".encode()
    return base64.b64encode(hashlib.sha256(seed).digest()[:6]).decode()


def md5(data: bytes) -> str:
    """Return the MD5 as resources have it."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def now() -> str:
    """Return the time as resources have it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
