"""The record of multipart uploads under way, so that none is left open and billed for ever.

One small file for each, private to its owner, in `$LONGSHORE_STATE/uploads`. Its process holds it locked; the
system takes the lock from the dead. An upload whose process died goes on when its run is resumed (same call,
same place, same source); one that nothing can resume is aborted when the next multipart upload starts; the
rest by `longshore sweep`. Only uploads that are on record are ever aborted.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from longshore import Leftover, LongshoreError, current, decode, encode, storage_schemes
from longshore.heldfiles import NO_LINK, hold
from longshore_storage.protocol import Connection, Upload
from longshore_storage.stores import store_for

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

_ENDING: Final = ".json"
_TIDIED_WITHIN: Final = 5.0  # seconds
_LOOKED_AT: Final = 2.0  # seconds
_STEP: Final = 0.05  # seconds


@dataclass(frozen=True, kw_only=True)
class OpenUpload:
    """What is on record of an upload.

    Args:
        upload: As the store began it.
        identity: Of the source; empty if it cannot be told from another content.
        connection: Makes the store that began it.
        run_id: The run that can resume it; empty if none can.
        store: The store that has this run.
        began: Seconds since the epoch.
    """

    upload: Upload
    identity: str
    connection: Connection
    run_id: str = ""
    store: str = ""
    began: float = 0.0


def folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where the records are: `$LONGSHORE_STATE`, or the user's state folder."""
    chosen = environment.get("LONGSHORE_STATE", "")
    if chosen:
        return Path(chosen) / "uploads"
    state = Path(environment.get("XDG_STATE_HOME", ""))
    if not state.is_absolute():  # the specification says to pass over one that is not
        state = Path.home() / ".local" / "state"
    return state / "longshore" / "uploads"


class Entry:
    """One upload's place in the ledger, held by this process.

    Attributes:
        left: What an earlier process recorded here and left; None if there is nothing that can be read.
        empty: Nothing was recorded: the process died before its upload began.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        text = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
        self.empty = not text
        self.left = _read(text) if text else None

    def write(self, record: OpenUpload) -> None:
        """Record the upload, on the disk before the first part is sent."""
        text = json.dumps(
            {
                "upload": asdict(record.upload),
                "identity": record.identity,
                "connection": encode(record.connection, "connection"),
                "run_id": record.run_id,
                "store": record.store,
                "began": record.began,
            }
        ).encode()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text, 0)
        os.fsync(self._descriptor)

    def remove(self) -> None:
        """Take the upload off the record: it is finished or aborted."""
        self._path.unlink(missing_ok=True)

    def give_up(self) -> None:
        """Abort the upload that was left; the record is still held, for another one.

        Raises:
            StorageError: It could not be aborted; it stays on record.
        """
        if self.left:
            store_for(self.left.connection).abort(self.left.upload)

    def abort(self) -> None:
        """Abort the upload that was left, and take it off the record.

        Raises:
            StorageError: It could not be aborted; it stays on record.
        """
        self.give_up()
        self.remove()


@contextmanager
def entry(url: str) -> Generator[Entry | None]:
    """Hold this call's entry for a place; None if another process has it, and keeps it."""
    name = hashlib.sha256(f"{current.call_id}\n{url}".encode()).hexdigest()[:40]
    path = folder() / f"{name}{_ENDING}"
    with ExitStack() as stack:
        held = stack.enter_context(_held(path, make=True))
        end = time.monotonic() + _LOOKED_AT
        while held is None and time.monotonic() < end:  # somebody tidies up
            time.sleep(_STEP)
            held = stack.enter_context(_held(path, make=True))
        yield held


def left_behind() -> Iterator[Entry]:
    """Yield the entries whose processes have died, each held while it is looked at."""
    with suppress(FileNotFoundError):
        for path in sorted(folder().iterdir()):
            if path.suffix == _ENDING:
                with _held(path, make=False) as held:
                    if held:
                        yield held


def tidy() -> None:
    """Abort what was left and cannot be resumed; what cannot be aborted in 5 s stays on record."""
    thread = threading.Thread(target=_tidy, name="longshore-uploads", daemon=True)
    thread.start()
    thread.join(_TIDIED_WITHIN)


def _tidy() -> None:
    for held in left_behind():
        if held.empty:
            held.remove()
        elif held.left is not None and not held.left.run_id:
            try:
                held.abort()
            except Exception as error:  # noqa: BLE001 - whatever its store raises; this is another transfer's
                current.log.warning("an unfinished upload to %r stays open: %s", held.left.upload.url, error)


def leftovers() -> Iterator[Leftover]:
    """Yield the uploads that no process works on."""
    with suppress(FileNotFoundError):
        for path in sorted(folder().iterdir()):
            with _held(path, make=False) as held:
                left = held.left if held else None
            if left is not None:
                yield Leftover(
                    kind="multipart upload",
                    label=left.upload.url,
                    end=partial(_end, path),
                    since=left.began,
                    run_id=left.run_id,
                    store=left.store,
                )


def _end(path: Path) -> bool:
    """Abort an upload; return False when a process works on it again."""
    with _held(path, make=False) as held:
        if held is not None:
            held.abort()
        return held is not None or not path.exists()


def record(upload: Upload, identity: str, connection: Connection) -> OpenUpload:
    """Return what is to be recorded of an upload that this call began."""
    resumable = current.recorded and identity
    return OpenUpload(
        upload=upload,
        identity=identity,
        connection=connection,
        run_id=current.run_id if resumable else "",
        store=current.recorded_in if resumable else "",
        began=time.time(),
    )


@contextmanager
def _held(path: Path, *, make: bool) -> Generator[Entry | None]:
    descriptor = _open(path, make=make)
    if descriptor is None:
        yield None
        return
    try:
        yield Entry(path, descriptor) if hold(descriptor, path) else None
    finally:
        os.close(descriptor)


def _read(text: bytes) -> OpenUpload | None:
    """Read a record; None if it is damaged, or its connection's class is not there: then it is let alone."""
    storage_schemes()  # imports the plugins, whose connections the records name
    try:
        fields = json.loads(text)
        connection = decode(fields["connection"], "the connection")
        if not isinstance(connection, Connection):
            return None
        return OpenUpload(
            upload=Upload(**fields["upload"]),
            identity=fields["identity"],
            connection=connection,
            run_id=fields["run_id"],
            store=fields["store"],
            began=fields["began"],
        )
    except (ValueError, TypeError, KeyError, LongshoreError) as error:
        current.log.warning("the record of an unfinished upload cannot be read: %s", error)
        return None


def _open(path: Path, *, make: bool) -> int | None:
    """Open a file of ours alone for reading and writing; None if it is not there and not to be made."""
    flags = os.O_RDWR | NO_LINK
    if not make:
        try:
            return os.open(path, flags)
        except FileNotFoundError:
            return None
    try:
        return os.open(path, flags | os.O_CREAT, 0o600)
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, flags | os.O_CREAT, 0o600)
