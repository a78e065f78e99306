"""The SQLite store does what every store does."""

from __future__ import annotations

from pathlib import Path

import pytest

from longshore.testing import StoreContract


class TestSQLiteStore(StoreContract):
    """In a file of its own for each test."""

    @pytest.fixture
    def location(self, tmp_path: Path) -> str:
        """A path that does not exist yet."""
        return str(tmp_path / "stores" / "runs.db")
