# ruff: noqa: N818 - named for what happened, as the core's own TaskFailed is
"""The errors of commands.

CommandFailed                         the command ran, and ended badly
CommandNotStarted (OSError)           it could not be started
└── CommandNotFound (FileNotFoundError)   the program, or the folder it was to run in, is not there
CommandInputError (ValueError)        an input that cannot be handed to a command as it is
"""

from __future__ import annotations

import errno
import os
import signal
from typing import TYPE_CHECKING, Final

from longshore import LongshoreError, Outputs

if TYPE_CHECKING:
    from collections.abc import Sequence

SHORTAGES: Final = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ETXTBSY)
"""What a system that is short of something says; later it may not be."""


class CommandFailed(LongshoreError):
    """A command ended with an exit code that is not success, by a signal, or was stopped.

    Attributes:
        command: The argument vector, secrets masked.
        exit_code: Its exit code; None when a signal ended it.
        signal: The name of the signal that ended it, such as `SIGKILL`; None when it exited.
        duration: Seconds that it ran.
        stdout_tail: The end of its standard output, secrets masked.
        stderr_tail: The end of its standard error, secrets masked.
        outputs: What it had handed back before.
    """

    def __init__(
        self,
        message: str,
        *,
        command: Sequence[str] = (),
        exit_code: int | None = None,
        signal: str | None = None,
        duration: float = 0.0,
        stdout_tail: str = "",
        stderr_tail: str = "",
        outputs: Outputs | None = None,
        retryable: bool = True,
    ) -> None:
        super().__init__(message)
        self.command = tuple(command)
        self.exit_code = exit_code
        self.signal = signal
        self.duration = duration
        self.stdout_tail = stdout_tail
        self.stderr_tail = stderr_tail
        self.outputs = Outputs() if outputs is None else outputs
        self.retryable = retryable


class CommandNotStarted(LongshoreError, OSError):
    """A command could not be started; it is retried only where the system was short of something."""

    def __init__(self, message: str, *, command: Sequence[str] = (), retryable: bool = False) -> None:
        super().__init__(message)
        self.command = tuple(command)
        self.retryable = retryable


class CommandNotFound(CommandNotStarted, FileNotFoundError):
    """A program, or the folder that it should run in, is not there."""


class CommandInputError(LongshoreError, ValueError):
    """An input cannot be handed over as it is: a NUL, a secret as an argument, an option by accident."""

    retryable = False


def signal_name(number: int) -> str:
    """Return a signal's name: `SIGTERM`, `SIGRTMIN+3`, or its number where it has none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        first, last = getattr(signal, "SIGRTMIN", 0), getattr(signal, "SIGRTMAX", 0)
        return f"SIGRTMIN+{number - first}" if first < number <= last else f"signal {number}"


def not_started(
    shown: str, words: Sequence[str], program: str, folder: str, stage: str, number: int
) -> CommandNotStarted:
    """Return the error for a command that the system would not start.

    Args:
        shown: The command as messages show it.
        words: Its argument vector, secrets masked.
        program: The path of what was to be started.
        folder: Where it was to run.
        stage: What failed: `folder`, or `start`.
        number: The system's error number.
    """
    reason = os.strerror(number)
    if stage == "folder":
        kind = CommandNotFound if number == errno.ENOENT else CommandNotStarted
        return kind(f"cannot run {shown} in {folder!r}: {reason}", command=words)
    remedy = {
        errno.ENOENT: "; the interpreter that its first line names is not there",
        errno.ENOEXEC: "; it is no program for this system, or its first line is not like '#!/bin/sh'",
        errno.EACCES: f"; run: chmod +x {program}",
        errno.E2BIG: "; the arguments and environment are too long, give data by stdin= or in a file",
        errno.EAGAIN: "; no process is left for this user (ulimit -u)",
    }.get(number, "")
    text = f"cannot start {shown} ({program!r}): {reason}{remedy}"
    return CommandNotStarted(text, command=words, retryable=number in SHORTAGES)
