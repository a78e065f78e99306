"""What the programs that move objects share: four jobs, measured. Runs on every peer's Python.

Each is called as `storage_NAME.py ENDPOINT FOLDER OBJECTS [MORE...]`: `FOLDER` has `big`, a file of 1 GiB,
and `tree`, a folder of `OBJECTS` files of 10 KiB. The bucket is `bench`; its object `big` has the same bytes.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from clock import swallow_output

RESULTS = swallow_output()
ENDPOINT, FOLDER, OBJECTS, MORE = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
BUCKET = "bench"
SIZE = 1 << 30
BIG, GOT, TREE, GOT_TREE = FOLDER / "big", FOLDER / "got", FOLDER / "tree", FOLDER / "got-tree"
DATA = os.urandom(10 << 10)
KEYS = [f"small/{number:05}" for number in range(OBJECTS)]
KEY_ID, SECRET, REGION = "AKIDBENCH", "secret", "us-east-1"


def use_environment() -> None:
    """Say where the service is in the variables that AWS's own libraries read."""
    os.environ.update(
        AWS_ACCESS_KEY_ID=KEY_ID,
        AWS_SECRET_ACCESS_KEY=SECRET,
        AWS_DEFAULT_REGION=REGION,
        AWS_REGION=REGION,
        AWS_ENDPOINT_URL=ENDPOINT,
        AWS_EC2_METADATA_DISABLED="true",
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
    )


def together(threads: int, call: Callable[[Any], Any], items: Iterable[Any]) -> None:
    """Call for all items, in so many threads."""
    if threads == 1:
        for item in items:
            call(item)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(call, items):
            pass


class Used:
    """What a job took, of this process or of a child that it waited for."""

    def __init__(self) -> None:
        self.child = 0
        self.child_cpu = 0.0

    def run(self, *command: str) -> None:
        """Run a command to its end."""
        nowhere = os.open(os.devnull, os.O_RDWR)
        actions = [(os.POSIX_SPAWN_DUP2, nowhere, 1)]
        pid = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
        _, status, used = os.wait4(pid, 0)
        os.close(nowhere)
        if status:
            raise SystemExit(f"{command[0]} ended with {status}")
        self.child = max(self.child, used.ru_maxrss * 1024)
        self.child_cpu += used.ru_utime + used.ru_stime


USED = Used()


def job(
    name: str,
    amount: float,
    call: Callable[[], Any],
    clean: Callable[[], Any] | None = None,
    warm: int = 1,
) -> None:
    """Do a job and print, as JSON, its rate, memory above that at the start in MiB, and CPU seconds.

    Args:
        name: Such as `up_big`.
        amount: How much it moves, in the unit of the rate.
        call: Does it once.
        clean: Called after each, unmeasured.
        warm: How often it is done before it counts.
    """
    for _ in range(warm):
        call()
        if clean:
            clean()
    gc.collect()
    USED.child, USED.child_cpu = 0, 0.0
    before = _reset_peak()
    cpu, began = time.process_time(), time.perf_counter()
    call()
    seconds = time.perf_counter() - began
    cpu = time.process_time() - cpu + USED.child_cpu
    memory = max(_peak() - before, USED.child) / (1 << 20)
    if clean:
        clean()
    found = {"job": name, "rate": amount / seconds, "memory": memory, "cpu": cpu, "amount": amount}
    print(json.dumps(found), file=RESULTS, flush=True)


def big(up: Callable[[], Any] | None, down: Callable[[], Any] | None, warm: int = 1) -> None:
    """Measure the large object: `BIG` to a key, and `big` to the file `GOT`, in MB/s."""
    if up:
        job("up_big", SIZE / 1e6, up, warm=warm)
    if down:
        job("down_big", SIZE / 1e6, down, clean=GOT.unlink, warm=warm)


def small(
    up: Callable[[], Any],
    down: Callable[[], Any],
    count: int = OBJECTS,
    warm: int = 1,
    clean: Callable[[], Any] | None = None,
) -> None:
    """Measure the small objects, in objects/s."""
    job("up_small", count, up, warm=warm)
    job("down_small", count, down, clean=clean, warm=warm)


def _reset_peak() -> int:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return _peak()
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM")


def _status(name: str) -> int:
    try:
        text = Path("/proc/self/status").read_text()
    except OSError:  # not Linux: the peak since the process began
        factor = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * factor
    return int(text.partition(f"\n{name}:")[2].split()[0]) * 1024
