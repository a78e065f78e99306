"""What every object store does, shown for local files."""

from __future__ import annotations

from pathlib import Path

import pytest

from longshore_storage.contract import StorageContract
from longshore_storage.contract.keys import SIMPLE_KEYS
from longshore_storage.local import LocalConnection
from longshore_storage.locations import Location


class TestLocalStore(StorageContract):
    """Files have no metadata, and their keys are paths."""

    has_buckets = False
    keys_are_paths = True
    odd_keys = (*SIMPLE_KEYS, "tab\tin it", "line\nbreak")
    bad_keys = ("/\0", "/nowhere/x\0y", "/nowhere/half \ud83d")
    kept_options = frozenset()
    presigns = False
    creates_buckets = False

    @pytest.fixture
    def connection(self) -> LocalConnection:
        return LocalConnection()

    @pytest.fixture
    def root(self, tmp_path: Path) -> Location:
        folder = tmp_path / "objects"
        folder.mkdir()
        return Location("file", "", f"{folder}/")

    def open_uploads(self, root: Location) -> list[str]:
        return [path.name for path in root.path.rglob(".*") if "longshore" in path.name]
