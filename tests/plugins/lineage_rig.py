"""Fixtures of the tests of lineage: a backend, and an environment that points nowhere else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from lineage_backend import Backend, running_backend

from longshore.testing import isolated_process_state
from longshore_openlineage import senders


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No setting of OpenLineage, in no place where its clients look."""
    for name in [name for name in os.environ if name.startswith("OPENLINEAGE")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    with isolated_process_state():
        yield
    senders._senders.clear()


@pytest.fixture
def backend(nowhere: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Backend]:
    """A backend to which the environment sends lineage."""
    with running_backend() as running:
        monkeypatch.setenv("OPENLINEAGE_URL", running.url)
        yield running
