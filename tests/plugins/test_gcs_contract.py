"""What every object store does, shown for Google Cloud Storage."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

pytest.importorskip("google.cloud.storage", reason="needs longshore[gcs]")

from gcs_accounts import EMAIL, no_way_out, private_key, public_key

from longshore_gcs.connections import GCSConnection
from longshore_gcs.testing import GCSServer
from longshore_storage.contract import StorageContract
from longshore_storage.locations import Location


@pytest.fixture(scope="module")
def gcs() -> Iterator[GCSServer]:
    """A server that knows one service account, whose key signs URLs."""
    with GCSServer(accounts={EMAIL: public_key()}) as server:
        yield server


class TestGCSStore(StorageContract):
    """Parts go in order, and the service compares the checksum of the whole."""

    server: ClassVar[GCSServer]

    @pytest.fixture
    def connection(self, gcs: GCSServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GCSConnection:
        no_way_out(monkeypatch)
        key_file = tmp_path / "key.json"
        key_file.write_text(gcs.key_file(EMAIL, private_key()))
        return GCSConnection(endpoint=gcs.url, credentials=str(key_file), project=gcs.project)

    @pytest.fixture
    def root(self, gcs: GCSServer) -> Location:
        type(self).server = gcs
        bucket = f"tests-{uuid.uuid4().hex[:16]}"
        gcs.create_bucket(bucket)
        return Location("gs", bucket, "")

    def open_uploads(self, root: Location) -> list[str]:
        return [
            session.given["name"]
            for session in self.server.uploads.open.values()
            if session.bucket == root.bucket and not session.done and not session.gone
        ]
