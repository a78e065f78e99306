"""Row T1 for `HttpDownload`, the rest of it: sizes, statuses, slow bodies, a full disk."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from http_server import Exchange, Handler, HttpServer, Served, respond, truncated

from longshore import Exponential
from longshore_http import HttpConnection, HttpDownload, HttpError, StatusError, TargetFailed

OLD = b"the old file"
MIB = 1 << 20
NEW = random.Random(9).randbytes(MIB)
QUICK: dict[str, Any] = {"retry_delay": Exponential(base=0.01, cap=0.02)}
pytestmark = pytest.mark.gate("T1")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "data.bin"
    path.write_bytes(OLD)
    return path


def leftovers(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir() if path != target)


@pytest.mark.parametrize("size", [5 * MIB - 1, 5 * MIB, 8 * MIB + 1])
@pytest.mark.parametrize("cut", [False, True], ids=["whole", "cut"])
def test_any_size_comes_whole(server: HttpServer, target: Path, size: int, cut: bool) -> None:
    data = random.Random(size).randbytes(size)
    first = truncated(data, size // 2, how="reset", headers={"ETag": '"v1"'})
    url = server.on("/x", *([first] if cut else []), Served(data))
    assert HttpDownload(**QUICK)(url, target).size == size
    assert target.read_bytes() == data
    assert leftovers(target) == []


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_passing_failure_is_waited_out(server: HttpServer, target: Path, status: int) -> None:
    url = server.on("/x", *[respond(status, b"later")] * 3, Served(NEW))
    HttpDownload(**QUICK)(url, target)
    assert target.read_bytes() == NEW
    assert leftovers(target) == []


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_thirty_failures_are_an_error_and_the_file_is_the_old_one(
    server: HttpServer, target: Path, status: int
) -> None:
    url = server.on("/x", *[respond(status, b"later")] * 30, Served(NEW))
    with pytest.raises(StatusError):
        HttpDownload(**QUICK)(url, target)
    assert (target.read_bytes(), leftovers(target)) == (OLD, [])
    assert len(server.requests) == 4


def test_a_server_that_names_a_time_is_not_asked_sooner(server: HttpServer, target: Path) -> None:
    moments: list[float] = []

    def noted(handler: Handler) -> Handler:
        def handle(exchange: Exchange) -> None:
            moments.append(time.monotonic())
            handler(exchange)

        return handle

    url = server.on("/x", noted(respond(429, b"", {"Retry-After": "1"})), noted(Served(NEW)))
    HttpDownload(**QUICK)(url, target)
    assert target.read_bytes() == NEW
    assert moments[1] - moments[0] >= 1.0


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_hopeless_answer_fails_at_once(
    server: HttpServer, target: Path, status: int, at_once: float
) -> None:
    url = server.on("/x", respond(status, b"no"))
    began = time.monotonic()
    with pytest.raises(StatusError):
        HttpDownload()(url, target)
    assert time.monotonic() - began < at_once
    assert len(server.requests) == 1
    assert (target.read_bytes(), leftovers(target)) == (OLD, [])


def test_a_body_that_drips_comes_whole(server: HttpServer, target: Path) -> None:
    def drip(exchange: Exchange) -> None:
        exchange.head(200, {"Content-Length": len(NEW), "ETag": '"v1"'})
        for at in range(0, len(NEW), 1 << 17):
            exchange.raw(NEW[at : at + (1 << 17)])
            time.sleep(0.1)

    connection = HttpConnection(read_timeout=0.6)
    HttpDownload(connection=connection, retries=0)(server.on("/x", drip), target)
    assert target.read_bytes() == NEW


def without_content_range(exchange: Exchange) -> None:
    start = int(exchange.headers["Range"][6:-1])
    exchange.send(206, {"ETag": '"v1"'}, NEW[start:])


def of_another_size(exchange: Exchange) -> None:
    start = int(exchange.headers["Range"][6:-1])
    said = {"ETag": '"v1"', "Content-Range": f"bytes {start}-{len(NEW) - 1}/{len(NEW) + 1}"}
    exchange.send(206, said, NEW[start:])


@pytest.mark.parametrize("second", [without_content_range, of_another_size])
def test_a_range_that_does_not_say_what_it_is_never_comes_through(
    server: HttpServer, target: Path, second: Handler
) -> None:
    url = server.on("/x", truncated(NEW, 1000, headers={"ETag": '"v1"'}), second, Served(NEW))
    HttpDownload(**QUICK)(url, target)
    assert target.read_bytes() == NEW


def test_a_flipped_bit_is_found_where_only_an_md5_is_known(server: HttpServer, target: Path) -> None:
    """An ETag may be an MD5 and need not be: the caller says that it is one."""
    bad = bytearray(NEW)
    bad[1000] ^= 4
    etag = hashlib.md5(NEW).hexdigest()
    url = server.on("/x", Served(bytes(bad), etag=f'"{etag}"'))
    with pytest.raises(HttpError, match="checksum"):
        HttpDownload(**QUICK)(url, target, checksum=f"md5:{etag}")
    assert (target.read_bytes(), leftovers(target)) == (OLD, [])


def test_a_full_disk_is_an_error_and_leaves_nothing(server: HttpServer, small_disk: Path) -> None:
    target = small_disk / "data.bin"
    target.write_bytes(OLD)
    with pytest.raises(TargetFailed):
        HttpDownload()(server.on("/x", Served(NEW + NEW)), target)
    assert len(server.requests) == 1
    assert (target.read_bytes(), leftovers(target)) == (OLD, [])


def test_an_object_of_many_bytes_that_breaks_off_again_and_again_comes_whole(
    server: HttpServer, target: Path, gate_count: Callable[[int, int], int]
) -> None:
    """5 GiB in the gate, of which the server makes up each piece as it is asked for."""
    size = gate_count(24 * MIB, 5 << 30)
    piece = 4 * MIB
    block = random.Random(3).randbytes(piece - 1)  # no multiple of anything, so a shift shows

    def serve(exchange: Exchange) -> None:
        start = int(exchange.headers.get("Range", "bytes=0-")[6:-1])
        said: dict[str, Any] = {"Content-Length": size - start, "ETag": '"v1"'}
        if start:
            said["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
        exchange.head(206 if start else 200, said)
        for at in range(start, min(size, start + size // 3), piece):
            exchange.raw(of(at, min(piece, size - at, start + size // 3 - at)))
        exchange.close()

    def of(at: int, count: int) -> bytes:
        offset = at % len(block)
        return (block[offset:] + block * 2)[:count]

    url = server.on("/x", serve)
    result = HttpDownload(**QUICK, retries=5)(url, target)
    assert result.size == target.stat().st_size == size
    with target.open("rb") as file:
        for at in range(0, size, piece):
            assert file.read(piece) == of(at, min(piece, size - at))
    target.unlink()  # pytest keeps what is there
