"""The test server answers as Google documents; each test names the page, and goes through Google's client.

Pages are those of the Cloud Storage documentation and of its JSON API reference, at
docs.cloud.google.com/storage.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("google.cloud.storage", reason="needs longshore[gcs]")

from gcs_accounts import google_client
from google.api_core import exceptions
from google.cloud import storage

from longshore_gcs.testing import GCSServer

KIB256 = 256 * 1024


@pytest.fixture
def gcs() -> Iterator[GCSServer]:
    with GCSServer(rewrite_step=1 << 20, page_size=3) as running:
        running.create_bucket("lake")
        yield running


@pytest.fixture
def lake(gcs: GCSServer) -> Iterator[storage.Bucket]:
    with google_client(gcs.url) as client:
        yield client.bucket("lake")


def test_an_object_comes_back_with_its_metadata_and_checksums(lake: storage.Bucket) -> None:
    # "Objects: insert" and "Objects: get", JSON API reference.
    blob = lake.blob("a b/é.txt")
    blob.metadata = {"Origin": "EWR"}
    blob.upload_from_string(b"hello", content_type="text/plain", checksum="crc32c")
    found = lake.get_blob("a b/é.txt")
    assert (found.size, found.content_type, found.metadata) == (5, "text/plain", {"Origin": "EWR"})
    assert (found.crc32c, found.md5_hash) == ("mnG7TA==", "XUFAKrxLKna5cZ2REBfFkg==")
    assert found.download_as_bytes() == b"hello"


@pytest.mark.parametrize("field", ["crc32c", "md5_hash"])
def test_bytes_that_are_not_those_of_the_given_checksum_are_refused(lake: storage.Bucket, field: str) -> None:
    # "Data validation and change detection": an upload that does not match its checksum is rejected.
    blob = lake.blob("wrong")
    setattr(blob, field, "AAAAAA==" if field == "crc32c" else "AAAAAAAAAAAAAAAAAAAAAA==")
    with pytest.raises(exceptions.BadRequest, match="doesn't match calculated"):
        blob.upload_from_string(b"hello", checksum=None)
    assert not lake.blob("wrong").exists()


def test_preconditions_are_kept_on_every_request(lake: storage.Bucket) -> None:
    # "Request preconditions": 412 where one does not hold; ifGenerationMatch=0 means that there is no object.
    blob = lake.blob("once")
    blob.upload_from_string(b"1", if_generation_match=0)
    first = blob.generation
    attempts = [
        lambda: lake.blob("once").upload_from_string(b"2", if_generation_match=0),
        lambda: lake.blob("once").upload_from_string(b"2", if_generation_match=first + 1),
        lambda: lake.blob("once").download_as_bytes(if_generation_match=first + 1),
        lambda: lake.blob("once").reload(if_metageneration_match=9),
        lambda: lake.blob("once").delete(if_generation_match=first + 1),
        lambda: lake.copy_blob(blob, lake, "copy", if_source_generation_match=first + 1),
    ]
    for attempt in attempts:
        with pytest.raises(exceptions.PreconditionFailed):
            attempt()
    with pytest.raises(exceptions.NotModified):  # reads answer 304 to ...NotMatch
        lake.blob("once").reload(if_generation_not_match=first)
    lake.blob("once").upload_from_string(b"2", if_generation_match=first)
    assert lake.blob("once").download_as_bytes() == b"2"


def test_versions_are_kept_where_the_bucket_keeps_them(gcs: GCSServer, lake: storage.Bucket) -> None:
    # "Object Versioning": a replaced or deleted version becomes noncurrent; by its generation it is deleted
    # for ever.
    gcs.create_bucket("kept", versioning={"enabled": True})
    bucket = lake.client.bucket("kept")
    blob = bucket.blob("k")
    blob.upload_from_string(b"1")
    first = blob.generation
    bucket.blob("k").upload_from_string(b"2")
    bucket.blob("k").delete()
    assert not bucket.blob("k").exists()
    assert bucket.blob("k", generation=first).download_as_bytes() == b"1"
    assert len(list(bucket.list_blobs(versions=True))) == 2
    bucket.blob("k", generation=first).delete()
    with pytest.raises(exceptions.NotFound, match="No such object: kept/k"):
        bucket.blob("k", generation=first).download_as_bytes()


def test_without_versioning_a_replaced_version_is_gone(lake: storage.Bucket) -> None:
    # "Object Versioning": without it a replaced version cannot be read any more.
    blob = lake.blob("k")
    blob.upload_from_string(b"1")
    lake.blob("k").upload_from_string(b"2")
    with pytest.raises(exceptions.NotFound):
        lake.blob("k", generation=blob.generation).download_as_bytes()


def test_ranges_are_answered_by_their_bytes(lake: storage.Bucket) -> None:
    # "Download objects", "Download a portion of an object"; 416: "HTTP status and error codes for JSON".
    lake.blob("r").upload_from_string(b"0123456789")
    assert lake.blob("r").download_as_bytes(start=2, end=4) == b"234"
    assert lake.blob("r").download_as_bytes(start=7) == b"789"
    assert lake.blob("r").download_as_bytes(start=-2) == b"89"
    with pytest.raises(exceptions.RequestRangeNotSatisfiable):
        lake.blob("r").download_as_bytes(start=10)


def test_what_is_stored_with_gzip_is_unpacked_for_who_does_not_take_it(lake: storage.Bucket) -> None:
    # "Transcoding of gzip-compressed files": decompressive transcoding, left out by Accept-Encoding: gzip or
    # Cache-Control: no-transform; a Range is ignored where it happens.
    blob = lake.blob("z")
    blob.content_encoding = "gzip"
    packed = gzip.compress(b"hello" * 100)
    blob.upload_from_string(packed)
    assert lake.blob("z").download_as_bytes(raw_download=True) == packed
    session = lake.client._http
    url = f"{lake.client.api_endpoint}/storage/v1/b/lake/o/z?alt=media"
    answer = session.get(url, headers={"Accept-Encoding": "identity", "Range": "bytes=0-3"})
    assert (answer.status_code, answer.content) == (200, b"hello" * 100)
    assert answer.headers["X-Goog-Stored-Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in answer.headers
    blob.cache_control = "no-transform"
    blob.patch()
    answer = session.get(url, headers={"Accept-Encoding": "identity"}, stream=True)
    assert answer.raw.read(decode_content=False) == packed


def test_listings_come_in_order_page_by_page(lake: storage.Bucket) -> None:
    # "Objects: list": lexicographic order, prefixes, delimiter, startOffset inclusive, endOffset exclusive.
    names = ["a", "a/1", "a/2", "b/1", "c", "d", "é", "z"]
    for name in names:
        lake.blob(name).upload_from_string(name)
    assert [blob.name for blob in lake.list_blobs()] == ["a", "a/1", "a/2", "b/1", "c", "d", "z", "é"]
    pages = lake.list_blobs(delimiter="/")
    assert [blob.name for blob in pages] == ["a", "c", "d", "z", "é"]
    assert pages.prefixes == {"a/", "b/"}
    assert [blob.name for blob in lake.list_blobs(prefix="a/")] == ["a/1", "a/2"]
    assert [blob.name for blob in lake.list_blobs(start_offset="b/1", end_offset="d")] == ["b/1", "c"]


@pytest.mark.parametrize(
    ("glob", "expected"),
    [("*.csv", ["a.csv"]), ("**.csv", ["a.csv", "x/b.csv", "x/y/c.csv"]), ("x/?.csv", ["x/b.csv"]),
     ("**/c.{csv,txt}", ["x/y/c.csv"]), ("[a-b].*", ["a.csv"]), ("[!a]/*", ["x/b.csv"])],
)  # fmt: skip
def test_globs_match_as_documented(lake: storage.Bucket, glob: str, expected: list[str]) -> None:
    # "List objects and prefixes using glob".
    for name in ("a.csv", "x/b.csv", "x/y/c.csv", "x/y/d"):
        lake.blob(name).upload_from_string("")
    assert [blob.name for blob in lake.list_blobs(match_glob=glob)] == expected


def test_a_rewrite_goes_on_by_its_token(lake: storage.Bucket) -> None:
    # "Objects: rewrite": done is false and there is a rewriteToken until all is copied.
    blob = lake.blob("big")
    blob.metadata = {"k": "v"}
    blob.upload_from_string(bytes(3 << 20))
    target, rounds, token = lake.blob("copy"), 0, None
    while token is not None or rounds == 0:
        token, done, size = target.rewrite(blob, token=token)
        rounds += 1
        assert (done, size) == (min(rounds << 20, 3 << 20), 3 << 20)
    assert rounds == 3
    assert lake.get_blob("copy").metadata == {"k": "v"}
    with pytest.raises(exceptions.BadRequest):
        target.rewrite(blob, token="made up")


def test_a_composed_object_has_no_md5(lake: storage.Bucket) -> None:
    # "Composite objects": up to 32 components, componentCount, CRC32C but no MD5.
    parts = [lake.blob(name) for name in ("1", "2")]
    for part in parts:
        part.upload_from_string(part.name)
    lake.blob("whole").compose(parts)
    whole = lake.get_blob("whole")
    assert (whole.download_as_bytes(), whole.md5_hash, whole.component_count) == (b"12", None, 2)
    with pytest.raises(exceptions.BadRequest):
        lake.blob("whole").compose(parts * 17)


def test_metadata_can_be_changed_and_grows_the_metageneration(lake: storage.Bucket) -> None:
    # "Objects: patch": only what is given changes; null takes away.
    blob = lake.blob("m")
    blob.metadata = {"a": "1", "b": "2"}
    blob.upload_from_string(b"x", content_type="text/plain")
    generation = blob.generation
    blob.metadata = {"a": None, "c": "3"}
    blob.patch()
    found = lake.get_blob("m")
    assert (found.metadata, found.metageneration, found.generation) == ({"b": "2", "c": "3"}, 2, generation)
    assert found.content_type == "text/plain"


def test_a_batch_carries_out_each_of_its_requests(lake: storage.Bucket) -> None:
    # "Batch requests": one multipart/mixed answer, with each request's own status.
    for name in "ab":
        lake.blob(name).upload_from_string(name)
    with lake.client.batch(raise_exception=False) as batch:
        for name in ("a", "none", "b"):
            lake.blob(name).delete()
    assert [response.status_code for response in batch._responses] == [204, 404, 204]
    assert list(lake.list_blobs()) == []


def test_buckets_are_made_changed_and_deleted(lake: storage.Bucket) -> None:
    # "Buckets: insert", "Buckets: patch", "Buckets: delete", JSON API reference.
    client = lake.client
    bucket = client.create_bucket("new", location="EU")
    assert bucket.location == "EU"
    with pytest.raises(exceptions.Conflict, match="you already own it"):
        client.create_bucket("new")
    bucket.versioning_enabled = True
    bucket.patch()
    assert client.get_bucket("new").versioning_enabled
    assert sorted(found.name for found in client.list_buckets()) == ["lake", "new"]
    bucket.delete()
    with pytest.raises(exceptions.NotFound, match="The specified bucket does not exist"):
        client.get_bucket("new")
    lake.blob("k").upload_from_string(b"")
    with pytest.raises(exceptions.Conflict, match="not empty"):
        lake.delete()


def test_only_who_has_the_key_reads_what_is_encrypted_with_it(lake: storage.Bucket) -> None:
    # "Customer-supplied encryption keys": without it no media, and no checksums in the metadata.
    key = bytes(range(32))
    lake.blob("secret", encryption_key=key).upload_from_string(b"hello")
    assert lake.blob("secret", encryption_key=key).download_as_bytes() == b"hello"
    with pytest.raises(exceptions.BadRequest, match="encrypted by a customer-supplied encryption key"):
        lake.blob("secret").download_as_bytes()
    with pytest.raises(exceptions.BadRequest, match="incorrect"):
        lake.blob("secret", encryption_key=bytes(32)).download_as_bytes()
    assert lake.get_blob("secret").crc32c is None
    assert lake.get_blob("secret", encryption_key=key).crc32c == "mnG7TA=="


def test_a_bucket_whose_requester_pays_wants_to_know_who(gcs: GCSServer, lake: storage.Bucket) -> None:
    # "Requester Pays": 400 UserProjectMissing without a billing project.
    gcs.create_bucket("pays", billing={"requesterPays": True})
    with pytest.raises(exceptions.BadRequest, match="no user project provided"):
        lake.client.bucket("pays").blob("k").upload_from_string(b"x")
    lake.client.bucket("pays", user_project="acme").blob("k").upload_from_string(b"x")
    assert gcs.read("pays", "k") == b"x"


def test_bytes_may_be_kept_in_a_folder(tmp_path: Path) -> None:
    with GCSServer(folder=tmp_path) as server, google_client(server.url) as client:
        bucket = client.create_bucket("lake")
        bucket.blob("k").upload_from_file(io.BytesIO(b"x" * 1000), size=1000)
        assert [path.stat().st_size for path in tmp_path.iterdir()] == [1000]
        assert bucket.blob("k").download_as_bytes() == b"x" * 1000
        bucket.blob("k").delete()
        assert list(tmp_path.iterdir()) == []
