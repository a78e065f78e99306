"""The steps of `ExecutorContract`: in a module of their own, so that workers find them."""

from __future__ import annotations

import logging
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from longshore.context import current
from longshore.errors import Retry, Skip
from longshore.executors import ThreadExecutor
from longshore.fanouts import flatten, unmapped
from longshore.flows import Flow
from longshore.functions import task
from longshore.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from longshore.handlers import Subject
    from longshore.states import State

__all__ = ["Secret", "flatten", "unmapped"]


def wait_for(holds: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until something holds."""
    give_up = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > give_up:
            raise TimeoutError("it did not come to hold")
        time.sleep(0.02)


@task
def double(n: int) -> int:
    return 2 * n


@task
def total(numbers: Sequence[int | None]) -> int:
    return sum(n or 0 for n in numbers)


@task
def count(numbers: list[Any]) -> int:
    return len(numbers)


@task
def odd_ones_fail(n: int) -> int:
    if n == 4:
        raise Skip("four is left out")
    if n % 2:
        raise ValueError(f"{n} is odd")
    return n


@task
def all_but(n: int, failing: tuple[int, ...], skipped: tuple[int, ...]) -> int:
    if n in skipped:
        raise Skip
    if n in failing:
        raise ValueError(n)
    return n


@task(retries=2, retry_delay=0.0)
def behave(how: str, before: list[Any]) -> str:
    """End in one of the ways in which steps end."""
    if how == "fail":
        raise ValueError("as told")
    if how == "skip":
        raise Skip("as told")
    if how == "retry":
        raise Retry("again", after=0.001)
    if how == "flaky" and current.attempt < 2:
        raise ConnectionError("once")
    return how


@task
def row(n: int) -> list[int]:
    return [10 * n + m for m in range(5)]


@task
def leave_a_line(place: str, text: str) -> None:
    with Path(place).open("a") as file:
        file.write(f"{text}\n")


@task
def oddly_named(
    key: int,
    retries: int,
    priority: int,
    workers: int,
    pure: int,
    fn: int,
    args: int,
    kwargs: int,
) -> int:
    return key + retries + priority + workers + pure + fn + args + kwargs


@task
def items() -> list[Any]:
    return [1, 2, 3]


@task
def append_to(values: list[Any]) -> list[Any]:
    values.append("more")
    return values


@task
def large(size: int) -> dict[str, Any]:
    return {"name": "large", "data": bytes(size), "parts": [bytes(size // 3) for _ in range(3)]}


@task
def length(data: bytes) -> int:
    return len(data)


@task
def lengths(parts: list[bytes]) -> list[int]:
    return [len(part) for part in parts]


class OddError(Exception):
    """What `raises` raises."""


@task
def raises() -> int:
    raise OddError("it is odd", 7)


@task(retries=2, retry_delay=0.2)
def third_time(place: str) -> int:
    with Path(place).open("a") as file:
        file.write(f"{time.time()}\n")
    if current.attempt < 3:
        raise ConnectionError("not yet")
    return current.attempt


@task
def sleeper(seconds: float, place: str) -> int:
    """Sleep until told to stop, and say so at a place."""
    stop = threading.Event()
    if place and Path(f"{place}.short").exists():
        return 1
    with current.on_cancel(stop.set):
        if place:
            Path(f"{place}.began").touch()
        stopped = stop.wait(seconds)
    if place:
        Path(f"{place}.ended").write_text(current.cancel_reason)
    if stopped:
        raise InterruptedError(current.cancel_reason)
    return 1


class LockError(Exception):
    """An error that cannot be pickled."""

    def __init__(self) -> None:
        super().__init__("held by nobody")
        self.lock = threading.Lock()


@task
def opens_a_lock() -> Any:
    return threading.Lock()


@task
def raises_with_a_lock() -> None:
    raise LockError


@task
def takes(value: Any) -> None:
    """Take anything."""


@task
def dies() -> None:
    time.sleep(0.2)
    os._exit(3)


class Noted:
    """A state handler that writes the names of states down.

    Args:
        place: Where.
    """

    def __init__(self, place: str) -> None:
        self._place = place

    def __call__(self, subject: Subject, old: State, new: State, /) -> None:
        with Path(self._place).open("a") as file:
            file.write(f"{type(new).__name__}\n")


def refuses(subject: Subject, old: State, new: State, /) -> None:
    """Raise, as a state handler that decides."""
    raise PermissionError("not today")


@task
def tells(name: str) -> None:
    for n in range(20):
        current.log.info("%s says %s", name, n)


@task
def tells_a_secret(token: Secret) -> None:
    value = token.get()
    current.log.info("opened with %s", value)
    logging.getLogger("longshore.task").info("or %s", value.encode())
    raise ValueError(f"cannot open with {value}")


@task
def counts_others(place: str, number: int) -> int:
    """Return how many are inside together."""
    mine = Path(place) / str(number)
    mine.touch()
    time.sleep(0.05)
    inside = len(list(Path(place).iterdir()))
    mine.unlink()
    return inside


@task
def waits_for_others(place: str, number: int) -> None:
    (Path(place) / str(number)).touch()
    wait_for(lambda: len(list(Path(place).iterdir())) >= 2)


@task
def runs_a_flow(n: int) -> Any:
    with Flow("inner") as inner:
        double(n)
    return inner.run(executor=ThreadExecutor(2)).results["double"]


@task
def keep_if_there(value: Any, place: str) -> Any:
    if not Path(place).exists():
        raise FileNotFoundError(place)
    return value
