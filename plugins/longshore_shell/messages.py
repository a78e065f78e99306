"""How the worker, the supervisor and its keepers talk: over sockets, in small messages, with descriptors.

Imported by the supervisor too, so it imports nothing that is slow to import, `typing` included.
"""

from __future__ import annotations

import marshal
import socket
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ORDER = struct.Struct("!cd")
"""What a worker says to a keeper: b"S", stop, with the seconds of grace; b"R", release what is left over."""


def pack(message: tuple[Any, ...]) -> bytes:
    """Return a message as bytes: four of length, then marshalled plain values."""
    data = marshal.dumps(message)
    return len(data).to_bytes(4, "big") + data


def unpack(buffer: bytearray) -> tuple[Any, ...] | None:
    """Take the first whole message out of a buffer."""
    size = int.from_bytes(buffer[:4], "big") + 4
    if len(buffer) < max(size, 4):
        return None
    message: tuple[Any, ...] = marshal.loads(bytes(buffer[4:size]))  # noqa: S302 - a private socket between our own processes
    del buffer[:size]
    return message


def receive(channel: socket.socket) -> tuple[Any, ...]:
    """Wait for one message, and leave what follows it: an order may be there already.

    Raises:
        EOFError: The other side is gone.
    """
    buffer = bytearray()
    while (message := unpack(buffer)) is None:
        size = 4 if len(buffer) < 4 else int.from_bytes(buffer[:4], "big") + 4
        chunk = channel.recv(min(size - len(buffer), 65536))
        if not chunk:
            raise EOFError
        buffer += chunk
    return message


def send(channel: socket.socket, *message: Any) -> None:
    """Send one message; if nobody listens any more, nobody misses it."""
    try:  # noqa: SIM105 - contextlib takes 3 ms to import
        channel.sendall(pack(message))
    except OSError:
        pass


def passed(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    return [
        fd
        for level, kind, data in ancillary
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
        for (fd,) in struct.iter_unpack("i", data[: len(data) // 4 * 4])
    ]
