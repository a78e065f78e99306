"""The part of `StorageContract` that is about threads and processes."""

from __future__ import annotations

import multiprocessing
import pickle
import signal
import subprocess
import sys
import traceback
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from longshore_storage import checksums
from longshore_storage.contract.trials import NEW, OLD, StorageTrial, content, pieces, put, send, whole
from longshore_storage.stores import store_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection as Pipe

    from longshore_storage.locations import Location
    from longshore_storage.protocol import Connection, ObjectStore

    Place = Callable[[str], Location]

_PATIENCE = 60.0  # seconds
_CODE = "from longshore_storage.contract.processes import main; main()"


def main() -> None:
    """Do what standard input says; the entry point of a new process."""
    sys.path[:] = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started us
    work, arguments = pickle.load(sys.stdin.buffer)  # noqa: S301 - the same
    answer = pickle.dumps(work(*arguments))
    sys.stdout.buffer.write(answer)


def in_new_process(work: Callable[..., Any], *arguments: object) -> Any:
    """Return what a function returns in a process that has only its arguments."""
    done = _run(work, arguments)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-3000:]
    return pickle.loads(done.stdout)  # noqa: S301 - from a process of our own


def in_dying_process(work: Callable[..., Any], *arguments: object) -> None:
    """Run a function in a process that it kills."""
    done = _run(work, arguments)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode(errors="replace")[-3000:]


def _run(work: Callable[..., Any], arguments: tuple[object, ...]) -> subprocess.CompletedProcess[bytes]:
    sent = pickle.dumps(list(sys.path)) + pickle.dumps((work, arguments))
    return subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", _CODE], input=sent, capture_output=True, timeout=_PATIENCE, check=False
    )


def in_forked_process(work: Callable[..., Any], *arguments: object) -> Any:
    """Return what a function returns in a copy of this process."""
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe()
    process = fork.Process(target=_answer, args=(theirs, work, arguments), daemon=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other threads run, which is what we test
        process.start()
    theirs.close()
    try:
        assert ours.poll(_PATIENCE), "the forked process hangs"
        answer, told = ours.recv()
    finally:
        process.kill()
        process.join()
        ours.close()
    assert answer, told
    return told


def _answer(pipe: Pipe, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        pipe.send((True, work(*arguments)))
    except BaseException:  # noqa: BLE001 - told to the other process
        pipe.send((False, traceback.format_exc()))


def use(connection: Connection, at: Location, data: bytes) -> tuple[bytes | None, bytes | None]:
    """Write and read with the process's own store; return what was there, and what then."""
    store = store_for(connection)
    before = whole(store, at)
    put(store, at, data)
    return before, store.get(at, len(data))[1]


def begin_elsewhere(connection: Connection, at: Location, part_size: int, data: bytes) -> Any:
    """Begin an upload, send its first part, and leave."""
    store = store_for(connection)
    upload = store.begin(at, part_size=part_size, size=len(data))
    send(store, upload, 1, data[:part_size])
    return upload


class Processes(StorageTrial):
    """What every store does under threads and processes."""

    def test_a_connection_is_plain_data(self, connection: Connection) -> None:
        """It travels, and it is a key."""
        copy = pickle.loads(pickle.dumps(connection))  # noqa: S301 - our own bytes
        assert (copy, hash(copy)) == (connection, hash(connection))
        assert isinstance(type(connection).scheme, str)

    def test_a_process_has_one_store_for_a_connection(
        self, connection: Connection, store: ObjectStore
    ) -> None:
        """Which knows what made it."""
        copy = pickle.loads(pickle.dumps(connection))  # noqa: S301 - our own bytes
        assert store_for(copy) is store
        assert store.connection == connection
        assert store.scheme == type(connection).scheme

    def test_a_new_process_uses_a_store_of_its_own(self, connection: Connection, at: Place) -> None:
        """All it needs is the connection."""
        put(store_for(connection), at("x"), OLD)
        assert in_new_process(use, connection, at("x"), NEW) == (OLD, NEW)
        assert whole(store_for(connection), at("x")) == NEW

    def test_a_forked_process_uses_a_store_of_its_own(
        self, connection: Connection, store: ObjectStore, at: Place
    ) -> None:
        """Also when ours was used before, and is used meanwhile and afterwards."""
        if sys.platform == "win32":
            pytest.skip("there is no fork")
        put(store, at("x"), OLD)
        store.get(at("x"), 1000)
        assert in_forked_process(use, connection, at("x"), NEW) == (OLD, NEW)
        assert whole(store, at("x")) == NEW
        put(store, at("x"), OLD)
        assert in_forked_process(use, connection, at("x"), NEW) == (OLD, NEW)

    def test_threads_use_a_store_together(self, store: ObjectStore, at: Place, root: Location) -> None:
        """Each gets its own bytes."""

        def work(number: int) -> list[str]:
            wrong: list[str] = []
            for turn in range(5):
                data = content(50_000 + number, seed=number * 10 + turn)
                info = put(store, at(f"{number}/{turn}"), data)
                if store.get(at(f"{number}/{turn}"), len(data))[1] != data:
                    wrong.append(f"got {number}/{turn}")
                if store.head(at(f"{number}/{turn}")).token != info.token:
                    wrong.append(f"looked at {number}/{turn}")
            if len(list(store.list(at(f"{number}/")))) != 5:
                wrong.append(f"listed {number}")
            store.delete(at(f"{number}/0"))
            return wrong

        with ThreadPoolExecutor(8) as pool:
            assert [wrong for found in pool.map(work, range(8)) for wrong in found] == []
        assert len(list(store.list(root))) == 32

    def test_an_upload_goes_on_in_another_process(
        self, connection: Connection, store: ObjectStore, at: Place, root: Location
    ) -> None:
        """The parts that arrived are told, and only the others are sent."""
        if not self.resumes:
            pytest.skip("uploads end with their process")
        part_size = self.part_size(store)
        data = content(2 * part_size + 123)
        upload = in_new_process(begin_elsewhere, connection, at("x"), part_size, data)
        there = list(store.parts(upload))
        assert [(part.number, part.size) for part in there] == [(1, part_size)]
        for number, piece in list(enumerate(pieces(data, part_size), 1))[1:]:
            there.append(send(store, upload, number, piece, last=number == 3))
        store.finish(upload, there, checksum=checksums.of(store.algorithm, data))
        assert whole(store, at("x")) == data
        assert self.open_uploads(root) == []

    def test_an_upload_is_given_up_by_another_process(
        self, connection: Connection, store: ObjectStore, at: Place, root: Location
    ) -> None:
        """So that what a killed one left is not there for ever."""
        part_size = self.part_size(store)
        data = content(2 * part_size)
        upload = in_new_process(begin_elsewhere, connection, at("x"), part_size, data)
        store.abort(upload)
        assert self.open_uploads(root) == []
        assert whole(store, at("x")) is None
