"""Commands that are hard to end, and a look at what of them is alive."""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path

TREES = {
    "sleep": "sleep 300",
    "busy loop": "while :; do :; done",
    "TERM and INT ignored": "trap '' TERM INT HUP; while :; do sleep 1; done",
    "own session": "setsid -f sleep 300; "
    "setsid -f bash -c \"trap '' TERM; while :; do sleep 1; done\"; sleep 300",
    "double fork": "( ( sleep 300 & ) & ); (trap '' TERM; sleep 300 & sleep 300 &); sleep 300",
    "stopped": "sleep 300 & kill -STOP $!; kill -STOP $$; sleep 300",
}
"""Scripts for bash, none of which ends by itself."""
MARK = "LONGSHORE_TEST_MARK"


def new_mark() -> str:
    """Return a value for the variable MARK that no other process has."""
    return uuid.uuid4().hex


def alive(mark: str) -> dict[int, str]:
    """The processes with this mark in their environment that have not ended, with their command lines."""
    found: dict[int, str] = {}
    wanted = f"{MARK}={mark}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (folder / "environ").read_bytes() and int(folder.name) != os.getpid():
                state = (folder / "stat").read_text().rpartition(") ")[2][0]
                if state not in "ZX":
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
    return found


def wait_until_gone(mark: str, seconds: float) -> dict[int, str]:
    """Wait for the end of all processes with a mark; return those that are left."""
    until = time.monotonic() + seconds
    while (left := alive(mark)) and time.monotonic() < until:
        time.sleep(0.05)
    return left


def wait_until_there(mark: str, count: int, seconds: float = 15.0) -> None:
    """Wait for so many processes with a mark."""
    until = time.monotonic() + seconds
    while len(alive(mark)) < count:
        assert time.monotonic() < until, f"{len(alive(mark))} of {count} processes came up"
        time.sleep(0.05)
