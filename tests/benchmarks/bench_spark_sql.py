"""What a statement costs by SparkSQL, over PySpark itself, in a session that runs."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Iterator
from pathlib import Path

from environments import run_program
from tables import Table

PROGRAMS = Path(__file__).parent / "programs"
ROUNDS = int(os.environ.get("LONGSHORE_BENCH_ROUNDS", "5"))
PER_ROUND = 100


def measure(peers: bool) -> Iterator[Table]:
    """Yield the milliseconds of each way, by turns in one session, and what each takes more than PySpark."""
    printed = run_program("longshore", PROGRAMS / "spark_sql.py", ROUNDS, PER_ROUND)
    found: dict[str, list[float]] = json.loads(printed.splitlines()[-1])
    medians = {way: statistics.median(times) for way, times in found.items()}
    plain = next(iter(medians.values()))
    yield Table(
        title=f"One statement: milliseconds, median of {ROUNDS * PER_ROUND}",
        columns=("way", "ms", "over PySpark"),
        rows=[(way, time, time - plain) for way, time in medians.items()],
        notes=["Each is `SELECT :n + id AS n FROM range(3)` on `local[2]`; the ways take turns."],
    )
