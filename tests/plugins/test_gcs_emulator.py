"""Google Cloud Storage by a server of another make, so that our own is not the only judge.

It knows no preconditions, no versions and no transcoding; what it knows, the tasks do with it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("google.cloud.storage", reason="needs longshore[gcs]")

from service_environments import UnavailableError, python_of

from longshore_gcs import (
    GCSConnection,
    GCSCopy,
    GCSCreateBucket,
    GCSDelete,
    GCSDownload,
    GCSExists,
    GCSList,
    GCSMove,
    GCSRead,
    GCSSync,
    GCSUpload,
    GCSWrite,
)
from longshore_storage.errors import ChecksumError, ObjectNotFoundError
from longshore_storage.locations import parse
from longshore_storage.stores import store_for

_STARTS_WITHIN = 30.0  # seconds


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@pytest.fixture(scope="module")
def emulator(
    require_service: Callable[[object, str], None], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GCSConnection]:
    """A connection to `gcp-storage-emulator`, with a bucket."""
    try:
        python = python_of("gcs_emulator")
    except UnavailableError as error:
        require_service(False, str(error))
        raise
    port, log = _free_port(), tmp_path_factory.mktemp("emulator") / "log"
    command = [str(python.parent / "gcp-storage-emulator"), "start", "--host=127.0.0.1", f"--port={port}"]
    with log.open("wb") as output:
        process = subprocess.Popen([*command, "--in-memory"], stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + _STARTS_WITHIN
        while not _answers(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        connection = GCSConnection(endpoint=f"http://127.0.0.1:{port}", anonymous=True, project="tests")
        assert GCSCreateBucket(connection=connection)("gs://lake")
        yield connection
    finally:
        process.terminate()
        process.wait()


def test_small_objects_go_both_ways(emulator: GCSConnection) -> None:
    info = GCSWrite(connection=emulator, metadata={"a": "b"})(b"hello", "gs://lake/a b/é.txt")
    assert (info.size, info.checksum, info.metadata) == (5, "crc32c:mnG7TA==", {"a": "b"})
    assert GCSRead(connection=emulator)("gs://lake/a b/é.txt") == b"hello"


def test_large_objects_go_both_ways_in_pieces(emulator: GCSConnection, tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    (tmp_path / "big").write_bytes(data)
    info = GCSUpload(connection=emulator, part_size=1 << 20)(tmp_path / "big", "gs://lake/big")
    got = GCSDownload(connection=emulator, part_size=1 << 20)("gs://lake/big", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == data
    assert (info.verified, got.verified, got.checksum) == ("crc32c", "crc32c", info.checksum)


def test_an_upload_goes_on_in_another_process(emulator: GCSConnection) -> None:
    from longshore_storage import checksums

    data, size = os.urandom((1 << 20) + 5), 1 << 19
    at = parse("gs://lake/resumed")

    def send(number: int, *, last: bool = False) -> None:
        piece = memoryview(data)[(number - 1) * size : number * size]
        store.put_part(session, number, piece, checksum=checksums.of("crc32c", piece), last=last)

    store = emulator.open()
    session = store.begin(at, part_size=size, size=len(data))
    send(1)
    store = emulator.open()
    assert [part.number for part in store.parts(session)] == [1]
    send(2)
    send(3, last=True)
    assert store.finish(session, [], checksum=checksums.of("crc32c", data)).size == len(data)


def test_objects_are_listed_copied_moved_and_deleted(emulator: GCSConnection) -> None:
    for name in ("1", "2", "x/3"):
        GCSWrite(connection=emulator)(name, f"gs://lake/tree/{name}")
    listing = GCSList(connection=emulator)
    assert [info.url.rpartition("tree/")[2] for info in listing("gs://lake/tree/")] == ["1", "2", "x/3"]
    GCSCopy(connection=emulator)("gs://lake/tree/1", "gs://lake/other/1")
    GCSMove(connection=emulator)("gs://lake/tree/2", "gs://lake/other/2")
    assert [info.url[-1] for info in listing("gs://lake/other/")] == ["1", "2"]
    GCSDelete(connection=emulator)("gs://lake/tree/", recursive=True)
    assert listing("gs://lake/tree/") == []
    assert not GCSExists(connection=emulator)("gs://lake/tree/2")


def test_a_folder_is_synced_and_comes_back(emulator: GCSConnection, tmp_path: Path) -> None:
    (tmp_path / "here" / "sub").mkdir(parents=True)
    (tmp_path / "here" / "sub" / "a.csv").write_text("rows")
    GCSSync(connection=emulator)(tmp_path / "here", "gs://lake/synced")
    GCSSync(connection=emulator)("gs://lake/synced", tmp_path / "there")
    assert (tmp_path / "there" / "sub" / "a.csv").read_text() == "rows"


def test_other_bytes_and_missing_objects_are_told(emulator: GCSConnection) -> None:
    store = store_for(emulator)
    with pytest.raises(ChecksumError):
        store.put(parse("gs://lake/wrong"), memoryview(b"x"), checksum="crc32c:AAAAAA==")
    with pytest.raises(ObjectNotFoundError):
        store.head(parse("gs://lake/wrong"))
    [(_, one), (_, two)] = store.delete_many([parse("gs://lake/none"), parse("gs://lake/nor this")])
    assert (one, two) == (None, None)
