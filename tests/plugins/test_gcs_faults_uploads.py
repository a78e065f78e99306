"""Row T1: whatever GCS or the way to it does to an upload."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("google.cloud.storage", reason="needs longshore[gcs]")

from gcs_rig import GCSRig, gcs_rig
from upload_faults import HopelessUploads, UploadFaults, in_parts, sending, short_waits  # noqa: F401


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[GCSRig]:
    yield from gcs_rig(monkeypatch, tmp_path / "state")


@pytest.mark.gate("T1")
class TestGCSUploads(UploadFaults):
    pass


@pytest.mark.gate("T1")
class TestHopelessGCSUploads(HopelessUploads):
    pass
