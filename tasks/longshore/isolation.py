"""Runs the code of plugins apart: it may raise, exit, hang or flood the terminal, and the others still load.

Each call runs in a thread of its own, one after the other. One that ends in time costs the rest nothing.
One that hangs is set aside and the next begins; all that were set aside get no more than the timeout
together, then they are given up (Python cannot stop a thread) and named. Of what a plugin writes meanwhile,
the first 4,096 characters go to standard error, so that the standard output of a command stays its own; the
rest is only counted. What C code or a child process writes to the descriptors themselves is not seen here.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

T = TypeVar("T")

OUTPUT_LIMIT: Final = 4096  # characters of one call
_calls_lock = threading.Lock()


def _after_fork() -> None:
    """Replace a lock that another thread may have held while the process was forked."""
    global _calls_lock
    _calls_lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Late(Exception):  # noqa: N818 - an outcome that the host words
    """The call was not done in time."""


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """What a call returned or raised, and how many characters it wrote."""

    value: T | None = None
    error: BaseException | None = None
    written: int = 0


class _Call(threading.Thread, Generic[T]):
    def __init__(self, name: str, work: Callable[[], T]) -> None:
        super().__init__(name=f"longshore plugin {name}", daemon=True)
        self._work = work
        self._value: T | None = None
        self._error: BaseException | None = None
        self.written = 0

    def run(self) -> None:
        try:
            self._value = self._work()
        except BaseException as error:  # noqa: BLE001 - SystemExit too: a plugin may not end the program
            self._error = error

    def outcome(self) -> Outcome[T]:
        if self.is_alive():
            return Outcome(error=Late(), written=self.written)
        return Outcome(self._value, self._error, self.written)


class _Stream:
    """Stands for a standard stream: passes on what the program writes, and some of what plugins do."""

    def __init__(self, stream: Any, plugins_stream: Any) -> None:
        self._stream = stream
        self._plugins_stream = plugins_stream

    def write(self, text: str) -> int:
        call = threading.current_thread()
        if not isinstance(call, _Call):
            return int(self._stream.write(text))
        room = OUTPUT_LIMIT - call.written
        call.written += len(text)
        if room > 0 and self._plugins_stream is not None:
            self._plugins_stream.write(text[:room])
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def inside_a_call() -> bool:
    """Tell whether this is the code of a plugin that `run_each` runs."""
    return isinstance(threading.current_thread(), _Call)


def run_each(calls: Mapping[str, Callable[[], T]], timeout: float) -> dict[str, Outcome[T]]:
    """Run the calls one after the other and return all outcomes.

    Args:
        calls: What to run, by the plugin's name.
        timeout: Seconds that those which hang may take together.
    """
    if inside_a_call():
        return {name: _here(work) for name, work in calls.items()}
    with _calls_lock:
        threads = {name: _Call(name, work) for name, work in calls.items()}
        streams = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = (_limited(stream, sys.stderr) for stream in streams)
        try:
            _wait_for(list(threads.values()), timeout)
        finally:
            # A call that was given up may go on writing, so it stays limited.
            if not any(thread.is_alive() for thread in threads.values()):
                sys.stdout, sys.stderr = streams
        outcomes = {name: thread.outcome() for name, thread in threads.items()}
    for outcome in outcomes.values():
        if isinstance(outcome.error, KeyboardInterrupt):
            raise outcome.error
    return outcomes


def _here(work: Callable[[], T]) -> Outcome[T]:
    try:
        return Outcome(work())
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - as in a thread of its own
        return Outcome(error=error)


def _limited(stream: Any, plugins_stream: Any) -> Any:
    return stream if stream is None or isinstance(stream, _Stream) else _Stream(stream, plugins_stream)


def _wait_for(threads: list[_Call[Any]], timeout: float) -> None:
    patience = timeout
    aside: list[_Call[Any]] = []
    for thread in threads:
        thread.start()
        started = time.monotonic()
        thread.join(patience / 4)
        if thread.is_alive():
            aside.append(thread)
            patience -= time.monotonic() - started
    deadline = time.monotonic() + patience
    for thread in aside:
        thread.join(max(0.0, deadline - time.monotonic()))
