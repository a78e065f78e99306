"""Calls with a deadline, made in another thread.

Python cannot stop a thread. A call that is still running at its deadline is left behind in a daemon thread,
which ends when the call does, and never keeps the process alive.
"""

from __future__ import annotations

import contextvars
import queue
import threading
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_idle: list[_Thread] = []
_MOST_IDLE = 8


class PendingCall(Generic[T]):
    """A call under way in another thread."""

    __slots__ = ("_context", "_done", "_error", "_function", "_value")

    def __init__(self, function: Callable[[], T]) -> None:
        self._function = function
        self._context = contextvars.copy_context()
        self._done = threading.Event()
        self._error: BaseException | None = None
        self._value: Any = None

    def perform(self) -> None:
        """Make the call, here and now."""
        try:
            self._value = self._context.run(self._function)
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits, whatever it is
            self._error = error
        self._done.set()

    def wait(self, seconds: float | None) -> bool:
        """Wait for the end; return whether it came."""
        return self._done.wait(seconds)

    def result(self) -> T:
        """Return what the call returned, or raise what it raised."""
        if self._error is not None:
            raise self._error
        value: T = self._value
        return value


class _Thread:
    def __init__(self) -> None:
        self.calls: queue.SimpleQueue[PendingCall[Any] | None] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._serve, name="longshore-call", daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while (call := self.calls.get()) is not None:
            call.perform()
            del call
            if len(_idle) >= _MOST_IDLE:
                return
            _idle.append(self)


def start(function: Callable[[], T]) -> PendingCall[T]:
    """Start a call in a thread of its own, in a copy of the caller's context."""
    call = PendingCall(function)
    try:
        thread = _idle.pop()
    except IndexError:
        thread = _Thread()
    if not thread.thread.is_alive():  # the process was forked since
        thread = _Thread()
    thread.calls.put(call)
    return call


def call_within(function: Callable[[], T], seconds: float) -> T:
    """Make a call and wait for it at most so long.

    Raises:
        TimeoutError: The call goes on, in a thread nobody waits for.
    """
    call = start(function)
    if not call.wait(seconds):
        raise TimeoutError(f"not done after {seconds:g} s")
    return call.result()


def ask_within(function: Callable[[], T], seconds: float) -> T:
    """Make a call as `call_within` does; that it wants to end the process is an error like any other.

    Raises:
        TimeoutError: The call goes on, in a thread nobody waits for.
        RuntimeError: It raised SystemExit, or another exception that `except Exception` lets through.
    """
    call = start(function)
    if not call.wait(seconds):
        raise TimeoutError(f"not done after {seconds:g} s")
    try:
        return call.result()
    except Exception:
        raise
    except BaseException as error:
        raise RuntimeError(f"it raised {type(error).__name__}") from error
