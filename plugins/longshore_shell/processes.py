"""One running command, from the worker's side: start it, read what it writes, stop its tree."""

from __future__ import annotations

import array
import contextlib
import os
import select
import socket
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from longshore_shell import groups, workers
from longshore_shell.messages import ORDER, pack, unpack

if TYPE_CHECKING:
    from longshore_shell.output import Stream

SUPERVISED: Final = sys.platform == "linux"
"""Whether commands have a supervisor; elsewhere a thread and a process group do what they can."""
_READ_SIZE: Final = 256 * 1024
_READS: Final = 16
"""How often one stream is read before the other has its turn."""
_FITS_A_SOCKET: Final = 64 * 1024
_WIDE_PIPE: Final = 1024 * 1024
_SET_PIPE_SIZE: Final = 1031


@dataclass(frozen=True, slots=True)
class Request:
    """All that the supervisor needs to start a command."""

    argv: tuple[bytes, ...]
    program: str
    environment: dict[bytes, bytes]
    folder: str
    umask: int


@dataclass(frozen=True, slots=True)
class End:
    """How a command ended.

    Attributes:
        exit_code: None when a signal ended it.
        signal: The number of that signal.
        cpu_seconds: Of it and the children it waited for.
        peak_memory: Bytes, of the largest of these processes.
    """

    exit_code: int | None
    signal: int | None
    cpu_seconds: float
    peak_memory: int


class StartError(Exception):
    """The command could not be started: at which stage, and the system's error number."""

    def __init__(self, stage: str, number: int) -> None:
        super().__init__(stage, number)
        self.stage = stage
        self.number = number


class LostError(Exception):
    """The process that watched the command is gone."""


class Process:
    """A command and all that descends from it."""

    def __init__(
        self, request: Request, stdin: int, out: Stream, err: Stream, *, supervised: bool = SUPERVISED
    ) -> None:
        self._ask = workers.ask if supervised else groups.ask
        self.end: End | None = None
        self.gone = threading.Event()  # nothing of the tree is left, or nobody could end it
        self.survivors: dict[int, str] = {}
        self._left: dict[int, str] = {}
        self._empty = False  # nothing of the tree is left
        self._stopping = False
        self._discarding = False
        self._streams: dict[int, Stream] = {}
        self._wide: set[int] = set()
        self._buffer = bytearray()
        self._poll = select.poll()
        with workers.lock():  # the descriptors that a start needs for a moment are counted once
            self._control = self._launch(request, stdin, (out, err))

    def _launch(self, request: Request, stdin: int, streams: tuple[Stream, Stream]) -> socket.socket:
        ours, theirs = socket.socketpair()
        workers.hold(ours)
        passed = [theirs.fileno(), stdin]
        try:
            for stream in streams:
                read, write = os.pipe()
                passed.append(write)
                os.set_blocking(read, False)
                self._streams[read] = stream
                self._poll.register(read, select.POLLIN)
            self._poll.register(ours, select.POLLIN)
            data = pack((request.argv, request.program, request.environment, request.folder, request.umask))
            if len(data) <= _FITS_A_SOCKET:
                ours.sendall(data)  # before it is asked for, so that the keeper is woken once
                self._ask(passed)
            else:
                self._ask(passed)
                with contextlib.suppress(OSError):  # it was refused; the answer says why
                    ours.sendall(data)
        except BaseException:
            for fd in self._streams:
                os.close(fd)
            workers.let_go(ours)
            raise
        finally:
            theirs.close()
            for fd in passed[2:]:
                os.close(fd)
        return ours

    def pump(self) -> None:
        """Read both streams until the command has ended and nothing of it is left, or only what may stay.

        Raises:
            StartError: It could not be started.
            LostError: The process that watched it was killed.
        """
        while True:
            for fd, _ in self._poll.poll(self._until_next_look()):
                if fd in self._streams:
                    self._read(fd)
                else:
                    self._hear()
            now = time.monotonic()
            for stream in self._streams.values():
                if stream.log.due is not None and stream.log.due <= now:
                    stream.log.pass_on(now)
            if self._is_done():
                break
        self._drain()

    def _until_next_look(self) -> float | None:
        looks = [s.log.due for s in self._streams.values() if s.log.due is not None]
        return max(0.0, min(looks) - time.monotonic()) * 1000 + 1 if looks else None

    def _is_done(self) -> bool:
        if self.gone.is_set():
            return True
        return bool(self._left) and not self._stopping

    def _read(self, fd: int) -> None:
        for _ in range(_READS):
            try:
                data = os.read(fd, _READ_SIZE if fd in self._wide else 64 * 1024)
            except BlockingIOError:
                return
            if not data:
                self._close_stream(fd)
                return
            if not self._discarding:
                self._streams[fd].feed(data)
            if len(data) < 32 * 1024:
                return
            if fd not in self._wide:
                self._widen(fd)

    def _widen(self, fd: int) -> None:
        """Give a stream that comes in bulk a larger pipe: fewer turns of writer and reader."""
        self._wide.add(fd)
        import fcntl

        with contextlib.suppress(OSError):  # the user's allowance for pipes is used up
            fcntl.fcntl(fd, _SET_PIPE_SIZE, _WIDE_PIPE)

    def _close_stream(self, fd: int) -> None:
        self._poll.unregister(fd)
        self._streams.pop(fd)
        os.close(fd)

    def _hear(self) -> None:
        try:
            data = self._control.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            self._poll.unregister(self._control)
            self.gone.set()
            if self.end is None:
                raise LostError
        self._buffer += data
        while (message := unpack(self._buffer)) is not None:
            self._understand(*message)

    def _understand(self, kind: str, *values: Any) -> None:
        if kind == "failed":
            self.gone.set()
            raise StartError(*values)
        if kind == "ended":
            status, cpu, memory, left = values
            code = os.waitstatus_to_exitcode(status)
            self.end = End(code if code >= 0 else None, -code if code < 0 else None, cpu, memory)
            if not left:
                self._all_gone()
        elif kind == "left":
            self._left = dict(values[0])
        elif kind == "stuck":
            self.survivors = dict(values[0])
            self.gone.set()
        else:
            self._all_gone()

    def _all_gone(self) -> None:
        self._empty = True
        self.gone.set()

    def _drain(self) -> None:
        """Take what is in the pipes now, and no more: who still holds them may write for ever."""
        import fcntl
        import termios

        for fd, stream in list(self._streams.items()):
            waiting = fcntl.ioctl(fd, termios.FIONREAD, b"\0\0\0\0")
            left = int.from_bytes(waiting, sys.byteorder)
            while left > 0:
                data = os.read(fd, min(left, _READ_SIZE))
                if not data:
                    break
                if not self._discarding:
                    stream.feed(data)
                left -= len(data)

    def stop(self, grace: float) -> None:
        """Ask for the end of the whole tree; `pump()` and `gone` tell when it has come."""
        self._stopping = True
        with contextlib.suppress(OSError):  # it is over already
            self._control.sendall(ORDER.pack(b"S", grace))

    def abandon(self, grace: float) -> None:
        """End the tree and wait for it, without looking at what it still writes."""
        self._discarding = True
        self.stop(grace)
        self.pump()

    @property
    def leftovers(self) -> dict[int, str]:
        """What the command left running, by pid and name."""
        return {} if self._empty else self._left

    def close(self) -> None:
        """Let go of everything. Leftovers stay; what they write is read and forgotten by their keeper."""
        if self.end is not None and not self._empty:
            rights = array.array("i", self._streams)
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if self._streams else []
            with contextlib.suppress(OSError):
                self._control.sendmsg([ORDER.pack(b"R", 0.0)], ancillary)
        for fd in list(self._streams):
            self._close_stream(fd)
        self.gone.set()
        workers.let_go(self._control)
