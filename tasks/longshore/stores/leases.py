"""Leases: who drives a run, and whether that one still lives.

An owner renews its lease every few seconds. It is dead as soon as its process is gone, where that can be
seen, or when it did not renew for `LEASE` seconds: stopped, or cut off. Time is taken from the clock that
counts from the machine's boot and cannot be set, together with the id of that boot, so a wall clock that is
moved makes no lease end early or late. Only a lease of another machine is judged by the wall clock.
"""

from __future__ import annotations

import functools
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from longshore.stores.records import Lease

LEASE: Final = 20.0
"""Seconds that a lease holds without being renewed."""
MARGIN: Final = 10.0
"""Seconds by which the wall clocks of two machines may differ."""

_PROC: Final = Path("/proc")
_STATE, _THREADS, _STARTED = 0, 17, 19
"""Places in /proc/PID/stat after the command's name: fields 3, 20 and 22 of proc(5)."""


@dataclass(frozen=True, slots=True)
class Here:
    """Where and what this process is, in the words of a lease."""

    host: str
    boot: str
    namespace: str
    pid: int
    pid_started: int


class Clock:
    """The clocks of this machine, and who we are on it."""

    def boot_time(self) -> float:
        """Return seconds since the machine's boot, those that it slept included."""
        if sys.platform == "linux":
            return time.clock_gettime(time.CLOCK_BOOTTIME)
        return time.monotonic()

    def wall(self) -> float:
        """Return seconds since 1970 in UTC."""
        return time.time()

    def here(self) -> Here:
        """Return what this process is known by."""
        return _here(os.getpid())


@functools.lru_cache(maxsize=1)  # by process: a forked child is another one
def _here(pid: int) -> Here:
    import platform

    stat = _stat(pid)
    return Here(
        host=platform.node(),
        boot=_text(_PROC / "sys/kernel/random/boot_id"),
        namespace=_link(_PROC / "self/ns/pid"),
        pid=pid,
        pid_started=int(stat[_STARTED]) if stat else 0,
    )


def grant(token: str, clock: Clock) -> Lease:
    """Return a lease of this process that holds from now on."""
    here = clock.here()
    return Lease(
        token=token,
        host=here.host,
        boot=here.boot,
        namespace=here.namespace,
        pid=here.pid,
        pid_started=here.pid_started,
        until=clock.boot_time() + LEASE,
        until_wall=clock.wall() + LEASE,
    )


def lives(lease: Lease, clock: Clock) -> bool:
    """Tell whether a lease still holds."""
    here = clock.here()
    same_host = lease.host == here.host
    if lease.boot and lease.boot == here.boot:
        if lease.namespace and lease.namespace == here.namespace and is_gone(lease.pid, lease.pid_started):
            return False
        return clock.boot_time() < lease.until
    if same_host and lease.boot and here.boot:
        return False  # the machine was started anew since
    if same_host and is_gone(lease.pid, lease.pid_started):
        return False
    return clock.wall() < lease.until_wall + MARGIN


def is_gone(pid: int, started: int) -> bool:
    """Tell whether a process has certainly ended; a zombie has.

    Args:
        pid: Its id.
        started: When it was started, in the system's ticks; 0 where that is not known.
    """
    if sys.platform == "win32":
        return False  # there `kill` ends what it is asked about
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass  # it is there, and somebody else's
    stat = _stat(pid)
    if not stat:
        return False
    if started and int(stat[_STARTED]) != started:
        return True
    # While a killed process has threads that still die, its first one is a zombie already.
    return stat[_STATE] == "X" or (stat[_STATE] == "Z" and int(stat[_THREADS]) <= 1)


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat behind the command's name, which may hold anything."""
    return _text(_PROC / str(pid) / "stat").rpartition(")")[2].split()


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def _link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""
