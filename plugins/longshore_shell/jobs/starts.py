"""The start of a job: a watcher that belongs to nobody, and all that it has to be told."""

from __future__ import annotations

import array
import contextlib
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any, Final

from longshore_shell.errors import CommandNotStarted, not_started
from longshore_shell.messages import pack, receive
from longshore_shell.workers import hold, let_go, program

if TYPE_CHECKING:
    from longshore_shell.jobs.folders import JobFolder

_PATIENCE: Final = 60.0
"""Seconds that a watcher may take to say that it has started the command."""


def start(folder: JobFolder, request: dict[str, Any], stdin: int) -> None:
    """Have a job started, once: by a new watcher, unless another one has come first.

    What the watcher is told, secrets too, goes over a socket. The end of this socket tells it that this
    process has died, so it starts nothing that nobody will ask for.

    Args:
        folder: The job's.
        request: What `jobs.watchers` needs.
        stdin: The command's standard input.

    Raises:
        CommandNotStarted: It was not started, and why.
    """
    try:
        folder.make()
    except OSError as error:
        raise _refused(folder, request, "job folder", error.errno or 0) from error
    ours, theirs = socket.socketpair()
    hold(ours)
    try:
        with theirs:
            pid = _spawn(folder.path, theirs.fileno())
        try:
            answer = _ask(ours, request, stdin)
        finally:
            _collect(pid)
    finally:
        let_go(ours)
    if answer is None and not folder.was_started():
        raise CommandNotStarted(
            f"{request['said']['shown']} was not started: its watcher has died, or did not answer within "
            f"{_PATIENCE:g} s",
            command=request["said"]["words"],
            retryable=True,
        )
    if answer is not None and answer[0] == "failed":
        raise _refused(folder, request, *answer[1:])


def _spawn(folder: str, channel: int) -> int:
    return os.posix_spawn(
        sys.executable,
        [sys.executable, "-I", "-S", "-c", program("jobs.watchers"), folder],
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_DUP2, channel, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ],
        setsid=True,  # the watcher forks out of this session, so it never has a terminal
        setsigmask=[],
    )


def _ask(channel: socket.socket, request: dict[str, Any], stdin: int) -> tuple[Any, ...] | None:
    """Hand the request over; return what the watcher says, None when it says nothing."""
    channel.settimeout(_PATIENCE)
    rights = array.array("i", [stdin])
    try:
        channel.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        channel.sendall(pack((request,)))
        return receive(channel)
    except (EOFError, OSError):
        return None


def _collect(pid: int) -> None:
    """Collect the process that forked the watcher; it has ended, unless something went wrong with it."""
    with contextlib.suppress(ChildProcessError):  # somebody else's os.wait() took it
        if os.waitpid(pid, os.WNOHANG)[0] == 0:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _refused(folder: JobFolder, request: dict[str, Any], stage: str, number: int) -> CommandNotStarted:
    said = request["said"]
    if stage in ("folder", "start"):
        return not_started(said["shown"], said["words"], said["program"], said["folder"], stage, number)
    where = folder.path if stage == "job folder" else request["output_file"]
    return CommandNotStarted(
        f"{said['shown']} was not started: cannot write the {stage} {where!r}: {os.strerror(number)}",
        command=said["words"],
    )
