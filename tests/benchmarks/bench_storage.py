"""What moving objects costs: one of 1 GiB and 2,000 of 10 KiB, against a service that costs little itself.

The service is `programs/storage_sink.py`, a process of its own on this machine. Files are kept in memory
where the machine has such a folder (`/dev/shm`), or in `LONGSHORE_BENCH_FOLDER`, so that no disk is measured.
All ways take their turns round by round: what else the machine does meets them all.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from environments import UnavailableError, run_program
from tables import Cell, Table

PROGRAMS = Path(__file__).parent / "programs"
ROUNDS = int(os.environ.get("LONGSHORE_BENCH_ROUNDS", "3"))
OBJECTS = 2_000
GIB = 1 << 30
LIMIT = 300.0
"""Seconds for all four jobs of one way."""
JOBS = {
    "up_big": "up 1 GiB",
    "down_big": "down 1 GiB",
    "up_small": "up small",
    "down_small": "down small",
}


@dataclass(frozen=True)
class Way:
    """A library, and how it is used.

    Args:
        name: What tables call it.
        program: Its file, without `storage_`.
        arguments: Of the program.
        packages: The environment; Longshore's own has obstore and boto3 too.
        kind: `base` for what ours is compared with, `ours`, or `peer`.
    """

    name: str
    program: str
    arguments: tuple[object, ...] = ()
    packages: str = "longshore"
    kind: str = "peer"


OURS = (
    Way("sockets, 1 thread (the limit)", "sockets", (1,), kind="limit"),
    Way("sockets, 4 threads (the limit)", "sockets", (4,), kind="limit"),
    Way("obstore, 1 thread", "obstore", (1,), kind="base"),
    Way("obstore, 4 threads", "obstore", (4,), kind="base"),
    Way("obstore, 16 threads", "obstore", (16,), kind="base"),
    Way("obstore, 4 threads, CRC-64/NVME", "obstore", (4, "crc64nvme"), kind="base"),
    Way("obstore, 4 threads, unsigned", "obstore", (4, "unsigned"), kind="unchecked"),
    Way("longshore, 1 thread", "longshore", ("bytes", 1), kind="ours"),
    Way("longshore, 4 threads", "longshore", ("bytes", 4), kind="ours"),
    Way("longshore, S3Sync of files", "longshore", ("sync",), kind="ours"),
    Way("boto3, one put or get", "boto3", ("plain",)),
    Way("boto3, transfer manager", "boto3", ("manager",)),
)
PEERS = (
    Way("AWS CRT", "crt"),
    Way("s5cmd", "commands", ("s5cmd",), "s5cmd"),
    Way("aws s3 cp", "commands", ("aws",), "awscli"),
    Way("s3fs", "s3fs", (), "s3fs"),
    Way("Dagster resource", "dagster", (), "dagster-s3"),
    Way("Airflow hook", "airflow", (), "airflow-s3"),
    Way("Prefect 3 task", "prefect3", (), "prefect3-s3"),
    Way("Prefect 1 task", "prefect1", (), "prefect1-s3"),
)

Found: TypeAlias = dict[tuple[str, str], list[dict[str, float]]]
"""By way and job, what each round found."""


def measure(peers: bool) -> Iterator[Table]:
    """Yield the rates, how they compare to obstore's best, and what memory and processor they took."""
    ways = (*OURS, *PEERS) if peers else OURS
    found: Found = defaultdict(list)
    left_out: dict[str, str] = {}
    with prepared() as folder:
        for turn in range(ROUNDS):
            for way in ways:
                if way.name not in left_out:
                    try:
                        one_round(way, folder, found)
                    except (UnavailableError, subprocess.TimeoutExpired) as reason:
                        left_out[way.name] = str(reason)
            print(f"round {turn + 1} of {ROUNDS}; load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)
    notes = [f"Left out: {name}: {reason}." for name, reason in left_out.items()]
    yield from tables([way for way in ways if any(name == way.name for name, _ in found)], found, notes)


def one_round(way: Way, folder: Path, found: Found) -> None:
    """Have one way do the jobs once, with a service of its own."""
    with sink(folder) as endpoint:
        printed = run_program(
            way.packages, PROGRAMS / f"storage_{way.program}.py", endpoint, folder, OBJECTS, *way.arguments,
            timeout=LIMIT,
        )  # fmt: skip
    for line in printed.splitlines():
        told = json.loads(line)
        found[way.name, told["job"]].append(told)


@contextmanager
def prepared() -> Iterator[Path]:
    """Make the folder with the large file and the tree of small ones; it goes when the run is ended, too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    memory = Path("/dev/shm")
    base = os.environ.get("LONGSHORE_BENCH_FOLDER") or (memory if memory.is_dir() else None)
    folder = Path(tempfile.mkdtemp(prefix="longshore-bench-", dir=base))
    try:
        with (folder / "big").open("wb") as file:
            for _ in range(GIB >> 20):
                file.write(os.urandom(1 << 20))
        (folder / "tree").mkdir()
        for number in range(OBJECTS):
            (folder / "tree" / f"{number:05}").write_bytes(os.urandom(10 << 10))
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def sink(folder: Path) -> Iterator[str]:
    """Run the service; it ends with its input."""
    command = [sys.executable, str(PROGRAMS / "storage_sink.py"), str(folder / "big")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"


def median(found: Found, way: Way, job: str, figure: str) -> float | None:
    """Return the median of a figure, None if the job was not done."""
    rounds = found.get((way.name, job))
    return statistics.median(each[figure] for each in rounds) if rounds else None


def best(found: Found, ways: list[Way], job: str) -> Way:
    """Return the way of obstore that is the fastest at a job."""
    return max(
        (way for way in ways if way.kind == "base"), key=lambda way: median(found, way, job, "rate") or 0
    )


def tables(ways: list[Way], found: Found, notes: list[str]) -> Iterator[Table]:
    """Yield the figures."""
    columns = ("way", *JOBS.values())
    rates: list[tuple[Cell, ...]] = [
        (way.name, *(median(found, way, job, "rate") for job in JOBS)) for way in ways
    ]
    yield Table(title="Objects: MB/s of 1 GiB, small objects/s", columns=columns, rows=rates, notes=notes)
    bests = {job: best(found, ways, job) for job in JOBS}
    for title, figure in (("rate", "rate"), ("CPU seconds", "cpu")):
        rows = [(way.name, *(compared(found, way, bests[job], job, figure) for job in JOBS)) for way in ways]
        said = "; ".join(f"{JOBS[job]}: {way.name}" for job, way in bests.items())
        yield Table(
            title=f"Objects: {title} to that of obstore's fastest way", columns=columns, rows=rows,
            notes=[f"Obstore's fastest: {said}."],
        )  # fmt: skip
    for title, figure in (("peak MiB above the start", "memory"), ("CPU seconds", "cpu")):
        costs: list[tuple[Cell, ...]] = [
            (way.name, *(median(found, way, job, figure) for job in JOBS)) for way in ways
        ]
        yield Table(title=f"Objects: {title}", columns=columns, rows=costs)


def compared(found: Found, way: Way, base: Way, job: str, figure: str) -> Cell:
    """Return a figure for one unit moved, as a multiple of obstore's."""

    def one(of: Way) -> float | None:
        rounds = found.get((of.name, job))
        if not rounds:
            return None
        each = (told[figure] / (told["amount"] if figure == "cpu" else 1) for told in rounds)
        return statistics.median(each)

    mine, theirs = one(way), one(base)
    return None if mine is None or not theirs else f"{mine / theirs:.2f} x"
