"""What lies in a job's folder, written so that a kill at any moment leaves each file whole or absent.

| file | what it is | written |
|---|---|---|
| `lock` | locked by the job's watcher as long as that lives | before the start |
| `control` | a pipe on which the watcher is told to stop | before the start |
| `start` | that the command may have been started: by whom, in which boot, on which host | before the start |
| `process` | the command's process | after the start |
| `script` | the script, unless there is a secret in it | before the start; removed at the end |
| `log` | what the command writes, secrets masked | as it comes |
| `progress` | its last line of progress | as it comes |
| `outputs` | what it hands back; it writes that itself | by the command |
| `end` | how it ended | when nothing of it is left |

Imported by watchers too, so it imports little. Linux only.
"""

from __future__ import annotations

import json
import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LOCK = "lock"
CONTROL = "control"
START = "start"
PROCESS = "process"
SCRIPT = "script"
LOG = "log"
PROGRESS = "progress"
OUTPUTS = "outputs"
END = "end"

_FLOCK = struct.Struct("hhqqi")
"""The kernel's `struct flock`: type, whence, start, length, process."""


def write_record(folder: str, name: str, record: dict[str, Any], *, durable: bool = False) -> None:
    """Write a record beside its place and move it there.

    Args:
        folder: The job's folder.
        name: Of the file.
        record: JSON.
        durable: Whether it has to survive a loss of power from now on.
    """
    write_file(folder, name, json.dumps(record).encode(), durable=durable)


def write_file(folder: str, name: str, data: bytes, *, durable: bool = False) -> None:
    """Write bytes beside their place and move them there, as `write_record` does."""
    beside = f"{folder}/.{name}.{os.getpid()}"
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        if durable:
            os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(beside, f"{folder}/{name}")  # noqa: PTH104 - pathlib costs the start of a watcher 10 ms
    if durable:
        sync_folder(folder)


def sync_folder(folder: str) -> None:
    """Have the names in a folder survive a loss of power."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def read_record(folder: str, name: str) -> dict[str, Any] | None:
    """Return a record; None when there is none."""
    try:
        with open(f"{folder}/{name}", "rb") as file:  # noqa: PTH123
            record: dict[str, Any] = json.loads(file.read())
    except FileNotFoundError:
        return None
    return record


def exists(folder: str, name: str) -> bool:
    return os.path.exists(f"{folder}/{name}")  # noqa: PTH110


class Lock:
    """A job's lock: whoever has it is the job's watcher, or settles what a dead one left.

    It belongs to one opening of its file and ends with the process that opened it, by whatever that ends. A
    child that was forked and has not become another program yet keeps it too, so when it is free, every
    process of the command shows as what it is.
    """

    def __init__(self, folder: str) -> None:
        self._fd = os.open(f"{folder}/{LOCK}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def take(self) -> bool:
        """Take it, or return False when somebody else has it."""
        import fcntl  # not on Windows, where this package is imported too

        try:
            fcntl.fcntl(self._fd, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
        except (BlockingIOError, PermissionError):
            return False
        return True

    def close(self) -> None:
        """Give it back."""
        os.close(self._fd)


def is_locked(folder: str) -> bool:
    """Tell whether somebody has a job's lock, without taking it."""
    import fcntl

    try:
        fd = os.open(f"{folder}/{LOCK}", os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        answer = fcntl.fcntl(fd, fcntl.F_OFD_GETLK, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
    finally:
        os.close(fd)
    kind: int = _FLOCK.unpack(answer)[0]
    return kind != fcntl.F_UNLCK


def boot_id() -> str:
    """Return the id of the machine's present boot."""
    with open("/proc/sys/kernel/random/boot_id", "rb") as file:  # noqa: PTH123
        return file.read().strip().decode()


def start_ticks(pid: int) -> int | None:
    """Return when a process was started, which tells it from a later one of its id; None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            return int(file.read().rpartition(b") ")[2].split()[19])
    except OSError:
        return None
