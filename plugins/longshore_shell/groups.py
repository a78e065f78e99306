"""A keeper for systems that are not Linux: a thread of the worker, and a process group.

It talks as `keepers` does, and promises less: what leaves the command's session is not found, so it is
neither ended nor reported; and nothing ends a command whose worker dies without a word (SIGKILL, a segfault).
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time

from longshore_shell.keepers import GRACE_OF_THE_DEAD, STRAGGLERS, STUCK
from longshore_shell.messages import ORDER, passed, receive, send

_STEP = 10  # milliseconds between two looks at the command


def ask(descriptors: list[int]) -> None:
    """Start a keeper for one request, with copies of its control socket and standard streams."""
    control, *streams = [os.dup(fd) for fd in descriptors]
    channel = socket.socket(fileno=control)
    threading.Thread(target=lambda: _serve(channel, streams), name="longshore-keeper", daemon=True).start()


def _serve(channel: socket.socket, streams: list[int]) -> None:
    with channel:
        try:
            process = _start(channel, streams)
        finally:
            for fd in streams:
                os.close(fd)
        if process is not None:
            _Group(channel, process).keep()


def _start(channel: socket.socket, streams: list[int]) -> subprocess.Popen[bytes] | None:
    try:
        argv, program, environment, folder, umask = receive(channel)
    except EOFError:
        return None
    try:
        return subprocess.Popen(  # noqa: S603 - what the task was given
            argv,
            executable=program,
            stdin=streams[0],
            stdout=streams[1],
            stderr=streams[2],
            cwd=folder,
            env=environment,
            umask=umask,
            start_new_session=True,
        )
    except OSError as error:
        send(channel, "failed", "folder" if error.filename == folder else "start", error.errno)
        return None


class _Group:
    """A command and what is left of its process group."""

    def __init__(self, channel: socket.socket, process: subprocess.Popen[bytes]) -> None:
        self._channel = channel
        self._process = process
        self._drains: list[int] = []
        self._ended = False
        self._name_at = 0.0
        self._stop_at: float | None = None
        self._poll = select.poll()
        self._poll.register(channel, select.POLLIN)

    def keep(self) -> None:
        """Serve the command until nothing of its group is left."""
        while True:
            self._reap()
            if self._ended and not self._alive():
                break
            if self._name_at and time.monotonic() >= self._name_at:
                send(self._channel, "left", [(self._process.pid, "process group")])
                self._name_at = 0.0
            for fd, _ in self._poll.poll(_STEP):
                self._drain(fd) if fd in self._drains else self._obey()
            if self._stop_at is not None and time.monotonic() >= self._stop_at:
                self._signal(signal.SIGKILL)
                if time.monotonic() > self._stop_at + STUCK:
                    send(self._channel, "stuck", [(self._process.pid, "process group")])
                    break
        send(self._channel, "gone")

    def _reap(self) -> None:
        if self._ended:
            return
        pid, status, usage = os.wait4(self._process.pid, os.WNOHANG)
        if pid == 0:
            return
        self._ended = True
        self._process.returncode = os.waitstatus_to_exitcode(status)
        unit = 1 if sys.platform == "darwin" else 1024
        left = self._alive()
        self._name_at = time.monotonic() + STRAGGLERS
        send(self._channel, "ended", status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit, left)

    def _alive(self) -> bool:
        try:
            os.killpg(self._process.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:  # macOS, for a group of zombies
            return not self._ended
        return True

    def _signal(self, number: int) -> None:
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, number)

    def _obey(self) -> None:
        try:
            data, ancillary = self._channel.recvmsg(ORDER.size, socket.CMSG_SPACE(8))[:2]
        except OSError:
            data, ancillary = b"", []
        order, grace = ORDER.unpack(data) if len(data) == ORDER.size else (b"S", GRACE_OF_THE_DEAD)
        if order == b"R" or not data:
            self._poll.unregister(self._channel)
        if order == b"R":
            self._drains = passed(ancillary)
            for fd in self._drains:
                self._poll.register(fd, select.POLLIN)
            return
        if self._stop_at is None:
            self._signal(signal.SIGTERM)
            self._signal(signal.SIGCONT)
        due = time.monotonic() + grace
        self._stop_at = due if self._stop_at is None else min(self._stop_at, due)

    def _drain(self, fd: int) -> None:
        if not os.read(fd, 65536):
            self._poll.unregister(fd)
            self._drains.remove(fd)
            os.close(fd)
