"""Row T1: whatever S3 or the way to it does to an upload."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("boto3", reason="needs longshore[s3]")

from s3_rig import S3Rig, s3_rig
from s3_servers import S3Server
from upload_faults import HopelessUploads, UploadFaults, in_parts, sending, short_waits  # noqa: F401


@pytest.fixture
def rig(localstack: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[S3Rig]:
    yield from s3_rig(localstack, monkeypatch, tmp_path / "state")


@pytest.mark.gate("T1")
class TestS3Uploads(UploadFaults):
    pass


@pytest.mark.gate("T1")
class TestHopelessS3Uploads(HopelessUploads):
    pass
