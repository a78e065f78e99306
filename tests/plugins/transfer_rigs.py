"""What the fault tests of transfers share: a service behind a proxy, and what must hold whatever happens."""

from __future__ import annotations

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from object_proxy import Edit, Fault, FaultProxy, Passing

from longshore_storage import checksums
from longshore_storage.errors import StorageError
from longshore_storage.locations import Location
from longshore_storage.objects import ObjectInfo
from longshore_storage.protocol import ObjectStore
from longshore_storage.sources import BytesSource, Source
from longshore_storage.transfers import Settings, download, upload

OLD = b"the old one"
KIB, MIB = 1 << 10, 1 << 20


def content(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


class Rig(ABC):
    """One service, a bucket on it, and the proxy that transfers go through.

    Attributes:
        proxy: Passes everything on until a test says otherwise.
        smallest_part: Bytes of the parts of an upload.
        slow_down: The service's own words for "too fast"; so with the others.
    """

    smallest_part: int
    slow_down: Fault
    denied: Fault
    bucket_missing: Fault
    expired: Fault
    without_checksums: Edit
    """Leaves the MD5 as all that headers tell of an object's content."""

    def __init__(self, proxy: FaultProxy) -> None:
        self.proxy = proxy

    @abstractmethod
    def store(self, *, refreshable: bool = False, timeout: float = 20.0) -> ObjectStore:
        """Make a store that goes through the proxy.

        Args:
            refreshable: Its credentials can be had anew.
            timeout: Seconds, of connecting and sending as of reading.
        """

    def warm(self, store: ObjectStore) -> None:
        """Let a store learn what it learns from its first requests."""
        data = memoryview(b"warm")
        store.put(self.at("warm"), data, checksum=checksums.of(store.algorithm, data))
        store.get(self.at("warm"), MIB)
        self.proxy.forget()

    @abstractmethod
    def at(self, key: str) -> Location: ...

    @abstractmethod
    def write(self, key: str, data: bytes) -> None:
        """Put an object there, not through the proxy."""

    @abstractmethod
    def read(self, key: str) -> bytes | None:
        """Return an object, not through the proxy; None if there is none."""

    @abstractmethod
    def delete(self, key: str) -> None: ...

    @abstractmethod
    def open_uploads(self) -> list[str]:
        """Return the keys of unfinished uploads."""

    @abstractmethod
    def begin_upload(self, key: str) -> Callable[[], object]:
        """Begin an upload that is not ours; return what aborts it."""

    @abstractmethod
    def as_told(self) -> dict[str, Any]:
        """Return the connection for another process: `module`, `connection` and `fields`."""

    @abstractmethod
    def part_of(self, passing: Passing) -> str:
        """Return which part a request sends."""

    @abstractmethod
    def renewals(self) -> int:
        """Return how often credentials were had anew."""

    @abstractmethod
    def reads(self, passing: Passing) -> bool:
        """Tell whether a request asks for an object's bytes; so with the others."""

    @abstractmethod
    def heads(self, passing: Passing) -> bool: ...

    @abstractmethod
    def puts(self, passing: Passing) -> bool:
        """An object in one request."""

    @abstractmethod
    def begins(self, passing: Passing) -> bool:
        """An upload in parts."""

    @abstractmethod
    def parts(self, passing: Passing) -> bool: ...

    @abstractmethod
    def finishes(self, passing: Passing) -> bool:
        """What makes the parts an object."""

    def requests_of(self, kind: str) -> Callable[[Passing], bool]:
        matches: Mapping[str, Callable[[Passing], bool]] = {
            "first puts": self.puts,
            "puts": self.puts, "begins": self.begins, "parts": self.parts, "finishes": self.finishes,
        }  # fmt: skip
        return matches[kind]


class Receiving:
    """A download over a good file, and the rule.

    Args:
        rig: Where from.
        target: A file that has OLD in it.
        part_size: Bytes.
    """

    def __init__(self, rig: Rig, target: Path, part_size: int) -> None:
        self.rig, self.target, self.part_size = rig, target, part_size
        self.store = rig.store()
        self.seconds = 0.0

    def run(self, *versions: bytes, **settings: Any) -> ObjectInfo | StorageError:
        """Download the object `cargo`; the file is the old one, or one of the versions after a success."""
        chosen = Settings(part_size=self.part_size, **settings)
        began = time.monotonic()
        outcome: ObjectInfo | StorageError
        try:
            outcome = download(self.store, self.rig.at("cargo"), self.target, settings=chosen)
        except StorageError as error:
            outcome = error
        self.seconds = time.monotonic() - began
        there = self.target.read_bytes()
        if isinstance(outcome, StorageError):
            assert there == OLD, "a failed download changed the file"
        else:
            assert there in versions, "what came is no version of the object"
            assert self.leftovers() == []
        return outcome

    def leftovers(self) -> list[str]:
        return sorted(path.name for path in self.target.parent.iterdir() if path != self.target)


class Sending:
    """An upload over a good object, and the rule.

    Attributes:
        unknown: Uploads that stay open, because the answer with their ids was lost.
    """

    def __init__(self, rig: Rig, *, part_size: int = 0) -> None:
        self.rig, self.part_size = rig, part_size or rig.smallest_part
        self.store = rig.store()
        self.seconds = 0.0
        self.unknown = 0
        rig.write("cargo", OLD)

    def run(self, data: bytes, *, source: Source | None = None, **settings: Any) -> ObjectInfo | StorageError:
        """Upload to the object `cargo`; the key is the old one or the new one, and no upload is open."""
        chosen = Settings(part_size=self.part_size, **settings)
        before = self.rig.read("cargo")
        began = time.monotonic()
        outcome: ObjectInfo | StorageError
        try:
            outcome = upload(source or BytesSource(data), self.store, self.rig.at("cargo"), settings=chosen)
        except StorageError as error:
            outcome = error
        self.seconds = time.monotonic() - began
        there = self.rig.read("cargo")
        assert there in (before, OLD, data), "the object is neither the old nor the new one"
        if isinstance(outcome, ObjectInfo):
            assert there == data
        assert len(self.rig.open_uploads()) == self.unknown
        return outcome
