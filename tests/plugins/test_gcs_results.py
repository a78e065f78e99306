"""Results of runs in buckets of Google Cloud Storage."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("google.cloud.storage", reason="needs longshore[gcs]")

from gcs_accounts import EMAIL, no_way_out, private_key, public_key
from result_store import Lake, ResultsInObjects

from longshore_gcs import GCSConnection
from longshore_gcs.testing import GCSServer


class Bucket:
    """A connection under a scheme of the test's own, so that the installed plugin keeps its."""

    def __init__(self, connection: GCSConnection) -> None:
        self._connection = connection

    def folder(self, url: str) -> object:
        return self._connection.folder(url.replace("bucket://", "gs://"))


@pytest.fixture(scope="module")
def gcs() -> Iterator[GCSServer]:
    with GCSServer(accounts={EMAIL: public_key()}) as server:
        yield server


class TestGCSResults(ResultsInObjects):
    """What every object store does with results."""

    @pytest.fixture
    def lake(self, gcs: GCSServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
        no_way_out(monkeypatch)
        key_file = tmp_path / "key.json"
        key_file.write_text(gcs.key_file(EMAIL, private_key()))
        connection = GCSConnection(endpoint=gcs.url, credentials=str(key_file), project=gcs.project)
        bucket = f"tests-{uuid.uuid4().hex[:16]}"
        gcs.create_bucket(bucket)
        return Lake(f"bucket://{bucket}/results", Bucket(connection))
