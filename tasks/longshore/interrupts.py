"""Ctrl-C, SIGTERM and SIGHUP while a flow runs: the first ends it in order, the second at once."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import FrameType

_SIGNALS: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
_ONE_REQUEST: Final = 0.3
"""Seconds within which signals count as one: a terminal and a supervisor may both pass one request on."""


class Interrupts:
    """Whether the run was told to stop, and by what.

    Signal handlers are set in the main thread alone and restored. A signal that the program ignores, as
    under `nohup`, stays ignored.

    Args:
        wake: Called, possibly from a signal handler, when the run is told to stop.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self.wake = wake
        self._previous: dict[int, Any] = {}
        self._in_body = False
        self._since = 0.0
        self.twice = False
        self.signal = 0
        self.reason = ""

    @property
    def stopping(self) -> bool:
        """Whether the run was told to stop."""
        return bool(self.reason)

    def stop(self, reason: str, signum: int = 0) -> None:
        """Tell the run to stop."""
        if not self.reason:
            self.signal, self.reason, self._since = signum, reason, time.monotonic()
        self.wake()

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if self.stopping:
            if time.monotonic() - self._since < _ONE_REQUEST:
                return
            self.twice = True
            self._restore()
            raise KeyboardInterrupt
        self.stop(f"received {signal.Signals(signum).name}", signum)
        if self._in_body:
            raise KeyboardInterrupt

    @contextmanager
    def watching(self) -> Generator[None]:
        """Handle the signals, in the main thread."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        for signum in _SIGNALS:
            if signal.getsignal(signum) is not signal.SIG_IGN:
                self._previous[signum] = signal.signal(signum, self._handle)
        try:
            yield
        finally:
            self._restore()

    def _restore(self) -> None:
        while self._previous:
            signum, handler = self._previous.popitem()
            signal.signal(signum, handler if handler is not None else signal.SIG_DFL)

    @contextmanager
    def body(self) -> Generator[None]:
        """Let a signal interrupt what runs inside: a step in the main thread."""
        self._in_body = True
        try:
            if self.stopping:
                raise KeyboardInterrupt
            yield
        finally:
            self._in_body = False
