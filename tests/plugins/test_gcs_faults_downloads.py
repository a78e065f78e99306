"""Row T1: whatever GCS or the way to it does to a download."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("google.cloud.storage", reason="needs longshore[gcs]")

from download_faults import (  # noqa: F401 - the fixtures
    DownloadFaults,
    HopelessDownloads,
    data,
    receiving,
    short_waits,
    target,
)
from gcs_rig import GCSRig, gcs_rig


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[GCSRig]:
    yield from gcs_rig(monkeypatch, tmp_path / "state")


@pytest.mark.gate("T1")
class TestGCSDownloads(DownloadFaults):
    pass


@pytest.mark.gate("T1")
class TestHopelessGCSDownloads(HopelessDownloads):
    pass
