"""Objects on S3, on servers of two makes: by the SDK, and by the fast path for small ones."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

pytest.importorskip("boto3", reason="needs longshore[s3]")

import urllib.request

from object_faults import without
from object_proxy import FaultProxy, Passing
from s3_servers import ACCESS_KEY, REGION, SECRET_KEY, S3Server

from longshore import ConfigurationError, registered_secrets
from longshore_s3 import S3Connection, S3WriteOptions
from longshore_s3.store import S3Store
from longshore_storage import checksums
from longshore_storage.errors import ObjectChangedError, ObjectExistsError, ObjectNotFoundError
from longshore_storage.locations import Location
from longshore_storage.objects import Condition, ObjectInfo, Prefix, WriteOptions
from longshore_storage.protocol import MIB
from longshore_storage.sources import BytesSource, FileSource
from longshore_storage.transfers import Settings, download, upload

SMALL = b"EWR,12\n"
# What obstore cannot do is done by the SDK; either way the same is promised.
WAYS = {"fast": {}, "sdk": {"requester_pays": True}}


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)


@pytest.fixture(params=WAYS)
def store(request: pytest.FixtureRequest, s3_server: S3Server, s3_bucket: str) -> S3Store:
    opened = S3Connection(endpoint=s3_server.endpoint, region=REGION, **WAYS[request.param]).open()
    put(opened, Location("s3", s3_bucket, "first"))  # the fast path begins with the second request
    return opened


@pytest.fixture
def at(s3_bucket: str) -> Location:
    return Location("s3", s3_bucket, "flights/2013.csv")


@pytest.fixture
def proxy(moto: S3Server) -> Iterator[FaultProxy]:
    with FaultProxy(moto.port) as running:
        yield running


def put(
    store: S3Store,
    at: Location,
    data: bytes = SMALL,
    options: WriteOptions = WriteOptions(),  # noqa: B008
    condition: Condition = Condition(),  # noqa: B008
) -> ObjectInfo:
    checksum = checksums.of("crc64nvme", data)
    return store.put(at, memoryview(data), checksum=checksum, options=options, condition=condition)


def test_a_small_object_comes_back_verified(store: S3Store, at: Location) -> None:
    written = put(store, at, options=WriteOptions(metadata={"day": "2013"}, cache_control="no-store"))
    info, data = store.get(at, 1000)
    assert data == SMALL
    assert info.checksum == written.checksum == checksums.of("crc64nvme", SMALL)
    assert {info.verified, written.verified} <= {"crc64nvme", "md5"}
    assert (info.content_type, dict(info.metadata)) == ("text/csv", {"day": "2013"})
    assert info.modified is not None
    assert abs(datetime.now(UTC) - info.modified) < timedelta(minutes=5)


def test_an_object_above_the_limit_is_not_fetched(store: S3Store, at: Location) -> None:
    put(store, at)
    info, data = store.get(at, len(SMALL) - 1)
    assert (info.size, data) == (len(SMALL), None)
    assert store.get(at, len(SMALL))[1] == SMALL


def test_an_object_that_is_there_is_not_replaced_against_the_condition(store: S3Store, at: Location) -> None:
    put(store, at, condition=Condition(absent=True))
    with pytest.raises(ObjectExistsError, match="overwrite='never'"):
        put(store, at, b"other", condition=Condition(absent=True))
    assert store.get(at, 100)[1] == SMALL


@pytest.mark.parametrize(
    "key", ["a b+c%20d", "naïve/🚢", "a//b", "./a", "../x", "/abs", "end/", "a\tb", "#?&="]
)
def test_keys_arrive_as_they_are(store: S3Store, at: Location, key: str) -> None:
    place = at.with_key(key)
    put(store, place)
    assert store.get(place, 100)[1] == SMALL
    assert store.head(place).url == place.url
    assert list(store.delete_many([place])) == [(place, None)]
    with pytest.raises(ObjectNotFoundError):
        store.get(place, 100)


def test_keys_that_xml_cannot_say_are_deleted_one_by_one(store: S3Store, at: Location) -> None:
    places = [at.with_key(f"x\x01{number}") for number in range(2)] + [at]
    put(store, at)
    assert sorted(store.delete_many(places), key=lambda told: told[0].key) == sorted(
        [(place, None) for place in places], key=lambda told: told[0].key
    )
    with pytest.raises(ObjectNotFoundError):
        store.head(at)


def test_an_object_of_parts_is_compared_as_a_whole(store: S3Store, at: Location, tmp_path: Path) -> None:
    data = os.urandom(2 * 5 * MIB + 1)
    written = upload(BytesSource(data), store, at, settings=Settings(part_size=5 * MIB))
    assert written.checksum == checksums.of("crc64nvme", data)
    assert written.verified in ("crc64nvme", "md5")
    copied = download(store, at, tmp_path / "copy", settings=Settings(part_size=4 * MIB))
    assert (tmp_path / "copy").read_bytes() == data
    assert copied.verified == written.verified
    assert copied.checksum == written.checksum


def test_bytes_are_confirmed_by_the_etag_of_their_parts(s3_server: S3Server, at: Location) -> None:
    """As of objects that other programs wrote without checksums."""
    store = S3Connection(endpoint=s3_server.endpoint, region=REGION).open()
    client = s3_server.client(request_checksum_calculation="when_required")
    data = os.urandom(5 * MIB + 9)
    made = client.create_multipart_upload(Bucket=at.bucket, Key=at.key)
    place = {"Bucket": at.bucket, "Key": at.key, "UploadId": made["UploadId"]}
    parts = [
        {"PartNumber": n + 1, "ETag": client.upload_part(**place, PartNumber=n + 1, Body=piece)["ETag"]}
        for n, piece in enumerate((data[: 5 * MIB], data[5 * MIB :]))
    ]
    client.complete_multipart_upload(**place, MultipartUpload={"Parts": parts})
    client.close()
    assert store.confirm(store.head(at), BytesSource(data)) == "md5"


def test_one_version_is_read_whatever_becomes_of_the_object(store: S3Store, at: Location) -> None:
    put(store, at)
    info = store.head(at)
    buffer = memoryview(bytearray(3))
    with store.read(info, 2, 5) as body:
        assert body.readinto(buffer) == 3
        assert body.readinto(buffer) == 0
    assert bytes(buffer) == SMALL[2:5]
    put(store, at, b"another")
    with pytest.raises(ObjectChangedError, match="replaced or deleted"), store.read(info, 2, 5):
        pass
    store.delete(at)
    with pytest.raises(ObjectChangedError), store.read(info):
        pass


def test_versions_are_told_and_found(store: S3Store, at: Location, s3_server: S3Server) -> None:
    client = s3_server.client()
    client.put_bucket_versioning(Bucket=at.bucket, VersioningConfiguration={"Status": "Enabled"})
    client.close()
    first, second = put(store, at, b"first"), put(store, at, b"second")
    assert first.version
    assert first.version != second.version
    old = store.head_version(at, first.version)
    assert (old.etag, old.size) == (first.etag, 5)
    buffer = memoryview(bytearray(5))
    with store.read(old) as body:
        body.readinto(buffer)
    assert bytes(buffer) == b"first"


def test_a_listing_shows_folders_where_they_come(store: S3Store, at: Location) -> None:
    for key in ("a/1", "a/2", "b", "c-1"):
        put(store, at.with_key(key))
    bucket = at.with_key("")
    found = list(store.list(bucket, recursive=False))
    assert [entry.url.rpartition(at.bucket)[2] for entry in found] == ["/a/", "/b", "/c-1", "/first"]
    assert [isinstance(entry, Prefix) for entry in found] == [True, False, False, False]
    assert [entry.url.rpartition("/")[2] for entry in store.list(at.with_key("a/"), after="a/1")] == ["2"]


def test_what_s3_is_told_of_an_object_is_kept(store: S3Store, at: Location, s3_server: S3Server) -> None:
    options = S3WriteOptions(
        content_type="text/plain", content_disposition="attachment", content_language="en",
        storage_class="STANDARD_IA", object_tags={"team": "data + ops"}, encryption="AES256",
    )  # fmt: skip
    put(store, at, options=options)
    client = s3_server.client()
    seen = client.head_object(Bucket=at.bucket, Key=at.key)
    tags = client.get_object_tagging(Bucket=at.bucket, Key=at.key)["TagSet"]
    client.close()
    assert (seen["StorageClass"], seen["ServerSideEncryption"]) == ("STANDARD_IA", "AES256")
    assert (seen["ContentDisposition"], seen["ContentLanguage"]) == ("attachment", "en")
    assert tags == [{"Key": "team", "Value": "data + ops"}]
    assert store.head(at).storage_class == "STANDARD_IA"


@pytest.mark.parametrize("text", ["naïve", "a\r\nx-evil: 1", " around "])
def test_text_that_s3_would_change_is_refused(store: S3Store, at: Location, text: str) -> None:
    for options in (WriteOptions(metadata={"note": text}), WriteOptions(content_disposition=text)):
        with pytest.raises(ConfigurationError, match="printable ASCII"):
            put(store, at, options=options)
    with pytest.raises(ObjectNotFoundError):
        store.head(at)


def test_compressed_bytes_stay_compressed(store: S3Store, at: Location) -> None:
    put(store, at, b"\x1f\x8b nothing that could be unpacked", WriteOptions(content_encoding="gzip"))
    info, data = store.get(at, 1000)
    assert (info.content_encoding, data) == ("gzip", b"\x1f\x8b nothing that could be unpacked")


def test_a_presigned_url_works_and_is_masked(store: S3Store, at: Location) -> None:
    put(store, at)
    url = store.presign(at, method="GET", expires=timedelta(minutes=5), response_content_type="text/x-seen")
    with urllib.request.urlopen(url) as answer:
        assert (answer.read(), answer.headers["Content-Type"]) == (SMALL, "text/x-seen")
    assert url in registered_secrets()
    with pytest.raises(ConfigurationError, match="7 days"):
        store.presign(at, method="GET", expires=timedelta(days=8))
    with pytest.raises(ConfigurationError, match="nothing called 'content_typ'"):
        store.presign(at, method="PUT", expires=timedelta(1), content_typ="x")


def test_a_bucket_is_made_once(store: S3Store, s3_bucket: str) -> None:
    place = Location("s3", f"{s3_bucket}-new", "")
    assert store.create_bucket(place, versioning=True) is True
    assert store.create_bucket(place) is False
    assert put(store, place.with_key("k")).version


def test_a_service_without_checksums_is_compared_by_md5(proxy: FaultProxy, moto: S3Server) -> None:
    """What it answers is stripped of all checksums, as by older makes."""
    proxy.edit(lambda _: True, without("x-amz-checksum-crc64nvme", "x-amz-checksum-type"))
    store = S3Connection(endpoint=proxy.endpoint, region=REGION).open()
    at = Location("s3", moto.new_bucket(), "k")
    assert put(store, at).verified == "md5"
    data = os.urandom(5 * MIB + 1)
    assert upload(BytesSource(data), store, at, settings=Settings(part_size=5 * MIB)).verified == "md5"
    assert store.head(at).etag.endswith("-2")


def test_one_request_carries_its_checksum(proxy: FaultProxy, moto: S3Server, tmp_path: Path) -> None:
    store = S3Connection(endpoint=proxy.endpoint, region=REGION).open()
    (tmp_path / "file").write_bytes(SMALL)
    upload(FileSource(tmp_path / "file"), store, Location("s3", moto.new_bucket(), "k"))

    def is_put(passing: Passing) -> bool:
        return passing.method == "PUT"

    [sent] = proxy.seen(is_put)
    assert f"crc64nvme:{sent.header('x-amz-checksum-crc64nvme')}" == checksums.of("crc64nvme", SMALL)
    assert hashlib.sha256(SMALL).hexdigest() not in sent.header("authorization")
