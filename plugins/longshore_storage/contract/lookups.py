"""The part of `StorageContract` that is about looking at objects and reading them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from longshore.testing import assert_portable
from longshore_storage import checksums
from longshore_storage.contract.trials import NEW, OLD, StorageTrial, content, fetch, put, tried, whole
from longshore_storage.errors import (
    BucketNotFoundError,
    ChecksumError,
    ObjectChangedError,
    ObjectNotFoundError,
)
from longshore_storage.locations import Location
from longshore_storage.objects import ObjectInfo
from longshore_storage.sources import BytesSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore_storage.protocol import ObjectStore

    Place = Callable[[str], Location]

_CLOCKS: timedelta = timedelta(minutes=5)
"""How far the clocks of the service and of this machine may be apart."""


class Lookups(StorageTrial):
    """What every store does when it is asked for an object."""

    def test_head_tells_what_an_object_is(self, store: ObjectStore, at: Place) -> None:
        """Its place, size and time, and a token that stays the same while it does."""
        put(store, at("x"), OLD)
        info = store.head(at("x"))
        assert (info.url, info.size) == (at("x").url, len(OLD))
        assert info.modified is not None
        assert abs(datetime.now(UTC) - info.modified) < _CLOCKS
        assert info.token
        assert info.token == store.head(at("x")).token
        assert info.path is None
        assert not info.verified, "nothing was transferred"

    def test_another_content_has_another_token(self, store: ObjectStore, at: Place) -> None:
        """Also one of the same size."""
        first = put(store, at("x"), b"one")
        second = put(store, at("x"), b"two")
        assert len({first.token, second.token, put(store, at("x"), b"eins").token}) == 3
        assert all((first.token, second.token))

    def test_a_checksum_that_is_told_is_that_of_the_content(self, store: ObjectStore, at: Place) -> None:
        """In the form that `checksums` reads."""
        data = content(100_000)
        put(store, at("x"), data)
        for told in (store.head(at("x")).checksum, store.get(at("x"), len(data))[0].checksum):
            algorithm = told.partition(":")[0]
            if algorithm and checksums.available(algorithm):
                assert told == checksums.of(algorithm, data)

    def test_what_is_not_there_is_an_error_that_names_it(self, store: ObjectStore, at: Place) -> None:
        """It is a FileNotFoundError, travels, and asking again does not help. A prefix is no object."""
        put(store, at("folder/x"))
        for name in ("missing", "folder", "folder/", "folder/x/y"):
            for request in (lambda: store.head(at(name)), lambda: store.get(at(name), 100)):  # noqa: B023
                with pytest.raises(ObjectNotFoundError) as caught:
                    request()
                assert at(name).url in str(caught.value)
                assert isinstance(caught.value, FileNotFoundError)
                assert not caught.value.retryable
                assert_portable(caught.value)

    def test_a_bucket_that_is_not_there_is_said(self, store: ObjectStore, root: Location) -> None:
        """Whatever is asked of it."""
        if not self.has_buckets:
            assert root.bucket == ""
            return
        missing = Location(root.scheme, f"{root.bucket[:40]}-missing", "x")
        limits = store.limits
        for request in (
            lambda: store.head(missing),
            lambda: store.get(missing, 10),
            lambda: next(iter(store.list(missing)), None),
            lambda: put(store, missing),
            lambda: store.begin(missing, part_size=limits.smallest_part, size=2 * limits.smallest_part),
        ):
            with pytest.raises(BucketNotFoundError) as caught:
                request()
            assert missing.bucket in str(caught.value)
            assert not caught.value.retryable

    def test_ranges_are_read_exactly(self, store: ObjectStore, at: Place) -> None:
        """The whole, the first byte, the last one, the middle, the rest."""
        data = content(300_001)
        info = put(store, at("x"), data)
        assert fetch(store, info) == data
        for start, stop in ((0, 1), (len(data) - 1, len(data)), (1000, 200_000), (0, len(data)), (7, None)):
            assert fetch(store, info, start, stop) == data[start:stop], f"bytes {start} to {stop}"

    def test_an_empty_object_and_an_empty_range_have_no_bytes(self, store: ObjectStore, at: Place) -> None:
        """They are no error, although HTTP has no way to ask for them."""
        empty = put(store, at("empty"), b"")
        assert (empty.size, store.head(at("empty")).size) == (0, 0)
        assert fetch(store, store.head(at("empty"))) == b""
        assert store.get(at("empty"), 10)[1] == b""
        assert fetch(store, put(store, at("x")), 3, 3) == b""

    def test_a_body_fills_buffers_of_any_size(self, store: ObjectStore, at: Place) -> None:
        """It returns 0 at the end alone, and then again."""
        data = content(5000)
        info = put(store, at("x"), data)
        with store.read(info, 100, 4100) as body:
            found = bytearray()
            for size in (1, 7, 999, 100_000, 100_000, 100_000):
                buffer = memoryview(bytearray(size))
                count = body.readinto(buffer)
                found += buffer[:count]
            assert body.readinto(memoryview(bytearray(10))) == body.readinto(memoryview(bytearray(1))) == 0
        assert bytes(found) == data[100:4100]

    def test_a_body_that_is_not_read_to_its_end_disturbs_nothing(self, store: ObjectStore, at: Place) -> None:
        """Its connection is not used again with the rest in it."""
        data = content(2 << 20)
        info = put(store, at("x"), data)
        for _ in range(3):
            with store.read(info) as body:
                body.readinto(memoryview(bytearray(10)))
            assert fetch(store, info, 0, 20) == data[:20]
        with pytest.raises(ZeroDivisionError), store.read(info):
            raise ZeroDivisionError
        assert store.get(at("x"), len(data))[1] == data

    def test_a_version_that_was_replaced_is_not_read(self, store: ObjectStore, at: Place) -> None:
        """Never are bytes of another one taken for its own, be they as many."""
        for name in ("put", "listed"):
            info = put(store, at(name), b"0123456789")
            if name == "listed":
                [listed] = store.list(at(name))
                assert isinstance(listed, ObjectInfo)
                info = listed
            put(store, at(name), b"abcdefghij")
            for start, stop in ((0, None), (2, 5)):
                found, error = tried(partial(fetch, store, info, start, stop), ObjectChangedError)
                assert found in (None, b"0123456789"[start:stop])
                assert error is None or at(name).url in str(error)

    def test_a_version_that_was_deleted_is_not_read(self, store: ObjectStore, at: Place) -> None:
        """It is an error that says so, as its version is gone, or else it is there still."""
        info = put(store, at("x"), b"0123456789")
        store.delete(at("x"))
        found, error = tried(partial(fetch, store, info, 2, 5), ObjectChangedError)
        assert found == b"234" or (isinstance(error, ObjectChangedError) and not error.retryable)

    def test_a_small_object_is_fetched_whole_and_verified(self, store: ObjectStore, at: Place) -> None:
        """It may be as large as the limit."""
        for size in (1, 1000, 200_000):
            data = content(size, seed=size)
            put(store, at("x"), data)
            info, found = store.get(at("x"), size)
            assert found == data
            assert (info.url, info.size) == (at("x").url, size)
            assert info.token == store.head(at("x")).token
            assert info.verified, "with what were the bytes compared?"

    def test_a_larger_object_is_told_and_not_fetched(self, store: ObjectStore, at: Place) -> None:
        """What is told of it can be read."""
        data = content(100_000)
        put(store, at("x"), data)
        for limit in (0, len(data) - 1):
            info, found = store.get(at("x"), limit)
            assert found is None
            assert info.size == len(data)
            assert fetch(store, info, 0, 10) == data[:10]

    def test_bytes_can_be_confirmed_without_a_checksum(self, store: ObjectStore, at: Place) -> None:
        """What they were compared with is said; others are an error unless the service knows sizes alone."""
        info = replace(put(store, at("x"), OLD), checksum="")
        said = store.confirm(info, BytesSource(OLD))
        assert said
        other, error = tried(lambda: store.confirm(info, BytesSource(b"x" * len(OLD))), ChecksumError)
        assert other == said == "size" or (error is not None and said != "size")

    def test_what_was_written_is_there_at_once(self, store: ObjectStore, at: Place) -> None:
        """For looking, reading and listing; and what was deleted is not."""
        for number in range(5):
            data = NEW * (number + 1)
            put(store, at("x"), data)
            assert whole(store, at("x")) == data
            assert [entry.url for entry in store.list(at(""))] == [at("x").url]
            store.delete(at("x"))
            assert whole(store, at("x")) is None
            assert list(store.list(at(""))) == []
