"""Steps for the tests of Dask: in a module that workers import."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from longshore import Flow, Task, current, task
from longshore_dask import DaskExecutor
from longshore_shell import Shell


def note(place: str, text: str) -> None:
    """Append a line to a file."""
    with Path(place).open("a") as file:
        file.write(f"{text}\n")


def lines(place: str | Path) -> list[str]:
    """The lines of a file, none when there is no file."""
    return Path(place).read_text().split("\n")[:-1] if Path(place).exists() else []


def wait_for(holds: Any, seconds: float = 30.0) -> None:
    """Wait until something holds."""
    give_up = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < give_up, "it did not come to hold"
        time.sleep(0.02)


@task
def dies_once(place: str, way: str) -> str:
    """End the worker's process, the first time."""
    note(place, f"began {current.attempt}")
    if len(lines(place)) > 1:
        return "done"
    current.log.info("the last words before it dies %s", way)
    if way == "exit":
        os._exit(7)
    if way == "segfault":
        import ctypes

        ctypes.string_at(0)
    os.kill(os.getpid(), signal.SIGKILL)
    return "never"


@task
def hold(place: str, seconds: float = 60.0) -> str:
    """Stay until told to stop, and say so."""
    stop = threading.Event()
    note(place, f"began {os.getpid()}")
    with current.on_cancel(stop.set):
        if stop.wait(0.2 if Path(f"{place}.short").exists() else seconds):
            note(place, f"stopped: {current.cancel_reason}")
            raise InterruptedError(current.cancel_reason)
    return "held"


@task
def large(place: str, size: int) -> bytes:
    """Return much, and say where that was made."""
    note(place, str(os.getpid()))
    return os.urandom(size)


@task
def grow(data: bytes) -> bytes:
    """Return as much again."""
    return bytes(data)


@task
def size_of(data: bytes) -> int:
    """Return how much it is."""
    return len(data)


@task
def stamp(n: int, follows: Any = None) -> tuple[float, float]:
    """Return when it was called, and when what it follows was."""
    return time.time(), follows[0] if follows is not None else 0.0


@task
def where() -> str:
    """Return the name of the worker."""
    from distributed import get_worker

    return str(get_worker().name)


@task
def nap(seconds: float) -> int:
    """Sleep."""
    time.sleep(seconds)
    return os.getpid()


class Poison(Task[None]):
    """Kills each worker that it comes to."""

    def run(self, place: str) -> None:
        """Say so, and do it."""
        note(place, "killed one")
        os.kill(os.getpid(), signal.SIGKILL)


class Assassin(Task[int]):
    """Kills the worker whose process id is the last line of a file, and waits until another is there."""

    def run(self, place: str) -> int:
        """Do it, from a worker that is another one."""
        victim = int(lines(place)[-1])
        with suppress(ProcessLookupError):  # it was this worker, and this is another one
            os.kill(victim, signal.SIGKILL)
        time.sleep(0.5)
        return victim


@task
def keeps_a_child(place: str) -> str:
    """Run a command of a minute, and write its process id down."""
    if Path(f"{place}.short").exists():
        return "short"
    return str(Shell(f"echo $$ > {place}.child; echo began >> {place}; sleep 60")())


def flow_that_holds(place: str) -> Flow:
    """Return a flow of a step that stays and one that has a child that stays."""
    with Flow("holding") as flow:
        hold(place)
        keeps_a_child(place)
    return flow


@task
def runs_a_flow(address: str, n: int) -> list[int]:
    """Run a flow on the cluster that this step runs on."""
    with Flow("inner") as inner:
        same.map([n, n])
    with DaskExecutor(address) as executor:
        result: list[int] = inner.run(executor=executor).results["same"]
        return result


@task
def same(n: int) -> int:
    """Return what it is given."""
    return n


@task
def text_of(place: str) -> str:
    """Return what is in a file."""
    return Path(place).read_text()
