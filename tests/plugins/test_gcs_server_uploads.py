"""The test server's resumable uploads and signed URLs, through Google's own client and as the pages say.

Pages: "Resumable uploads", "Perform resumable uploads", "Signed URLs", Cloud Storage documentation; "Using
OAuth 2.0 for server to server applications", Google Identity documentation.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest

pytest.importorskip("google.cloud.storage", reason="needs longshore[gcs]")

import urllib3
from gcs_accounts import EMAIL, google_client, no_way_out, private_key, public_key
from google.cloud import storage
from google.oauth2.service_account import Credentials

from longshore_gcs.testing import GCSServer

UNIT = 256 * 1024


@pytest.fixture
def gcs() -> Iterator[GCSServer]:
    with GCSServer() as running:
        running.create_bucket("lake")
        yield running


@pytest.fixture
def lake(gcs: GCSServer) -> Iterator[storage.Bucket]:
    with google_client(gcs.url) as client:
        yield client.bucket("lake")


class Session:
    """One upload session, a request at a time."""

    def __init__(self, server: GCSServer, query: str = "", resource: dict[str, str] | None = None) -> None:
        self._http = urllib3.PoolManager()
        url = f"{server.url}/upload/storage/v1/b/lake/o?uploadType=resumable&name=k{query}"
        begun = self._http.request("POST", url, body=json.dumps(resource or {}), redirect=False)
        self.status = begun.status
        self.url = begun.headers.get("location", "")

    def put(self, content_range: str, body: bytes = b"", **headers: str) -> tuple[int, str]:
        answer = self._http.request(
            "PUT", self.url, body=body, headers={"Content-Range": content_range, **headers}, redirect=False
        )
        return answer.status, answer.headers.get("range", "")

    def delete(self) -> int:
        return self._http.request("DELETE", self.url).status

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.clear()


def test_googles_client_uploads_in_chunks(gcs: GCSServer, lake: storage.Bucket) -> None:
    data = bytes(range(256)) * 4096
    lake.blob("k", chunk_size=UNIT).upload_from_file(io.BytesIO(data), checksum="crc32c")
    assert gcs.read("lake", "k") == data
    # The client does not know the size, so it says it in a last request.
    assert [seen.status for seen in gcs.seen if seen.method == "PUT"] == [308, 308, 308, 308, 200]


def test_a_session_tells_how_far_it_is(gcs: GCSServer) -> None:
    # "Check the status of a resumable upload": 308, with Range once there are bytes; 200 when complete.
    with Session(gcs) as session:
        assert session.put("bytes */*") == (308, "")
        assert session.put(f"bytes 0-{UNIT - 1}/*", bytes(UNIT)) == (308, f"bytes=0-{UNIT - 1}")
        assert session.put("bytes */*") == (308, f"bytes=0-{UNIT - 1}")
        assert session.put(f"bytes {UNIT}-{UNIT}/{UNIT + 1}", b"x") == (200, "")
        assert session.put(f"bytes */{UNIT + 1}") == (200, "")
    assert gcs.read("lake", "k") == bytes(UNIT) + b"x"


def test_a_chunk_that_is_not_the_last_has_at_least_256_kib(gcs: GCSServer) -> None:
    # "Multiple chunk upload": chunks are multiples of 256 KiB, but for the last.
    with Session(gcs) as session:
        assert session.put("bytes 0-9/*", bytes(10))[0] == 400
        assert session.put(f"bytes 0-{UNIT}/*", bytes(UNIT + 1)) == (308, f"bytes=0-{UNIT - 1}")


def test_bytes_that_the_session_has_are_passed_over_and_gaps_are_refused(gcs: GCSServer) -> None:
    # "Resume an interrupted upload": go on from the byte after the ones that are kept.
    with Session(gcs) as session:
        session.put(f"bytes 0-{UNIT - 1}/*", bytes(UNIT))
        assert session.put(f"bytes {2 * UNIT}-{3 * UNIT - 1}/*", bytes(UNIT))[0] == 400
        body = b"y" * UNIT + b"z" * UNIT
        assert session.put(f"bytes 0-{2 * UNIT - 1}/{2 * UNIT}", body)[0] == 200
    assert gcs.read("lake", "k") == bytes(UNIT) + b"z" * UNIT


def test_only_a_part_of_a_chunk_may_be_kept() -> None:
    # "Multiple chunk upload": the Range of a 308 says which bytes are kept; do not assume that all are.
    with GCSServer(chunk_limit=UNIT) as server:
        server.create_bucket("lake")
        with Session(server) as session:
            assert session.put(f"bytes 0-{2 * UNIT - 1}/*", bytes(2 * UNIT)) == (308, f"bytes=0-{UNIT - 1}")


def test_a_cancelled_session_answers_499_and_takes_nothing_any_more(gcs: GCSServer) -> None:
    # "Cancel an upload": 499 says that it is; later requests get a 4xx.
    with Session(gcs) as session:
        assert session.delete() == 499
        assert session.put("bytes */*")[0] == 499
    assert gcs.keys("lake") == []


def test_a_session_that_nobody_knows_or_that_expired_is_gone(gcs: GCSServer) -> None:
    # "Resumable uploads", "Session URI": it expires after one week; 404 or 410 mean to begin again.
    with Session(gcs) as session:
        gcs.expire_uploads()
        assert session.put("bytes */*")[0] == 410
        session.url = session.url[:-1]
        assert session.put("bytes */*")[0] == 404


def test_preconditions_count_at_the_beginning_and_at_the_end(gcs: GCSServer, lake: storage.Bucket) -> None:
    # "Request preconditions".
    with Session(gcs, "&ifGenerationMatch=0") as session:
        lake.blob("k").upload_from_string(b"faster")
        assert session.put("bytes 0-0/1", b"x")[0] == 412
    with Session(gcs, "&ifGenerationMatch=0") as session:
        assert session.status == 412
    assert gcs.read("lake", "k") == b"faster"


@pytest.mark.parametrize("where", ["resource", "header"])
def test_a_whole_with_another_checksum_is_no_object(gcs: GCSServer, where: str) -> None:
    # "Data validation and change detection": crc32c in the resource, or x-goog-hash with the last chunk.
    resource = {"crc32c": "AAAAAA=="} if where == "resource" else None
    headers = {"x-goog-hash": "crc32c=AAAAAA=="} if where == "header" else {}
    with Session(gcs, resource=resource) as session:
        assert session.put("bytes 0-0/1", b"x", **headers)[0] == 400
    assert gcs.keys("lake") == []


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> Iterator[GCSServer]:
    no_way_out(monkeypatch)
    with GCSServer(accounts={EMAIL: public_key()}) as running:
        running.create_bucket("lake")
        yield running


def as_account(server: GCSServer) -> AbstractContextManager[Any]:
    info = json.loads(server.key_file(EMAIL, private_key()))
    return google_client(server.url, Credentials.from_service_account_info(info))


def test_accounts_come_in_by_tokens_and_nobody_else(guarded: GCSServer) -> None:
    with as_account(guarded) as client:
        client.bucket("lake").blob("k").upload_from_string(b"x")
    http = urllib3.PoolManager()
    answers = [
        http.request(
            "GET", f"{guarded.url}/storage/v1/b/lake/o/k", headers={"Authorization": f"Bearer {token}"}
        )
        for token in ("", "ya29.made-up")
    ]
    http.clear()
    assert [answer.status for answer in answers] == [401, 401]
    assert "Anonymous caller" in answers[0].json()["error"]["message"]


def test_a_signed_url_allows_what_was_signed_and_nothing_else(guarded: GCSServer) -> None:
    # "Signed URLs": method, path, query and signed headers are what is signed.
    with as_account(guarded) as client:
        blob = client.bucket("lake").blob("a b/é")
        put, get, late = (
            blob.generate_signed_url(
                version="v4",
                method=method,
                expiration=timedelta(seconds=seconds),
                api_access_endpoint=guarded.url,
            )
            for method, seconds in (("PUT", 60), ("GET", 60), ("GET", 0))
        )
    http = urllib3.PoolManager()
    assert http.request("GET", put).status == 403
    assert http.request("PUT", put, body=b"signed").status == 200
    assert http.request("GET", get).data == b"signed"
    assert http.request("GET", get.replace("a%20b", "a%20c")).status == 403
    assert http.request("GET", late).status == 400
    http.clear()


def test_an_assertion_that_another_key_has_signed_gives_no_token(guarded: GCSServer) -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"iss": EMAIL, "exp": 9e9}).encode()).decode()
    form = f"grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=e30.{claims}.AAAA"
    http = urllib3.PoolManager()
    answer = http.request("POST", f"{guarded.url}/token", body=form)
    http.clear()
    assert (answer.status, answer.json()["error"]) == (400, "invalid_grant")
