"""The part of `StorageContract` that is about what a transfer takes: memory, time, patience of others."""

from __future__ import annotations

import time
import tracemalloc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from longshore import AttemptTimedOut, Flow, task
from longshore.testing import progress_told
from longshore_storage.contract.doubles import Slow, watched
from longshore_storage.contract.processes import in_new_process
from longshore_storage.contract.trials import OLD, StorageTrial, content, put, whole
from longshore_storage.protocol import MIB
from longshore_storage.sources import FileSource
from longshore_storage.stores import store_for
from longshore_storage.transfers import Settings, download, upload

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from longshore_storage.locations import Location
    from longshore_storage.protocol import Connection, ObjectStore

    Place = Callable[[str], Location]

_LARGE = 64 * MIB
_SLACK = 12 * MIB
"""Bytes besides the parts under way: the bodies of requests in the SDK's hands, caches that warm up."""
_SECONDS = 15.0
"""Within which a transfer that is told to stop has stopped; it has asked the service to give an upload up."""


class Bounds(StorageTrial):
    """What a transfer takes, with every store."""

    def test_memory_is_bounded_whatever_the_size(
        self, connection: Connection, store: ObjectStore, at: Place, tmp_path: Path
    ) -> None:
        """By the parts that are under way; an object of 64 MiB, up and down."""
        path, target = tmp_path / "large", tmp_path / "target"
        with path.open("wb") as file:
            for seed in range(_LARGE // MIB):
                file.write(content(MIB, seed))
        most = 2 * self.part_size(store) + _SLACK
        settings = self.settings(store, concurrency=2)
        for work, file_name in ((send_file, path), (fetch_file, target)):
            size, peak = in_new_process(work, connection, at("x"), file_name, settings)
            assert size == store.head(at("x")).size == _LARGE
            assert peak < most, f"{peak:,} bytes at once in {work.__name__}"
        assert target.read_bytes() == path.read_bytes()
        store.delete(at("x"))

    def test_progress_is_told_as_bytes_pass(self, store: ObjectStore, at: Place, tmp_path: Path) -> None:
        """It grows, up to the whole, going up and going down."""
        data = content(4 * self.part_size(store))
        path = tmp_path / "source"
        path.write_bytes(data)
        source = FileSource(path)
        settings = self.settings(store)
        transfers: list[Callable[[], object]] = [
            lambda: upload(source, store, at("x"), settings=settings),
            lambda: download(store, at("x"), tmp_path / "target", settings=settings),
        ]
        for transfer in transfers:
            with progress_told() as told:
                transfer()
            assert told[-1].done == told[-1].total == len(data)
            assert told[-1].unit == "B"
            counts = [progress.done or 0 for progress in told]
            assert counts == sorted(counts)
        source.close()

    def test_an_upload_that_is_told_to_stop_stops(
        self, store: ObjectStore, at: Place, root: Location
    ) -> None:
        """It leaves no object and no open upload."""
        settings = self.settings(store)

        @task(timeout=0.6)
        def sends() -> str:
            size = 1000 * self.part_size(store)
            return upload(Slow(size, 0.05), store, at("x"), settings=settings).url

        began = time.monotonic()
        with pytest.raises(AttemptTimedOut):
            sends()
        self._settled(lambda: self.open_uploads(root) == [])
        assert time.monotonic() - began < _SECONDS
        assert whole(store, at("x")) is None
        assert list(store.list(root)) == []

    def test_a_download_that_is_told_to_stop_stops(
        self, store: ObjectStore, at: Place, tmp_path: Path
    ) -> None:
        """It leaves the old file, and what came under a hidden name alone, for the next one."""
        info = put(store, at("x"), content(4 * MIB))
        target = tmp_path / "files" / "target"
        target.parent.mkdir()
        target.write_bytes(OLD)
        came: list[int] = []

        def slowly(count: int) -> None:
            came.append(count)
            time.sleep(0.1)

        @task(timeout=0.5)
        def fetches() -> None:
            settings = Settings(part_size=1 << 14, concurrency=2)
            download(watched(store, slowly), info, target, settings=settings)

        began = time.monotonic()
        with pytest.raises(AttemptTimedOut):
            fetches()
        assert time.monotonic() - began < _SECONDS
        self._settled(lambda: _is_quiet(came))
        assert sum(came) > 0
        assert target.read_bytes() == OLD
        assert all(path == target or path.name.startswith(".") for path in target.parent.iterdir())
        download(store, info, target)
        assert target.stat().st_size == info.size
        assert list(target.parent.iterdir()) == [target]

    def test_a_transfer_is_a_step(self, store: ObjectStore, at: Place, tmp_path: Path) -> None:
        """Its result is the object, for the steps behind it."""
        path = tmp_path / "source"
        path.write_bytes(OLD)

        @task
        def sends() -> Any:
            source = FileSource(path)
            try:
                return upload(source, store, at("x"), settings=self.settings(store))
            finally:
                source.close()

        @task
        def measures(size: int) -> int:
            return size

        with Flow("transfers") as flow:
            measures(sends().size)
        assert flow.run().results["measures"] == len(OLD)

    def _settled(self, is_settled: Callable[[], bool]) -> None:
        end = time.monotonic() + _SECONDS
        while not is_settled():
            assert time.monotonic() < end, "the transfer goes on"
            time.sleep(0.05)


def _is_quiet(came: list[int]) -> bool:
    count = len(came)
    time.sleep(0.3)
    return len(came) == count


def send_file(connection: Connection, at: Location, path: Path, settings: Settings) -> tuple[int, int]:
    """Upload a file; return its size, and the most bytes of memory that were taken meanwhile."""
    store, source = store_for(connection), FileSource(path)
    put(store, at, OLD)  # what is loaded and made once is not counted
    with _measured() as peak:
        size = upload(source, store, at, settings=settings).size
        return size, peak()


def fetch_file(connection: Connection, at: Location, path: Path, settings: Settings) -> tuple[int, int]:
    """Download a file; return its size, and the most bytes of memory that were taken meanwhile."""
    store = store_for(connection)
    store.head(at)
    with _measured() as peak:
        size = download(store, at, path, settings=settings).size
        return size, peak()


@contextmanager
def _measured() -> Generator[Callable[[], int]]:
    tracemalloc.start()
    try:
        yield lambda: tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
