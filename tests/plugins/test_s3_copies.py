"""Copies on S3's side: of any size, of one version, under conditions, with what the source has."""

from __future__ import annotations

import os

import pytest

pytest.importorskip("boto3", reason="needs longshore[s3]")

from s3_servers import ACCESS_KEY, REGION, SECRET_KEY, S3Server

from longshore_s3 import S3Connection, S3WriteOptions
from longshore_s3.copying import part_size
from longshore_s3.store import S3Store
from longshore_storage import checksums
from longshore_storage.errors import ObjectChangedError, ObjectExistsError
from longshore_storage.locations import Location
from longshore_storage.objects import Condition, ObjectInfo, WriteOptions
from longshore_storage.protocol import GIB, MIB, TIB, Limits

GIVEN = S3WriteOptions(
    content_type="text/x-flights", cache_control="no-store", metadata={"day": "2013"},
    storage_class="STANDARD_IA", object_tags={"team": "data"},
)  # fmt: skip


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)


@pytest.fixture(params=["one request", "parts"])
def store(request: pytest.FixtureRequest, s3_server: S3Server) -> S3Store:
    """A store, and one for which every object is too large to be copied with one request."""
    opened = S3Connection(endpoint=s3_server.endpoint, region=REGION).open()
    if request.param == "parts":
        opened.limits = Limits(largest_copy=0)
    return opened


@pytest.fixture
def at(s3_bucket: str) -> Location:
    return Location("s3", s3_bucket, "source")


def put(store: S3Store, at: Location, data: bytes, options: WriteOptions = GIVEN) -> ObjectInfo:
    return store.put(at, memoryview(data), checksum=checksums.of("crc64nvme", data), options=options)


@pytest.mark.parametrize("size", [0, 1, MIB + 1])
def test_a_copy_has_what_its_source_has(
    store: S3Store, at: Location, s3_server: S3Server, s3_bucket: str, size: int
) -> None:
    data = os.urandom(size)
    put(store, at, data)
    target = at.with_key("a copy + é")
    copied = store.copy(store.head(at), target)
    assert store.get(target, 2 * MIB)[1] == data
    assert (copied.size, copied.url) == (size, target.url)
    client = s3_server.client()
    seen = client.head_object(Bucket=s3_bucket, Key=target.key)
    tags = client.get_object_tagging(Bucket=s3_bucket, Key=target.key)["TagSet"]
    client.close()
    assert (seen["ContentType"], seen["CacheControl"]) == ("text/x-flights", "no-store")
    assert (seen["Metadata"], seen["StorageClass"]) == ({"day": "2013"}, "STANDARD_IA")
    assert tags == [{"Key": "team", "Value": "data"}]


def test_a_copy_has_what_it_is_given_instead(store: S3Store, at: Location) -> None:
    put(store, at, b"x")
    given = S3WriteOptions(content_type="text/plain", metadata={"new": "yes"})
    store.copy(store.head(at), at.with_key("copy"), options=given)
    info = store.head(at.with_key("copy"))
    assert (info.content_type, dict(info.metadata)) == ("text/plain", {"new": "yes"})


def test_the_condition_of_a_copy_is_kept(store: S3Store, at: Location) -> None:
    info, target = put(store, at, b"new"), at.with_key("target")
    old = put(store, target, b"old")
    with pytest.raises(ObjectExistsError):
        store.copy(info, target, condition=Condition(absent=True))
    assert store.get(target, 10)[1] == b"old"
    store.copy(info, target, condition=Condition(token=old.token))
    assert store.get(target, 10)[1] == b"new"


def test_only_the_version_that_was_looked_at_is_copied(store: S3Store, at: Location) -> None:
    info = put(store, at, b"first")
    put(store, at, b"second")
    with pytest.raises(ObjectChangedError, match=r"cannot copy .*source"):
        store.copy(info, at.with_key("target"))
    assert [entry.url for entry in store.list(at.with_key(""))] == [at.url]


def test_a_copy_that_failed_leaves_no_open_upload(
    store: S3Store, at: Location, s3_server: S3Server, s3_bucket: str
) -> None:
    info = put(store, at, b"there")
    put(store, at.with_key("target"), b"there as well")
    with pytest.raises(ObjectExistsError):
        store.copy(info, at.with_key("target"), condition=Condition(absent=True))
    client = s3_server.client()
    assert not client.list_multipart_uploads(Bucket=s3_bucket).get("Uploads")
    client.close()


@pytest.mark.parametrize("size", [5 * GIB + 1, 100 * GIB, TIB, 5 * TIB])
def test_copies_above_5_gib_are_planned_within_the_limits(size: int) -> None:
    part, limits = part_size(size), Limits()
    assert limits.smallest_part <= part <= limits.largest_part
    assert -(-size // part) <= limits.most_parts
