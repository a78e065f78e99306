"""Rows T3 and T4 for S3, and T5: transfers that are killed, and a service that refuses everything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("boto3", reason="needs longshore[s3]")

from s3_rig import S3Rig, s3_rig
from s3_servers import S3Server
from transfer_kills import KilledDownloads, KilledUploads
from transfer_storms import Storms


@pytest.fixture
def rig(moto: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[S3Rig]:
    yield from s3_rig(moto, monkeypatch, tmp_path / "state")


@pytest.mark.gate("T3")
class TestKilledS3Downloads(KilledDownloads):
    pass


@pytest.mark.gate("T4")
class TestKilledS3Uploads(KilledUploads):
    pass


@pytest.mark.gate("T5")
class TestS3Storms(Storms):
    pass
