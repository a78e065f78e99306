"""`HttpDownload` and the world around it: full disks, kills, timeouts, progress, flows."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from http_server import Exchange, HttpServer, Served, stalled

from longshore import AttemptTimedOut, Exponential, flow, text
from longshore.context import Attempt, active
from longshore.progress import Progress
from longshore_http import HttpDownload

OLD = b"the old file"
NEW = random.Random(7).randbytes(300_000)
SHA256 = hashlib.sha256(NEW).hexdigest()
QUICK: dict[str, Any] = {"retries": 0, "retry_delay": Exponential(base=0.01, cap=0.02)}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "data.bin"
    path.write_bytes(OLD)
    return path


def leftovers(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir() if path != target)


def test_a_full_disk_is_a_clear_error_and_leaves_nothing(server: HttpServer, target: Path) -> None:
    """The limit on file sizes fails in the same calls as a full disk does."""
    url = server.on("/x", Served(NEW))
    code = (
        "import resource, sys\nfrom longshore_http import HttpDownload, TargetFailed\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try:\n    HttpDownload()(sys.argv[1], sys.argv[2])\n"
        "except TargetFailed as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, url, str(target)], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == f"cannot write {str(target)!r}: {os.strerror(errno.EFBIG)}"
    assert (target.read_bytes(), leftovers(target)) == (OLD, [])
    assert len(server.requests) == 1


@pytest.mark.gate("T3")
def test_a_killed_download_leaves_the_old_file(
    server: HttpServer, target: Path, gate_count: Callable[[int, int], int]
) -> None:
    def drip(exchange: Exchange) -> None:
        start = int(exchange.headers.get("Range", "bytes=0-")[6:-1])
        headers: dict[str, Any] = {"Content-Length": len(NEW) - start, "ETag": '"v1"'}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(NEW) - 1}/{len(NEW)}"
        exchange.head(206 if start else 200, headers)
        for at in range(start, len(NEW), 5000):
            exchange.raw(NEW[at : at + 5000])
            time.sleep(0.005)

    url = server.on("/x", drip)
    code = "import sys\nfrom longshore_http import HttpDownload\nHttpDownload()(sys.argv[1], sys.argv[2])\n"
    moments = random.Random(3)
    killed = 0
    for _ in range(gate_count(3, 100)):
        asked = len(server.requests)
        child = subprocess.Popen([sys.executable, "-c", code, url, str(target)], stderr=subprocess.DEVNULL)
        while child.poll() is None and len(server.requests) == asked:
            time.sleep(0.002)
        time.sleep(moments.uniform(0, 0.15))
        child.kill()
        child.wait()
        if target.read_bytes() == NEW:  # it was faster
            target.write_bytes(OLD)
            continue
        assert target.read_bytes() == OLD
        killed += 1
    assert killed
    HttpDownload(**QUICK)(url, target)
    assert target.read_bytes() == NEW
    assert leftovers(target) == []
    assert any("Range" in exchange.headers for exchange in server.requests)


def test_a_timeout_ends_a_stalled_download_at_once_and_the_next_attempt_goes_on(
    server: HttpServer, target: Path
) -> None:
    url = server.on("/x", stalled(NEW, 200_000, {"ETag": '"v1"'}), Served(NEW))
    began = time.monotonic()
    HttpDownload(**{**QUICK, "retries": 1, "timeout": 0.4})(url, target)
    assert time.monotonic() - began < 5
    assert target.read_bytes() == NEW
    assert server.requests[1].headers["Range"] == "bytes=200000-"


def test_a_timeout_leaves_no_thread_that_still_reads(server: HttpServer, target: Path) -> None:
    url = server.on("/x", stalled(NEW, 1000))
    with pytest.raises(AttemptTimedOut):
        HttpDownload(**QUICK, timeout=0.3)(url, target)
    deadline = time.monotonic() + 3
    while leftovers(target) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert (target.read_bytes(), leftovers(target)) == (OLD, [])


def test_a_download_without_a_length_that_we_cut_is_not_taken_for_whole(
    server: HttpServer, target: Path
) -> None:
    def endless(exchange: Exchange) -> None:
        exchange.head(200, {"Connection": "close"})
        exchange.raw(NEW[:1000])
        exchange.stall()

    task = HttpDownload(**QUICK, allow_unknown_length=True, timeout=0.3)
    with pytest.raises(AttemptTimedOut):
        task(server.on("/x", endless), target)
    time.sleep(0.2)
    assert (target.read_bytes(), leftovers(target)) == (OLD, [])


def test_progress_is_told_as_bytes_come(server: HttpServer, target: Path) -> None:
    told: list[object] = []
    attempt = Attempt("x", progress=lambda _, news: told.append(news))
    token = active.set(attempt)
    try:
        HttpDownload(**QUICK).run(server.on("/x", Served(NEW)), target)
    finally:
        active.reset(token)
    seen = [news for news in told if isinstance(news, Progress)]
    assert (seen[-1].fraction, seen[-1].done, seen[-1].unit) == (1.0, 300_000, "B")


def test_a_download_is_a_step_whose_result_others_use(server: HttpServer, target: Path) -> None:
    @flow
    def copies(url: str) -> Any:
        first = HttpDownload(**QUICK)(url, target)
        return HttpDownload(name="second")(url, text("{path}.copy", path=first.path)).size

    assert copies.run(url=server.on("/x", Served(NEW))).result == len(NEW)
    assert Path(f"{target}.copy").read_bytes() == NEW
