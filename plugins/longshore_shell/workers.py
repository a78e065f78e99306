"""The worker's side of the supervisor: one for each process, started when first needed, anew after a fork."""

from __future__ import annotations

import array
import atexit
import contextlib
import itertools
import os
import shutil
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from longshore import current
from longshore_shell.errors import CommandNotStarted

if TYPE_CHECKING:
    from collections.abc import Generator

_PATIENCE_AT_EXIT: Final = 5.0
"""Seconds that a worker which ends waits for its commands' leftovers; more than the supervisor's grace."""


_DESCRIPTORS: Final = 5
"""Descriptors of one running command: two pipes, a socket, its input and its output file."""
_RESERVE: Final = 48
_MOST_SLOTS: Final = 10_000


def program(module: str) -> str:
    """Return the text by which a bare interpreter runs `main()` of a module of this package."""
    return f"""
import sys
package = type(sys)("longshore_shell")  # the package without its __init__, which would import Longshore
package.__path__ = [{str(Path(__file__).parent)!r}]
sys.modules["longshore_shell"] = package
from longshore_shell.{module} import main
main()
"""


class Folder:
    """A private folder for the scripts and outputs files of one process's commands."""

    def __init__(self) -> None:
        self.path = tempfile.mkdtemp(prefix="longshore-")
        Path(self.path).chmod(0o700)  # whatever the umask
        self._numbers = itertools.count(1)

    def new_file(self, ending: str, content: bytes, mode: int) -> str:
        """Write a file that is ours alone, and return its path."""
        path = f"{self.path}/{next(self._numbers)}{ending}"
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(fd, mode)
            view = memoryview(content)
            while view:
                view = view[os.write(fd, view) :]
        finally:
            os.close(fd)
        return path


class Supervisor:
    """The supervisor process and the socket to it."""

    def __init__(self, folder: Folder) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.pid = os.posix_spawn(
                sys.executable,
                [sys.executable, "-I", "-S", "-c", program("supervisor"), str(os.getpid()), folder.path],
                os.environ,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, theirs.fileno(), 0),
                    (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                ],
                setsid=True,  # a terminal's Ctrl-C is the worker's to answer
                setsigmask=[],
            )
        self.requests = ours

    def ask(self, descriptors: list[int]) -> None:
        """Hand over one request's control socket and standard streams."""
        rights = array.array("i", descriptors)
        self.requests.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])

    def end(self, patience: float) -> None:
        """Close the socket, which ends every tree, and wait for the supervisor."""
        self.requests.close()
        until = time.monotonic() + patience
        pause = 0.001
        while not self.has_ended() and time.monotonic() < until:
            time.sleep(pause)
            pause = min(2 * pause, 0.05)

    def has_ended(self) -> bool:
        """Whether the process is gone, and collect it."""
        try:
            return os.waitpid(self.pid, os.WNOHANG)[0] != 0
        except ChildProcessError:  # somebody else's os.wait() took it
            return True


class _Worker:
    """What this process has: its folder and, on Linux, its supervisor."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.lock = threading.RLock()
        self.slots: threading.BoundedSemaphore | None = None
        self.folder: Folder | None = None
        self.supervisor: Supervisor | None = None
        self.sockets: set[socket.socket] = set()
        self.retired: list[
            socket.socket
        ] = []  # to killed supervisors; open while their keepers may have work

    def forget(self) -> None:
        """After a fork: what the parent has is not ours; our copies would keep it from seeing its end."""
        for held in self.sockets:
            held.close()
        for held in self.retired:
            held.close()
        if self.supervisor is not None:
            self.supervisor.requests.close()
        self.reset()

    def end(self) -> None:
        if self.supervisor is not None:
            self.supervisor.end(_PATIENCE_AT_EXIT)
        if self.folder is not None:
            shutil.rmtree(self.folder.path, ignore_errors=True)


_worker: Final = _Worker()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_worker.forget)
atexit.register(_worker.end)


def lock() -> threading.RLock:  # pyright: ignore[reportGeneralTypeIssues]
    """Return the lock under which commands are started."""
    return _worker.lock


@contextlib.contextmanager
def slot() -> Generator[None]:
    """Wait until there are descriptors enough for one more command.

    Each needs up to `_DESCRIPTORS` while it runs, so with a low limit (`ulimit -n`) many commands at once
    wait for each other instead of failing; a wait ends when the attempt is cancelled.

    Raises:
        CommandNotStarted: The attempt was cancelled meanwhile.
    """
    with _worker.lock:
        slots = _worker.slots = _worker.slots or threading.BoundedSemaphore(_count_slots())
    while not slots.acquire(timeout=0.1):
        if current.cancelled:
            raise CommandNotStarted(
                "the command was not started: it was cancelled while it waited for descriptors"
            )
    try:
        yield
    finally:
        slots.release()


def _count_slots() -> int:
    import resource

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        return _MOST_SLOTS
    try:
        used = len(os.listdir("/dev/fd"))  # noqa: PTH208
    except OSError:
        used = 0
    return max(1, min(_MOST_SLOTS, (limit - used - _RESERVE) // _DESCRIPTORS))


def folder() -> Folder:
    """Return this process's private folder."""
    with _worker.lock:
        return _folder()


def _folder() -> Folder:
    if (
        _worker.folder is None or not os.path.isdir(_worker.folder.path)  # noqa: PTH112 - quicker
    ):  # a cleaner of /tmp may have taken it
        _worker.folder = Folder()
    return _worker.folder


def ask(descriptors: list[int]) -> None:
    """Hand a request to the supervisor, starting one where there is none or it was killed."""
    with _worker.lock:
        supervisor = _worker.supervisor
        if supervisor is None or supervisor.has_ended():
            if supervisor is not None:
                _worker.retired.append(supervisor.requests)
            supervisor = _worker.supervisor = Supervisor(_folder())
        supervisor.ask(descriptors)


def hold(control: socket.socket) -> None:
    """Remember a command's socket, to be closed in a forked child."""
    _worker.sockets.add(control)


def let_go(control: socket.socket) -> None:
    """Close a command's socket."""
    _worker.sockets.discard(control)
    control.close()
