"""Row T1: whatever GCS or the way to it does to a copy that streams from and to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("google.cloud.storage", reason="needs longshore[gcs]")

from copy_faults import CopyFaults
from download_faults import short_waits  # noqa: F401 - a fixture
from gcs_rig import GCSRig, gcs_rig


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[GCSRig]:
    yield from gcs_rig(monkeypatch, tmp_path / "state")


@pytest.mark.gate("T1")
@pytest.mark.usefixtures("short_waits")
class TestGCSCopies(CopyFaults):
    pass
