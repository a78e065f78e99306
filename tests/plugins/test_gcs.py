"""Objects of Google Cloud Storage: written once, read as they are, checked both ways."""

from __future__ import annotations

import gzip
import os
import pickle
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

pytest.importorskip("google.cloud.storage", reason="needs longshore[gcs]")

from longshore import ConfigurationError, Secret, decode, encode
from longshore_gcs import GCSConnection, GCSWriteOptions
from longshore_gcs.testing import GCSServer
from longshore_storage import checksums
from longshore_storage.errors import (
    ChecksumError,
    ConditionFailedError,
    ObjectChangedError,
    ObjectExistsError,
    ObjectNotFoundError,
    ServiceError,
)  # fmt: skip
from longshore_storage.locations import Location, parse
from longshore_storage.objects import Condition, ObjectInfo, Prefix, WriteOptions
from longshore_storage.protocol import ObjectStore
from longshore_storage.stores import store_for

KIB256 = 256 * 1024
ABSENT = Condition(absent=True)


@pytest.fixture
def gcs() -> Iterator[GCSServer]:
    with GCSServer(page_size=3) as running:
        running.create_bucket("lake")
        yield running


@pytest.fixture
def store(gcs: GCSServer) -> ObjectStore:
    return store_for(gcs.connection)


def put(store: ObjectStore, url: str, data: bytes, **given: object) -> ObjectInfo:
    checksum = checksums.of("crc32c", data)
    return store.put(parse(url), memoryview(data), checksum=checksum, **given)  # type: ignore[arg-type]


def read(store: ObjectStore, info: ObjectInfo, start: int = 0, stop: int | None = None) -> bytes:
    size = (info.size if stop is None else stop) - start
    data = bytearray(size)
    view = memoryview(data)
    with store.read(info, start, stop) as body:
        while count := body.readinto(view):
            view = view[count:]
    return bytes(data[: size - len(view)])


def test_what_is_written_is_described_and_comes_back(store: ObjectStore) -> None:
    options = WriteOptions(
        content_type="text/x-rows", metadata={"Day": "2013-01-01"}, cache_control="no-store"
    )
    info = put(store, "gs://lake/a b/é?#.csv", b"hello", options=options)
    assert (info.url, info.size, info.checksum) == ("gs://lake/a b/é?#.csv", 5, "crc32c:mnG7TA==")
    assert (info.verified, info.content_type) == ("crc32c", "text/x-rows")
    assert info.metadata == {"Day": "2013-01-01"}
    assert info.modified is not None
    assert abs((datetime.now(UTC) - info.modified).total_seconds()) < 60
    seen = store.head(parse(info.url))
    assert (seen.generation, seen.checksum, seen.verified) == (info.generation, info.checksum, "")
    got, data = store.get(parse(info.url), 1000)
    assert (data, got.generation, got.verified) == (b"hello", info.generation, "crc32c")
    assert got.metadata == {"Day": "2013-01-01"}
    assert [read(store, info), read(store, info, 1, 3), read(store, info, 2, 2)] == [b"hello", b"el", b""]


def test_an_object_above_the_limit_is_described_and_not_fetched(store: ObjectStore) -> None:
    info = put(store, "gs://lake/k", bytes(5000))
    got, data = store.get(parse("gs://lake/k"), 4999)
    assert data is None
    assert (got.size, got.generation, got.checksum, got.verified) == (
        5000,
        info.generation,
        info.checksum,
        "",
    )
    assert store.get(parse("gs://lake/k"), 0)[1] is None


def test_an_empty_object_is_an_object(store: ObjectStore) -> None:
    info = put(store, "gs://lake/empty", b"")
    assert store.get(parse("gs://lake/empty"), 10)[1] == b""
    assert read(store, info) == b""


def test_two_writers_of_a_place_that_must_be_free_are_told_apart_by_the_service(store: ObjectStore) -> None:
    first = put(store, "gs://lake/k", b"1", condition=ABSENT)
    with pytest.raises(ObjectExistsError, match="cannot write 'gs://lake/k': there is an object already"):
        put(store, "gs://lake/k", b"2", condition=ABSENT)
    second = put(store, "gs://lake/k", b"2", condition=Condition(token=first.token))
    with pytest.raises(ConditionFailedError, match="somebody wrote first"):
        put(store, "gs://lake/k", b"3", condition=Condition(token=first.token))
    assert read(store, second) == b"2"


def test_a_read_is_of_one_version(store: ObjectStore) -> None:
    old = put(store, "gs://lake/k", b"old")
    put(store, "gs://lake/k", b"new")
    with pytest.raises(ObjectChangedError, match="replaced or deleted meanwhile"):
        read(store, old)
    with pytest.raises(ObjectNotFoundError):
        store.head_version(parse("gs://lake/k"), old.generation)


def test_a_version_that_the_bucket_keeps_is_read_by_its_generation(
    gcs: GCSServer, store: ObjectStore
) -> None:
    gcs.create_bucket("kept", versioning={"enabled": True})
    old = put(store, "gs://kept/k", b"old")
    put(store, "gs://kept/k", b"new")
    assert read(store, store.head_version(parse("gs://kept/k"), old.generation)) == b"old"


def test_the_service_refuses_bytes_that_are_not_those_of_the_checksum(
    gcs: GCSServer, store: ObjectStore
) -> None:
    with pytest.raises(ChecksumError, match="doesn't match calculated CRC32C"):
        store.put(parse("gs://lake/k"), memoryview(b"other"), checksum=checksums.of("crc32c", b"hello"))
    assert gcs.keys("lake") == []


def test_an_object_that_is_not_what_was_sent_is_taken_away_again(gcs: GCSServer, store: ObjectStore) -> None:
    """A service that does not look at the checksum it was sent; here for a copy, which sends none."""
    info = put(store, "gs://lake/k", b"hello")
    gcs.world.bucket("lake").live["k"].data = b"jello"
    with pytest.raises(ChecksumError, match="it was deleted again"):
        store.copy(info, parse("gs://lake/copy"))
    assert gcs.keys("lake") == ["k"]


def test_a_flipped_bit_is_noticed_by_who_reads(gcs: GCSServer, store: ObjectStore) -> None:
    put(store, "gs://lake/k", b"hello")
    gcs.world.bucket("lake").live["k"].data = b"jello"
    with pytest.raises(ChecksumError, match="what came has the checksum"):
        store.get(parse("gs://lake/k"), 100)


def test_what_is_stored_with_gzip_is_read_as_it_is_stored(gcs: GCSServer, store: ObjectStore) -> None:
    packed = gzip.compress(b"rows" * 1000)
    info = put(store, "gs://lake/rows.csv", packed, options=WriteOptions(content_encoding="gzip"))
    assert info.content_encoding == "gzip"
    assert store.get(parse(info.url), 10_000)[1] == packed
    assert read(store, info) == packed
    assert read(store, info, 3, 20) == packed[3:20]


@pytest.mark.parametrize("key", ["", ".", "..", "a\nb", "x" * 1025, "half \ud83d"])
def test_a_key_that_no_object_can_have_is_refused_here(gcs: GCSServer, store: ObjectStore, key: str) -> None:
    """`..` least of all may reach the service: `DELETE .../b/lake/o/..` is the bucket's own path."""
    at = parse("gs://lake/k").with_key(key)
    for attempt in (
        lambda: store.head(at), lambda: store.delete(at), lambda: store.get(at, 10),
        lambda: store.put(at, memoryview(b""), checksum=checksums.of("crc32c", b"")),
        lambda: store.begin(at, part_size=KIB256, size=1),
    ):  # fmt: skip
        with pytest.raises(ConfigurationError, match="cannot use 'gs://lake/"):
            attempt()
    [(_, error)] = store.delete_many([at])
    assert isinstance(error, ConfigurationError)
    assert len(gcs.seen) == 0


@pytest.mark.parametrize(
    "key", ["a/../b", "../a", "a//b", "/a", "a/.", "%2e%2e", "a\\b", "C:", " ", "a?b#c&d=e+f"]
)
def test_a_strange_key_is_the_one_that_was_given(gcs: GCSServer, store: ObjectStore, key: str) -> None:
    info = put(store, f"gs://lake/{key}", b"x")
    assert gcs.keys("lake") == [key]
    assert store.get(parse(info.url), 10)[1] == b"x"
    assert store.copy(info, parse("gs://lake/copy")).size == 1
    assert [error for _, error in store.delete_many([parse(info.url)])] == [None]
    assert gcs.keys("lake") == ["copy"]


def test_a_bucket_that_cannot_be_is_refused_here(gcs: GCSServer, store: ObjectStore) -> None:
    for name in ("..", "La/ke", "a?b"):
        with pytest.raises(ConfigurationError, match="no bucket can be called"):
            store.head(Location("gs", name, "k"))
    assert len(gcs.seen) == 0


def test_listings_go_page_by_page_in_order(gcs: GCSServer, store: ObjectStore) -> None:
    keys = ["a", "a/1", "a/2", "a/b/3", "b", "c/1", "z", "é"]
    for key in reversed(keys):
        put(store, f"gs://lake/{key}", b"")
    lake = parse("gs://lake/")
    assert [found.url for found in store.list(lake)] == [f"gs://lake/{key}" for key in keys]
    assert [found.url for found in store.list(lake, after="a/2")] == [f"gs://lake/{key}" for key in keys[3:]]
    flat = list(store.list(parse("gs://lake/a/"), recursive=False))
    assert [type(found) for found in flat] == [ObjectInfo, ObjectInfo, Prefix]
    assert [found.url for found in store.list(lake, recursive=False)] == [
        "gs://lake/a", "gs://lake/a/", "gs://lake/b", "gs://lake/c/", "gs://lake/z", "gs://lake/é",
    ]  # fmt: skip
    assert next(found.url for found in store.list(lake, recursive=False, after="a/")) == "gs://lake/b"


def test_a_listing_asks_for_a_page_when_it_is_needed(gcs: GCSServer, store: ObjectStore) -> None:
    for number in range(7):
        put(store, f"gs://lake/{number}", b"")
    before = len(gcs.seen)
    found = store.list(parse("gs://lake/"))
    assert len(gcs.seen) == before
    for _ in range(3):
        next(found)
    assert len(gcs.seen) == before + 1
    assert len(list(found)) == 4


def test_many_are_deleted_with_few_requests_and_each_is_told(gcs: GCSServer, store: ObjectStore) -> None:
    places = [parse(f"gs://lake/{number}") for number in range(120)]
    for at in places:
        put(store, at.url, b"")
    before = len(gcs.seen)
    told = list(store.delete_many([*places, parse("gs://lake/none"), parse("gs://nowhere/k")]))
    assert len(gcs.seen) == before + 2
    assert [at for at, _ in told][:120] == places
    assert [error for _, error in told][:121] == [None] * 121
    assert "there is no bucket 'nowhere'" in str(told[-1][1])
    assert gcs.keys("lake") == []


def test_a_delete_may_name_the_version(gcs: GCSServer, store: ObjectStore) -> None:
    old = put(store, "gs://lake/k", b"1")
    new = put(store, "gs://lake/k", b"2")
    at = parse("gs://lake/k")
    with pytest.raises(ConditionFailedError):
        store.delete(at, condition=Condition(token=old.token))
    store.delete(at, condition=Condition(token=new.token))
    store.delete(at)  # it is gone, which is no error
    with pytest.raises(ConditionFailedError):
        store.delete(at, condition=Condition(token=new.token))


def test_a_copy_takes_as_many_rewrites_as_the_service_wants() -> None:
    with GCSServer(rewrite_step=1 << 20) as server:
        server.create_bucket("lake")
        server.create_bucket("vault", location="EU", storageClass="ARCHIVE")
        store, data = store_for(server.connection), os.urandom(3_500_000)
        info = put(store, "gs://lake/k", data, options=WriteOptions(metadata={"a": "b"}))
        copy = store.copy(info, parse("gs://vault/k"), condition=ABSENT)
        assert (copy.checksum, copy.metadata, copy.storage_class) == (info.checksum, {"a": "b"}, "ARCHIVE")
        assert sum("rewriteTo" in seen.target for seen in server.seen) == 4
        with pytest.raises(ObjectExistsError):
            store.copy(info, parse("gs://vault/k"), condition=ABSENT)
        given = store.copy(info, parse("gs://lake/2"), options=GCSWriteOptions(content_type="x/y"))
        assert (given.content_type, given.metadata) == ("x/y", {})


def test_a_copy_that_broke_off_goes_on_from_its_token() -> None:
    with GCSServer(rewrite_step=1 << 20) as server:
        server.create_bucket("lake")
        store = store_for(server.connection)
        info = put(store, "gs://lake/k", bytes(4 << 20))
        first = list(server.seen)
        server.refuse(503, path="rewriteToken")
        with pytest.raises(ServiceError) as caught:
            store.copy(info, parse("gs://lake/2"))
        assert caught.value.retryable
        store.copy(info, parse("gs://lake/2"))
        statuses = [seen.status for seen in list(server.seen)[len(first) :]]
        assert statuses == [200, 503, 200, 200, 200]


def test_a_copy_is_of_the_version_that_was_seen(store: ObjectStore) -> None:
    old = put(store, "gs://lake/k", b"old")
    put(store, "gs://lake/k", b"new")
    with pytest.raises(ObjectChangedError):
        store.copy(old, parse("gs://lake/2"))


def test_googles_own_options_go_with_the_object(gcs: GCSServer, store: ObjectStore) -> None:
    options = GCSWriteOptions(
        storage_class="NEARLINE", custom_time=datetime(2013, 1, 1, tzinfo=UTC), temporary_hold=True,
        content_disposition="attachment", content_language="en", kms_key="projects/p/k", acl="publicRead",
    )  # fmt: skip
    assert put(store, "gs://lake/k", b"", options=options).storage_class == "NEARLINE"
    resource = gcs.world.bucket("lake").live["k"].resource
    assert (resource["customTime"], resource["temporaryHold"]) == ("2013-01-01T00:00:00+00:00", True)
    assert "kmsKeyName=projects%2Fp%2Fk&predefinedAcl=publicRead" in gcs.seen[-1].target


@pytest.mark.parametrize(
    ("key", "expected"),
    [("a.csv", "text/csv"), ("a/b.json", "application/json"), ("a.csv.gz", "application/gzip"),
     ("a.tar.bz2", "application/x-bzip2"), ("a.csv/b", "application/octet-stream")],
)  # fmt: skip
def test_the_content_type_is_guessed_from_the_key(store: ObjectStore, key: str, expected: str) -> None:
    assert put(store, f"gs://lake/{key}", b"").content_type == expected


KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


def test_a_customers_key_goes_with_every_request_and_is_shown_nowhere(
    gcs: GCSServer, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKE_KEY", KEY)
    connection = GCSConnection(endpoint=gcs.url, anonymous=True, encryption_key=Secret("env:LAKE_KEY"))
    mine = store_for(connection)
    info = put(mine, "gs://lake/k", b"hello")
    assert info.checksum == "crc32c:mnG7TA=="
    assert mine.get(parse("gs://lake/k"), 100)[1] == b"hello"
    assert mine.copy(mine.head(parse("gs://lake/k")), parse("gs://lake/2")).checksum == info.checksum
    assert KEY not in repr(connection)
    with pytest.raises(ServiceError, match="encrypted by a customer-supplied encryption key"):
        store.get(parse("gs://lake/k"), 100)
    monkeypatch.setenv("LAKE_KEY", "short")
    with pytest.raises(ConfigurationError, match="no base64 of 32 bytes") as caught:
        connection.open()
    assert "short" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"anonymous": True, "credentials": "key.json"}, "not both"),
        ({"endpoint": "storage.example.com"}, "write 'https://HOST'"),
        ({"read_timeout": 0.0}, "give seconds above 0"),
    ],
)
def test_settings_that_cannot_be_are_refused_at_once(given: dict[str, object], expected: str) -> None:
    with pytest.raises(ConfigurationError, match=expected):
        GCSConnection(**given)  # type: ignore[arg-type]


def test_a_connection_travels_as_plain_data() -> None:
    connection = GCSConnection(credentials=Secret("env:KEY"), impersonate="a@b", user_project="acme")
    assert pickle.loads(pickle.dumps(connection)) == connection
    assert decode(encode(connection, "it")) == connection
    assert hash(connection) == hash(
        GCSConnection(credentials=Secret("env:KEY"), impersonate="a@b", user_project="acme")
    )


def test_a_custom_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="give it a time zone"):
        GCSWriteOptions(custom_time=datetime(2013, 1, 1))


def test_an_emulator_that_the_environment_names_is_used_without_credentials(
    gcs: GCSServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs.url)
    monkeypatch.setenv("HOME", str(tmp_path))
    store = GCSConnection().open()
    put(store, "gs://lake/k", b"x")
    assert gcs.read("lake", "k") == b"x"
