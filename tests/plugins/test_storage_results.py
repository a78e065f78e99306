"""Results of runs as local files that a plugin offers under a scheme of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from result_store import Lake, ResultsInObjects

from longshore import ConfigurationError
from longshore.testing import raises_saying
from longshore_storage.errors import SourceError
from longshore_storage.folders import ObjectFolder, _Pieces
from longshore_storage.local import LocalConnection


class Harbour:
    """A connection whose objects are files of one folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def folder(self, url: str) -> ObjectFolder:
        return LocalConnection().folder(f"{self.path}/{url.removeprefix('harbour://')}")


class TestLocalResults(ResultsInObjects):
    """What every object store does with results."""

    @pytest.fixture
    def lake(self, tmp_path: Path) -> Lake:
        return Lake("harbour://bucket/results", Harbour(tmp_path / "harbour"))


def test_pieces_are_read_from_anywhere() -> None:
    whole = bytes(range(256)) * 4
    pieces: list[Any] = [whole[:3], b"", memoryview(whole)[3:700], whole[700:701], whole[701:]]
    source = _Pieces("x", pieces)
    assert source.size == len(whole)
    for start in (0, 2, 3, 4, 699, 700, 701, 1023):
        for length in (0, 1, 3, 400):
            buffer = bytearray(min(length, len(whole) - start))
            source.read_at(start, memoryview(buffer))
            assert buffer == whole[start : start + length]
    with raises_saying(SourceError, "it ends at 1024"):
        source.read_at(1023, memoryview(bytearray(2)))
    assert _Pieces("none", []).size == 0


def test_a_folder_lists_what_is_below_it_and_no_neighbour(tmp_path: Path) -> None:
    folder = LocalConnection().folder(str(tmp_path / "results"))
    LocalConnection().folder(str(tmp_path / "results-of-others")).write("a/b.json", [b"x"])
    assert list(folder.names()) == []
    for name in ("run-1/a.json", "run-1/b.json", "run-10/a.json"):
        folder.write(name, [b"12", b"3"])
    assert [(name, size) for name, size, _ in folder.names()] == [
        ("run-1/a.json", 3), ("run-1/b.json", 3), ("run-10/a.json", 3),
    ]  # fmt: skip
    assert [name for name, _, _ in folder.names("run-1/")] == ["run-1/a.json", "run-1/b.json"]
    folder.remove(["run-1/a.json", "run-1/none.json"])
    assert [name for name, _, _ in folder.names("run-1/")] == ["run-1/b.json"]
    with pytest.raises(FileNotFoundError), folder.open("run-1/a.json"):
        pass


def test_a_url_of_files_is_a_folder_as_ever(tmp_path: Path) -> None:
    from longshore import Results

    stored = Results(f"file://{tmp_path}/results").put("run-00000001", "load", b"x" * 100_000)
    assert (tmp_path / "results" / stored.place).is_file()
    with raises_saying(ConfigurationError, "got a connection; give it a URL"):
        Results(tmp_path, connection=LocalConnection())
