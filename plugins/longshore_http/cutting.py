"""Ending a request from another thread.

Closing a socket does not wake a thread that reads from it; shutting it down does. The thread that is cut off
may be connecting, in the TLS handshake or in the body, and http.client moves the socket between objects
meanwhile, so each call keeps duplicates of the descriptors it uses and shuts those down.
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


class Cutter:
    """Shuts down every socket that one call uses, now or later.

    Attributes:
        sent: Whether anything of the request has been sent, so that the server may have carried it out.
        was_cut: Whether we ended it ourselves.
        expired: Whether that was because its time was over.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: dict[int, socket.socket] = {}
        self.sent = False
        self.was_cut = False
        self.expired = False

    def watch(self, owner: object, sock: socket.socket) -> None:
        """Remember the socket of a connection object."""
        with self._lock:
            if id(owner) in self._sockets:
                self._sockets.pop(id(owner)).close()
            duplicate = socket.socket(sock.family, sock.type, sock.proto, fileno=os.dup(sock.fileno()))
            self._sockets[id(owner)] = duplicate
            if self.was_cut:
                _shut(duplicate)

    def watches(self, owner: object) -> bool:
        """Whether the socket of a connection object is known."""
        return id(owner) in self._sockets

    def cut(self) -> None:
        """End the call's reads and writes; called from another thread."""
        with self._lock:
            self.was_cut = True
            for duplicate in self._sockets.values():
                _shut(duplicate)

    def expire(self) -> None:
        """End the call because its time is over."""
        self.expired = True
        self.cut()

    def close(self) -> None:
        """Forget the sockets, which go on if they were not cut."""
        with self._lock:
            for duplicate in self._sockets.values():
                duplicate.close()
            self._sockets.clear()


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other side was faster
        sock.shutdown(socket.SHUT_RDWR)


_active = threading.local()


def active_cutter() -> Cutter | None:
    """Return the cutter of the call that this thread makes."""
    cutter: Cutter | None = getattr(_active, "cutter", None)
    return cutter


@contextmanager
def cuttable(seconds: float | None = None) -> Generator[Cutter]:
    """Let the attempt's timeout or cancellation end what this thread sends and receives inside.

    Args:
        seconds: After so many it is ended anyway; None for never.
    """
    cutter, outer = Cutter(), active_cutter()
    _active.cutter = cutter
    timer = threading.Timer(seconds, cutter.expire) if seconds is not None else None
    try:
        if timer is not None:
            timer.daemon = True
            timer.start()
        with current.on_cancel(cutter.cut):
            yield cutter
    finally:
        if timer is not None:
            timer.cancel()
        _active.cutter = outer
        cutter.close()
