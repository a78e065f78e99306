"""Results of runs in buckets of real S3 servers."""

from __future__ import annotations

import pytest

pytest.importorskip("boto3", reason="needs longshore[s3]")

from result_store import Lake, ResultsInObjects
from s3_servers import ACCESS_KEY, REGION, SECRET_KEY, S3Server

from longshore import ResultError, Results, StoreError
from longshore.testing import raises_saying
from longshore_s3.connections import S3Connection


class Bucket:
    """A connection under a scheme of the test's own, so that the installed plugin keeps its."""

    def __init__(self, connection: S3Connection) -> None:
        self._connection = connection

    def folder(self, url: str) -> object:
        return self._connection.folder(url.replace("bucket://", "s3://"))


@pytest.fixture
def connection(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Connection:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    return S3Connection(endpoint=s3_server.endpoint, region=REGION, read_timeout=20.0)


class TestS3Results(ResultsInObjects):
    """What every object store does with results."""

    @pytest.fixture
    def lake(self, s3_bucket: str, connection: S3Connection) -> Lake:
        return Lake(f"bucket://{s3_bucket}/results", Bucket(connection))


def test_a_bucket_that_is_not_there_is_said_and_no_result_is_lost(connection: S3Connection) -> None:
    results = Results("s3://no-such-bucket-of-ours/results", connection=connection)
    with raises_saying(StoreError, "cannot store a result below 's3://no-such-bucket-of-ours/results'"):
        results.put("run-00000001", "load", b"x" * 100_000)


def test_credentials_that_are_missing_are_no_reason_to_run_a_step_again(
    s3_server: S3Server, s3_bucket: str, connection: S3Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = Results(f"s3://{s3_bucket}", connection=connection).put("run-00000001", "load", b"x" * 100_000)
    assert stored.place.startswith(f"s3://{s3_bucket}/run-00000001/load-")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    nobody = S3Connection(endpoint=s3_server.endpoint, region=REGION, read_timeout=19.0)
    with pytest.raises(StoreError, match=r"cannot open the result .*: no credentials were found") as raised:
        Results(f"s3://{s3_bucket}", connection=nobody).get(stored)
    assert not isinstance(raised.value, ResultError)
