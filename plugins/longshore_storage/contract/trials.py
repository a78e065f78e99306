"""What the parts of `StorageContract` share: its flags, its fixtures, and what they write and compare."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

import pytest

from longshore_storage import checksums
from longshore_storage.contract.keys import TEXT_KEYS
from longshore_storage.errors import ObjectNotFoundError
from longshore_storage.locations import parse
from longshore_storage.objects import ANY, Condition, ObjectInfo, Prefix, WriteOptions
from longshore_storage.protocol import PLAIN
from longshore_storage.stores import store_for
from longshore_storage.transfers import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from longshore_storage.locations import Location
    from longshore_storage.protocol import Connection, ObjectStore, Part, Upload

T = TypeVar("T")
OLD: Final = b"the old one"
NEW: Final = b"the new one, which is longer"
_SMALL_PART: Final = 256 << 10
_random: Final = random.Random(20130101)  # noqa: S311 - content, no secret
_MATERIAL: Final = _random.randbytes(1 << 20)


def content(size: int, seed: int = 0) -> bytes:
    """Return bytes in which no two places are alike; another seed makes others."""
    block = _MATERIAL[seed * 7919 % 65_536 :] + seed.to_bytes(4, "big")
    whole = b"".join(number.to_bytes(4, "big") + block for number in range(size // len(block) + 1))
    return whole[:size]


class StorageTrial:
    """The flags and fixtures of `StorageContract`; `connection` and `root` are its user's."""

    has_buckets: ClassVar[bool] = True
    keys_are_paths: ClassVar[bool] = False
    odd_keys: ClassVar[tuple[str, ...]] = TEXT_KEYS
    bad_keys: ClassVar[tuple[str, ...]] = ("", "x" * 1025, "half \ud83d")
    kept_options: ClassVar[frozenset[str]] = frozenset({"content_type", "content_encoding", "metadata"})
    compares_checksums: ClassVar[bool] = True
    conditions: ClassVar[frozenset[str]] = frozenset({"put", "finish", "copy", "delete"})
    resumes: ClassVar[bool] = True
    presigns: ClassVar[bool] = True
    creates_buckets: ClassVar[bool] = True
    many_keys: ClassVar[int] = 1_050

    @pytest.fixture
    def store(self, connection: Connection) -> ObjectStore:
        """The store of this process."""
        return store_for(connection)

    @pytest.fixture
    def at(self, root: Location) -> Callable[[str], Location]:
        """Gives the place of a name below the root."""
        return lambda name: root.with_key(f"{root.key}{name}")

    @pytest.fixture(autouse=True)
    def _state(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LONGSHORE_STATE", str(tmp_path / "state of longshore"))

    def open_uploads(self, root: Location) -> list[str]:
        """Return what the service has of uploads below the root that are neither finished nor aborted.

        Ask it behind the store's back; an empty list if it cannot be asked.
        """
        return []

    def part_size(self, store: ObjectStore) -> int:
        """Return the bytes of a small part that the service takes."""
        multiple = store.limits.part_multiple
        return -(-max(store.limits.smallest_part, _SMALL_PART) // multiple) * multiple

    def settings(self, store: ObjectStore, **more: object) -> Settings:
        """Return settings with small parts."""
        return Settings(part_size=self.part_size(store), **more)  # type: ignore[arg-type]


def tried(work: Callable[[], T], *errors: type[Exception]) -> tuple[T | None, Exception | None]:
    """Return what a function returned, and which of the errors it raised instead."""
    try:
        return work(), None
    except errors as error:
        return None, error


def put(
    store: ObjectStore, at: Location, data: bytes = OLD, *, options: WriteOptions = PLAIN,
    condition: Condition = ANY,
) -> ObjectInfo:  # fmt: skip
    """Write an object with its right checksum."""
    checksum = checksums.of(store.algorithm, data)
    return store.put(at, memoryview(data), checksum=checksum, options=options, condition=condition)


def send(store: ObjectStore, upload: Upload, number: int, data: bytes, *, last: bool = False) -> Part:
    """Send a part with its right checksum."""
    checksum = checksums.of(store.algorithm, data)
    return store.put_part(upload, number, memoryview(data), checksum=checksum, last=last)


def pieces(data: bytes, part_size: int) -> list[bytes]:
    """Return data in parts."""
    return [data[start : start + part_size] for start in range(0, len(data), part_size)]


def send_all(store: ObjectStore, upload: Upload, data: bytes, *, but: Iterable[int] = ()) -> list[Part]:
    """Send the parts of data, but some of them."""
    parts = list(enumerate(pieces(data, upload.part_size), 1))
    return [
        send(store, upload, number, piece, last=number == len(parts))
        for number, piece in parts
        if number not in but
    ]


def fetch(store: ObjectStore, info: ObjectInfo, start: int = 0, stop: int | None = None) -> bytes:
    """Read a range of a version to its end."""
    found = bytearray()
    buffer = memoryview(bytearray(64 << 10))
    with store.read(info, start, stop) as body:
        while count := body.readinto(buffer):
            found += buffer[:count]
    return bytes(found)


def whole(store: ObjectStore, at: Location) -> bytes | None:
    """Return what an object has; None if there is none."""
    try:
        return fetch(store, store.head(at))
    except ObjectNotFoundError:
        return None


def keys(found: Iterable[ObjectInfo | Prefix], root: Location) -> list[str]:
    """Return the names below the root of what a listing yields."""
    names = [parse(entry.url).key for entry in found]
    assert all(name.startswith(root.key) for name in names), f"not below {root.key!r}: {names}"
    return [name.removeprefix(root.key) for name in names]
