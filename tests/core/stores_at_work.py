"""What the tests of the SQLite store share: records, a clock that is set by hand, other processes."""

from __future__ import annotations

import selectors
import socket
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from longshore import SQLiteStore
from longshore.stores.leases import Clock, Here
from longshore.stores.records import RunRecord, StepChanged, StoredResult

RUN = "5f2b01c4-0000-4000-8000-000000000001"


def success(step: str, map_index: int = -1) -> StepChanged:
    return StepChanged(
        step=step, map_index=map_index, attempt=1, state="Success", message="", time=1.0, finished=True,
        result=StoredResult(text="1", size=1),
    )  # fmt: skip


def claimed(store: SQLiteStore, run_id: str = RUN, token: str = "me") -> SQLiteStore:
    """Create a run and drive it."""
    store.create(RunRecord(run_id=run_id, flow="nightly"))
    store.claim(run_id, token)
    return store


def pragma(store: SQLiteStore, text: str) -> object:
    """Ask the connection of a store for a setting, or set it."""
    database = store._database  # pyright: ignore[reportPrivateUsage] - nobody else has its connection

    def ask(connection: sqlite3.Connection) -> object:
        return connection.execute(f"PRAGMA {text}").fetchone()[0]

    return database.alone(ask)


def check_integrity(path: Path) -> None:
    """Have SQLite look at every page."""
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


class SetClock(Clock):
    """The clocks of this machine, moved; or another machine's."""

    def __init__(self, **who: str | int) -> None:
        self.wall_moved = 0.0
        self.boot_moved = 0.0
        self.who = who

    def boot_time(self) -> float:
        return super().boot_time() + self.boot_moved

    def wall(self) -> float:
        return super().wall() + self.wall_moved

    def here(self) -> Here:
        return replace(super().here(), **self.who)  # type: ignore[arg-type]


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a process with code of its own; it sees this folder's helper modules."""
    folder = str(Path(__file__).parent)
    return subprocess.Popen(
        [sys.executable, "-c", f"import sys; sys.path.append({folder!r})\n{textwrap.dedent(code)}",
         *map(str, arguments)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def end(process: subprocess.Popen[str]) -> None:
    """Kill a process and wait for it."""
    process.kill()
    process.communicate()


def rest(process: subprocess.Popen[str]) -> str:
    """Return what a process that was killed had written and nobody read."""
    assert process.stdout is not None
    text = process.stdout.read()
    process.communicate()
    return text


class Counter:
    """Counts who is at work: clients that sent `+`, and have neither sent `-` nor died. Each is answered.

    Attributes:
        address: Where clients connect to.
        entered: How many were at work each time that one more began.
    """

    def __init__(self, folder: Path) -> None:
        self.address = str(folder / "counter")
        self.entered: list[int] = []
        self._working: set[socket.socket] = set()
        self._selector = selectors.DefaultSelector()
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(self.address)
        self._server.listen(64)
        self._selector.register(self._server, selectors.EVENT_READ)
        self._stop = threading.Event()

    @contextmanager
    def counting(self) -> Generator[None]:
        """Serve while the block lasts."""
        thread = threading.Thread(target=self._serve)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()
            for key in list(self._selector.get_map().values()):
                key.fileobj.close()  # type: ignore[union-attr]
            self._selector.close()

    def _serve(self) -> None:
        while not self._stop.is_set():
            ready = [key.fileobj for key, _ in self._selector.select(0.05)]
            if self._server in ready:
                self._selector.register(self._server.accept()[0], selectors.EVENT_READ)
            said = {client: self._hear(client) for client in ready if client is not self._server}
            # Who left or died did so before those came who took the place.
            for client, word in sorted(said.items(), key=lambda item: item[1] == b"+"):
                self._note(client, word)

    @staticmethod
    def _hear(client: object) -> bytes:
        assert isinstance(client, socket.socket)
        try:
            return client.recv(1)
        except ConnectionResetError:
            return b""

    def _note(self, client: object, word: bytes) -> None:
        assert isinstance(client, socket.socket)
        if word == b"+":
            self._working.add(client)
            self.entered.append(len(self._working))
        else:
            self._working.discard(client)
        if word:
            with suppress(BrokenPipeError):  # its end is heard of next
                client.sendall(b"!")
        else:
            self._selector.unregister(client)
            client.close()
