"""What is left of a command whose watcher was killed: found without a parent to ask, and ended."""

from __future__ import annotations

import os
import signal
import time
from typing import Final

from longshore_shell.jobs.records import start_ticks
from longshore_shell.trees import processes, send_signal

_PATIENCE: Final = 5.0
"""Seconds of SIGKILL after which what is left is given up."""
_STEP: Final = 0.02


def end_remains(outputs: str, leader: tuple[int, int] | None) -> dict[int, str]:
    """End every process of a job; return what would not die.

    They are known by the path of the outputs file in their environment, by their session as long as its
    leader lives, and by descending from one of these. One that has left all three is not found.

    Args:
        outputs: The path of the job's outputs file.
        leader: The command's process and when it was started, if that is known.
    """
    until = time.monotonic() + _PATIENCE
    while left := _find(outputs, leader):
        if time.monotonic() > until:
            break
        for number in (signal.SIGSTOP, signal.SIGKILL):  # none can fork out of reach meanwhile
            for pid in left:
                send_signal(pid, number)
        time.sleep(_STEP)
    return left


def _find(outputs: str, leader: tuple[int, int] | None) -> dict[int, str]:
    seen = processes()
    leads = leader is not None and start_ticks(leader[0]) == leader[1]
    found = {
        pid
        for pid in seen
        if _has_outputs(pid, outputs) or (leads and leader is not None and _session(pid) == leader[0])
    }
    grown = found
    while grown:
        grown = {pid for pid, (parent, _) in seen.items() if parent in grown} - found
        found |= grown
    return {pid: seen[pid][1] for pid in sorted(found - {os.getpid()})}


def _has_outputs(pid: int, outputs: str) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123
            return b"LONGSHORE_OUTPUTS=" + os.fsencode(outputs) in file.read().split(b"\0")
    except OSError:
        return False  # it has ended, or belongs to somebody else


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return 0
