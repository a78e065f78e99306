"""Process trees: who descends from whom, and how to end them all. Linux only; imported by the supervisor."""

from __future__ import annotations

import ctypes
import os
import signal

PR_SET_CHILD_SUBREAPER = 36


def processes() -> dict[int, tuple[int, str]]:
    """Every process that /proc shows: its parent and its name."""
    found: dict[int, tuple[int, str]] = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208 - pathlib costs the start of the supervisor 10 ms
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", "rb") as file:  # noqa: PTH123
                    stat = file.read()
            except OSError:
                continue  # it has ended meanwhile
            name, _, rest = stat.partition(b" (")[2].rpartition(b") ")
            fields = rest.split(b" ", 2)
            if fields[0] not in b"ZX":
                found[int(entry)] = (int(fields[1]), name.decode("utf-8", "backslashreplace"))
    return found


def descendants(root: int, apart: set[int] | None = None) -> dict[int, str]:
    """The living descendants of a process with their names, leaving out the trees that begin in `apart`."""
    seen = processes()
    children: dict[int, list[int]] = {}
    for pid, (parent, _) in seen.items():
        children.setdefault(parent, []).append(pid)
    below: dict[int, str] = {}
    waiting = [root]
    while waiting:
        for pid in children.get(waiting.pop(), ()):
            if not apart or pid not in apart:
                below[pid] = seen[pid][1]
                waiting.append(pid)
    return below


def send_signal(pid: int, number: int) -> None:
    try:  # noqa: SIM105 - contextlib takes 3 ms to import
        os.kill(pid, number)
    except OSError:
        pass  # it has ended, or belongs to somebody else (sudo)


def terminate(root: int) -> None:
    for pid in descendants(root):
        send_signal(pid, signal.SIGTERM)
        send_signal(pid, signal.SIGCONT)  # a stopped process sees no SIGTERM


def kill(root: int, apart: set[int] | None = None) -> None:
    """Stop the whole tree first, so that nothing can fork out of reach, then kill it."""
    stopped: set[int] = set()
    for _ in range(50):
        new = descendants(root, apart).keys() - stopped
        if not new:
            break
        for pid in new:
            send_signal(pid, signal.SIGSTOP)
        stopped |= new
    for pid in stopped:
        send_signal(pid, signal.SIGKILL)


def become_subreaper() -> None:
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Alarm:
    """A descriptor that becomes readable when a child of this process ends."""

    def __init__(self) -> None:
        self.read, self.write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self.write, warn_on_full_buffer=False)

    def clear(self) -> None:
        try:  # noqa: SIM105
            os.read(self.read, 4096)
        except BlockingIOError:
            pass

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        os.close(self.read)
        os.close(self.write)
