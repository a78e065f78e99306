"""Objects by plain sockets, in as many connections as is given: the limit of this machine and its sink."""

from __future__ import annotations

import os
import socket
import threading
from urllib.parse import urlsplit

from storage_ways import BIG, BUCKET, DATA, ENDPOINT, GOT, KEYS, MORE, SIZE, big, small, together

THREADS = int(MORE[0])
PIECE = 1 << 20
PART = SIZE // THREADS
_own = threading.local()


def connection() -> socket.socket:
    if not hasattr(_own, "socket"):
        place = urlsplit(ENDPOINT)
        _own.socket = socket.create_connection((place.hostname, place.port))
        _own.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _own.buffer = memoryview(bytearray(PIECE))
    return _own.socket


def ask(verb: str, key: str, headers: str = "") -> bytes:
    return f"{verb} /{BUCKET}/{key} HTTP/1.1\r\nHost: sink\r\n{headers}\r\n".encode()


def answer() -> tuple[int, memoryview]:
    """Read an answer's head; return the length of its body and what came of it."""
    data = connection().recv(1 << 16)
    while b"\r\n\r\n" not in data:
        data += connection().recv(1 << 16)
    head, _, rest = data.partition(b"\r\n\r\n")
    return int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0]), memoryview(rest)


def put_part(number: int) -> None:
    target = connection()
    target.sendall(ask("PUT", f"up/{number}", f"Content-Length: {PART}\r\n"))
    with BIG.open("rb") as file:
        offset = number * PART
        while offset < (number + 1) * PART:
            offset += os.sendfile(target.fileno(), file.fileno(), offset, (number + 1) * PART - offset)
    answer()


def get_part(number: int) -> None:
    offset = number * PART
    connection().sendall(ask("GET", "big", f"Range: bytes={offset}-{offset + PART - 1}\r\n"))
    left, rest = answer()
    file = os.open(GOT, os.O_WRONLY | os.O_CREAT)
    while left:
        left -= os.pwrite(file, rest, offset)
        offset += len(rest)
        rest = _own.buffer[: connection().recv_into(_own.buffer, min(left, PIECE))] if left else rest
    os.close(file)


def put(key: str) -> None:
    connection().sendall(ask("PUT", key, f"Content-Length: {len(DATA)}\r\n") + DATA)
    answer()


def get(key: str) -> None:
    connection().sendall(ask("GET", key))
    left, rest = answer()
    data = bytes(rest)
    while len(data) < left:
        data += connection().recv(left - len(data))


big(
    lambda: together(THREADS, put_part, range(THREADS)),
    lambda: together(THREADS, get_part, range(THREADS)),
)
small(lambda: together(THREADS, put, KEYS), lambda: together(THREADS, get, KEYS))
