"""The part of `StorageContract` that is about transfers whose process is killed."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any, cast

import pytest

from longshore import Flow, task
from longshore_storage import checksums
from longshore_storage.contract.doubles import watched
from longshore_storage.contract.processes import in_dying_process, in_new_process
from longshore_storage.contract.trials import OLD, StorageTrial, content, put, whole
from longshore_storage.sources import FileSource
from longshore_storage.stores import store_for
from longshore_storage.transfers import Settings, download, upload

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from longshore_storage.locations import Location
    from longshore_storage.objects import ObjectInfo
    from longshore_storage.protocol import Connection, ObjectStore, Part, Upload

    Place = Callable[[str], Location]

_RUN = "5f2b01c4-0000-4000-8000-00000000c0de"
_PARTS = 5
_DIES_BEFORE = 3
"""The part that is not sent any more, counted from 1."""


class _Fatal(FileSource):
    """A file that kills its process before a part, unless it is told that this is the second time."""

    def __init__(self, path: Path, part_size: int) -> None:
        super().__init__(path)
        self._part_size = part_size
        self._again = path.with_name("again").exists()

    def read_at(self, offset: int, buffer: memoryview) -> None:
        if not self._again and offset >= (_DIES_BEFORE - 1) * self._part_size:
            os.kill(os.getpid(), signal.SIGKILL)
        super().read_at(offset, buffer)


class _Noting:
    """A store that writes down which parts it sent."""

    def __init__(self, store: ObjectStore, place: Path) -> None:
        self._store, self._place = store, place

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def put_part(self, upload: Upload, number: int, data: memoryview, *, checksum: str, last: bool) -> Part:
        part = self._store.put_part(upload, number, data, checksum=checksum, last=last)
        with self._place.open("a") as file:
            file.write(f"{number} ")
        return part


@task
def send(connection: Connection, at: Location, path: Path, part_size: int) -> tuple[int, str]:
    """Upload a file; return its size and checksum."""
    store = cast("ObjectStore", _Noting(store_for(connection), path.with_name("sent")))
    settings = Settings(part_size=part_size, concurrency=1)
    info = upload(_Fatal(path, part_size), store, at, settings=settings)
    return info.size, info.checksum


def run(connection: Connection, at: Location, path: Path, part_size: int) -> Any:
    """Run the flow that uploads a file, or resume it; return its result."""
    with Flow("contract") as flow:
        send(connection, at, path, part_size)
    store = str(path.with_name("runs.db"))
    if path.with_name("again").exists():
        return flow.resume(_RUN, store=store).results["send"]
    return flow.run(run_id=_RUN, store=store).results["send"]


def fetch_and_die(connection: Connection, info: ObjectInfo, path: Path, part_size: int) -> None:
    """Download a file, and die when two parts of it have come."""

    def die(count: int) -> None:
        if count > 2 * part_size:
            os.kill(os.getpid(), signal.SIGKILL)

    settings = Settings(part_size=part_size, concurrency=1)
    download(watched(store_for(connection), die), info, path, settings=settings)


@pytest.mark.skipif(sys.platform == "win32", reason="it has no SIGKILL")
class Resumptions(StorageTrial):
    """What becomes of a transfer whose process is killed, with every store."""

    def test_a_killed_upload_goes_on_from_its_parts_when_its_run_is_resumed(
        self, connection: Connection, store: ObjectStore, at: Place, root: Location, tmp_path: Path
    ) -> None:
        """What had arrived is not sent again; until the end there is no object."""
        part = self.part_size(store)
        data = content(_PARTS * part - 5)
        path = tmp_path / "source"
        path.write_bytes(data)
        in_dying_process(run, connection, at("x"), path, part)
        assert whole(store, at("x")) is None
        before = path.with_name("sent").read_text().split()
        assert before == ["1", "2"]
        path.with_name("again").touch()
        size, checksum = in_new_process(run, connection, at("x"), path, part)
        assert (size, checksum) == (len(data), checksums.of(store.algorithm, data))
        assert whole(store, at("x")) == data
        after = path.with_name("sent").read_text().split()[len(before) :]
        assert after == ["3", "4", "5"] if self.resumes else after == ["1", "2", "3", "4", "5"]
        assert self.open_uploads(root) == []

    def test_a_killed_download_goes_on_from_what_came(
        self, connection: Connection, store: ObjectStore, at: Place, tmp_path: Path
    ) -> None:
        """The old file is there until the end; of the parts that came none is fetched again."""
        part = self.part_size(store)
        info = put(store, at("x"), content(_PARTS * part - 5))
        target = tmp_path / "files" / "target"
        target.parent.mkdir()
        target.write_bytes(OLD)
        in_dying_process(fetch_and_die, connection, info, target, part)
        assert target.read_bytes() == OLD
        counts: list[int] = []
        settings = Settings(part_size=part, concurrency=1)
        download(watched(store, counts.append), info, target, settings=settings)
        assert counts[-1] == info.size - 2 * part
        assert target.read_bytes() == content(_PARTS * part - 5)
        assert list(target.parent.iterdir()) == [target]
