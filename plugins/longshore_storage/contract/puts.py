"""The part of `StorageContract` that is about writing with one request."""

from __future__ import annotations

import urllib.request
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from longshore import LongshoreError
from longshore.testing import assert_portable
from longshore_storage import checksums
from longshore_storage.contract.trials import NEW, OLD, StorageTrial, content, put, tried, whole
from longshore_storage.errors import ChecksumError, StorageError
from longshore_storage.objects import WriteOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore_storage.locations import Location
    from longshore_storage.objects import ObjectInfo
    from longshore_storage.protocol import ObjectStore

    Place = Callable[[str], Location]


class Puts(StorageTrial):
    """What every store does when it writes an object with one request."""

    def test_the_limits_can_be_kept(self, store: ObjectStore) -> None:
        """Parts are not larger than parts, and the checksum can be computed here."""
        limits = store.limits
        assert 0 < limits.smallest_part <= limits.largest_part
        assert limits.smallest_part % limits.part_multiple == 0
        assert min(limits.most_parts, limits.largest_put, limits.largest_object, limits.largest_copy) > 0
        assert checksums.available(store.algorithm)

    def test_what_was_written_is_told(self, store: ObjectStore, at: Place) -> None:
        """Place, size, token, checksum, and what the bytes were compared with."""
        for size in (0, 1, 100_000):
            data = content(size, seed=size)
            info = put(store, at("x"), data)
            assert (info.url, info.size) == (at("x").url, size)
            assert info.checksum == checksums.of(store.algorithm, data)
            assert info.verified
            assert info.token == store.head(at("x")).token
            assert whole(store, at("x")) == data

    def test_bytes_of_any_buffer_are_taken(self, store: ObjectStore, at: Place) -> None:
        """A piece of a larger one, and one that is written to afterwards."""
        buffer = bytearray(content(100_000))
        expected = bytes(buffer[500:90_500])
        view = memoryview(buffer)[500:90_500]
        checksum = checksums.of(store.algorithm, view)
        store.put(at("x"), view, checksum=checksum)
        buffer[:] = bytes(len(buffer))
        assert whole(store, at("x")) == expected
        assert store.get(at("x"), len(expected))[1] == expected

    def test_a_wrong_checksum_is_refused_and_leaves_nothing(self, store: ObjectStore, at: Place) -> None:
        """Neither the bytes, nor an object without any; what was there is never taken for them."""
        if not self.compares_checksums:
            pytest.skip("the server of these tests compares no checksums")
        wrong = checksums.of(store.algorithm, OLD)
        for size in (len(NEW), 3 << 20, 1):  # again after a good one, for a store that takes shortcuts then
            with pytest.raises(ChecksumError) as caught:
                store.put(at("x"), memoryview(content(size)), checksum=wrong)
            assert at("x").url in str(caught.value)
            assert_portable(caught.value)
            assert whole(store, at("x")) is None
            assert list(store.list(at("x"))) == []
            put(store, at("good"))

    def test_options_come_back(self, store: ObjectStore, at: Place) -> None:
        """Type, encoding and metadata, from every method that tells them; the bytes stay as they are."""
        given = WriteOptions(
            content_type="text/x-log; charset=utf-8", content_encoding="gzip",
            content_disposition='attachment; filename="a b.log"', content_language="de, en",
            cache_control="no-store", metadata={"owner": "Ada Lovelace", "day": "2013-01-01"},
        )  # fmt: skip
        data = b"\x1f\x8b not really gzip, and nobody may unpack it"
        put(store, at("x.log"), data, options=given)
        got, found = store.get(at("x.log"), 1000)
        assert found == whole(store, at("x.log")) == data
        for info in (store.head(at("x.log")), got):
            self._told(info, given)

    def _told(self, info: ObjectInfo, given: WriteOptions) -> None:
        for field in self.kept_options:
            assert getattr(info, field) == getattr(given, field), field

    def test_a_new_object_has_nothing_of_the_one_that_it_replaces(
        self, store: ObjectStore, at: Place
    ) -> None:
        """Options are the object's, not the place's."""
        given = WriteOptions(content_type="text/csv", content_encoding="gzip", metadata={"a": "b"})
        put(store, at("x"), OLD, options=given)
        put(store, at("x"), NEW)
        info = store.head(at("x"))
        assert (info.content_encoding, dict(info.metadata)) == ("", {})
        assert info.content_type != "text/csv"

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("a.csv", "text/csv"),
            ("a.json", "application/json"),
            ("b.PNG", "image/png"),
            ("plain", "application/octet-stream"),
            ("folder.csv/plain", "application/octet-stream"),
        ],
    )
    def test_the_content_type_is_guessed_from_the_key(
        self, store: ObjectStore, at: Place, name: str, expected: str
    ) -> None:
        """From its ending alone; what has none is a stream of bytes."""
        put(store, at(name))
        assert store.head(at(name)).content_type == expected

    def test_a_compressed_file_is_not_said_to_be_unpacked_on_the_way(
        self, store: ObjectStore, at: Place
    ) -> None:
        """`x.csv.gz` is a gzip file, so no client may unpack it unasked: no content encoding is guessed."""
        put(store, at("x.csv.gz"), b"\x1f\x8b...")
        info = store.head(at("x.csv.gz"))
        assert info.content_encoding == ""
        assert info.content_type in ("application/gzip", "application/x-gzip")

    def test_metadata_of_any_text_is_kept_or_refused(self, store: ObjectStore, at: Place) -> None:
        """Never kept as something else; a line break never becomes a header of its own."""
        for value in ("naïve 🚢", "a\r\nx-evil: 1", "=?UTF-8?B?eA==?=", "100 % & more", '"quoted"'):
            store.delete(at("x"))
            options = WriteOptions(metadata={"note": value})
            _, error = tried(partial(put, store, at("x"), OLD, options=options), LongshoreError)
            if error:
                assert not getattr(error, "retryable", False), value
                assert whole(store, at("x")) is None, value
            else:
                found = dict(store.head(at("x")).metadata)
                expected = {"note": value} if "metadata" in self.kept_options else {}
                assert found == expected

    def test_other_options_of_any_text_are_kept_or_refused(self, store: ObjectStore, at: Place) -> None:
        """A line break in one is no way to slip in a header."""
        for options in (
            WriteOptions(content_type="text/a\r\nx-evil: 1"),
            WriteOptions(cache_control="a\nb: c"),
        ):
            _, error = tried(partial(put, store, at("x"), OLD, options=options), LongshoreError)
            assert not getattr(error, "retryable", False)
            assert whole(store, at("x")) == (None if error else OLD)
            store.delete(at("x"))

    def test_a_presigned_url_allows_its_one_request(self, store: ObjectStore, at: Place) -> None:
        """Without credentials; a store that has none of these says so."""
        put(store, at("x y+z"), OLD)
        minute = timedelta(minutes=1)
        if not self.presigns:
            with pytest.raises(StorageError, match="cannot presign"):
                store.presign(at("x y+z"), method="GET", expires=minute)
            return
        url = store.presign(at("x y+z"), method="GET", expires=minute)
        with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 - http, as the store said
            assert answer.read() == OLD
        url = store.presign(at("new"), method="PUT", expires=minute)
        request = urllib.request.Request(url, data=NEW, method="PUT", headers={"Content-Type": ""})  # noqa: S310
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - the same
            assert answer.status == 200
        assert whole(store, at("new")) == NEW

    def test_a_bucket_is_made_once(self, store: ObjectStore, root: Location) -> None:
        """One that is there and ours is no error, and keeps what it has."""
        if not self.creates_buckets:
            with pytest.raises(StorageError, match="cannot create the bucket"):
                store.create_bucket(root)
            return
        other = type(root)(root.scheme, f"{root.bucket[:40]}-new", "x")
        assert store.create_bucket(other)
        put(store, other)
        assert not store.create_bucket(other)
        assert whole(store, other) == OLD

    def test_new_credentials_are_fetched_or_not(self, store: ObjectStore, at: Place) -> None:
        """Either way the store goes on."""
        assert store.refresh() in (True, False)
        put(store, at("x"), OLD)
        assert whole(store, at("x")) == OLD
