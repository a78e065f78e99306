"""Ending what goes over a connection from another thread.

Closing a socket does not wake a thread that reads from it; shutting it down does. As TLS moves the socket
between objects, a duplicate of its descriptor is kept for that.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from longshore import current

if TYPE_CHECKING:
    from collections.abc import Generator


class Line:
    """The connection of one mail.

    Attributes:
        cut_for: Why we ended it ourselves; empty when we did not.
        handed_over: Whether the last byte of the mail has been given away, so that the server may have it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._duplicate: socket.socket | None = None
        self.cut_for = ""
        self.handed_over = False

    def watch(self, sock: socket.socket) -> None:
        """Remember the socket."""
        with self._lock:
            self._duplicate = socket.socket(sock.family, sock.type, sock.proto, fileno=os.dup(sock.fileno()))
            if self.cut_for:
                _shut(self._duplicate)

    def cut(self, why: str) -> None:
        """End what is read and written, now or as soon as there is a socket."""
        with self._lock:
            self.cut_for = self.cut_for or why
            if self._duplicate is not None:
                _shut(self._duplicate)

    def close(self) -> None:
        """Forget the socket."""
        with self._lock:
            if self._duplicate is not None:
                self._duplicate.close()
                self._duplicate = None


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other side was faster
        sock.shutdown(socket.SHUT_RDWR)


@contextmanager
def cuttable(seconds: float | None) -> Generator[Line]:
    """Let the attempt's end, or so many seconds, end what goes over the line."""
    line = Line()
    timer = None
    if seconds is not None:
        timer = threading.Timer(seconds, line.cut, [f"it took more than {seconds:g} s"])
        timer.daemon = True
        timer.start()
    try:
        with current.on_cancel(lambda: line.cut("the attempt was told to stop")):
            yield line
    finally:
        if timer is not None:
            timer.cancel()
        line.close()
