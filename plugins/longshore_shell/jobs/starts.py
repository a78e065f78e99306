"""The start of a job: a watcher that belongs to nobody, and all that it has to be told."""

from __future__ import annotations

import array
import contextlib
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any, Final

from longshore_shell.errors import SHORTAGES, CommandNotStarted, not_started
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
    stage = "job folder"
    try:
        folder.make()
        stage = "watcher"
        answer = _ask_new_watcher(folder.path, request, stdin)
    except OSError as error:
        raise _refused(folder, request, stage, error.errno or 0) from error
    if answer is None and not folder.was_started():
        raise CommandNotStarted(
            f"{request['said']['shown']} was not started: its watcher has died, or did not answer within "
            f"{_PATIENCE:g} s",
            command=request["said"]["words"],
            retryable=True,
        )
    if answer is not None and answer[0] == "failed":
        raise _refused(folder, request, *answer[1:])


def _ask_new_watcher(folder: str, request: dict[str, Any], stdin: int) -> tuple[Any, ...] | None:
    ours, theirs = socket.socketpair()
    hold(ours)
    try:
        with theirs:
            pid = _spawn(folder, theirs.fileno())
        try:
            return _ask(ours, request, stdin)
        finally:
            _collect(pid)
    finally:
        let_go(ours)


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
    said, reason = request["said"], os.strerror(number)
    if stage == "folder":
        return not_started(said["shown"], said["words"], said["program"], said["folder"], stage, number)
    what = {
        "watcher": f"start its watcher with {sys.executable!r}",
        "job folder": f"write the job folder {folder.path!r}",
        "output file": f"write the output file {request['output_file']!r}",
    }[stage]
    text = f"{said['shown']} was not started: cannot {what}: {reason}"
    return CommandNotStarted(text, command=said["words"], retryable=number in SHORTAGES)
