"""Rows T3, T4 and T5 for GCS: transfers that are killed, and a service that refuses everything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("google.cloud.storage", reason="needs longshore[gcs]")

from gcs_rig import GCSRig, gcs_rig
from transfer_kills import KilledDownloads, KilledUploads
from transfer_storms import Storms


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[GCSRig]:
    yield from gcs_rig(monkeypatch, tmp_path / "state")


@pytest.mark.gate("T3")
class TestKilledGCSDownloads(KilledDownloads):
    pass


@pytest.mark.gate("T4")
class TestKilledGCSUploads(KilledUploads):
    pass


@pytest.mark.gate("T5")
class TestGCSStorms(Storms):
    pass
