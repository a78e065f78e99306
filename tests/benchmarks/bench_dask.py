"""What steps cost on Dask, beside what Dask's own `submit` and `gather` of the bare functions cost."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from environments import run_program
from tables import Cell, Table, ratio

PROGRAM = Path(__file__).parent / "programs" / "dask_longshore.py"
SIZES = (1_000, 10_000, 100_000) if os.environ.get("LONGSHORE_BENCH_LARGE") else (1_000, 10_000)


def measure(_peers: bool) -> Iterator[Table]:
    """Yield what trivial steps cost on a cluster of two processes."""
    rows: list[tuple[Cell, ...]] = []
    for size in SIZES:
        found = json.loads(
            run_program("longshore", PROGRAM, size, 3 if size <= 1_000 else 1).splitlines()[-1]
        )
        for way in ("dask", "mapped", "independent"):
            taken = found[way]
            rows.append((f"{size:,}", way, taken, taken / size * 1e6, ratio(taken, found["dask"])))
        rows.append((f"{size:,}", "driver's memory: bytes a mapped step", "", found["bytes"], ""))
    yield Table(
        title="Trivial steps on Dask, two processes of one thread",
        columns=("steps", "way", "s", "µs a step", "to Dask's"),
        rows=rows,
        notes=["`dask` is `client.submit(function, n)` for each, then `client.gather`."],
    )
