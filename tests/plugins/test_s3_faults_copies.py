"""Row T1: whatever S3 or the way to it does to a copy that streams from and to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("boto3", reason="needs longshore[s3]")

from copy_faults import CopyFaults
from download_faults import short_waits  # noqa: F401 - a fixture
from s3_rig import S3Rig, s3_rig
from s3_servers import S3Server


@pytest.fixture
def rig(localstack: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[S3Rig]:
    yield from s3_rig(localstack, monkeypatch, tmp_path / "state")


@pytest.mark.gate("T1")
@pytest.mark.usefixtures("short_waits")
class TestS3Copies(CopyFaults):
    pass
