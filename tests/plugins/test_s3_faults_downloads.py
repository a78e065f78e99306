"""Row T1: whatever S3 or the way to it does to a download."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("boto3", reason="needs longshore[s3]")

from download_faults import (  # noqa: F401 - the fixtures
    DownloadFaults,
    HopelessDownloads,
    data,
    receiving,
    short_waits,
    target,
)
from s3_rig import S3Rig, s3_rig
from s3_servers import S3Server


@pytest.fixture
def rig(moto: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[S3Rig]:
    yield from s3_rig(moto, monkeypatch, tmp_path / "state")


@pytest.mark.gate("T1")
class TestS3Downloads(DownloadFaults):
    pass


@pytest.mark.gate("T1")
class TestHopelessS3Downloads(HopelessDownloads):
    pass
