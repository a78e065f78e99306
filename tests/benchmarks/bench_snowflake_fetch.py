"""What fetching a million rows costs, beside the connector's own ways, against the server of the tests.

The server is fakesnow, a process of its own on this machine: its share of the time is that of all ways,
and is part of each figure. The submission, the polls and the looks at the end are part of Longshore's.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from environments import run_program
from tables import Table, ratio

sys.path.append(str(Path(__file__).parents[1] / "plugins"))

PROGRAM = Path(__file__).parent / "programs" / "snowflake_fetch.py"
ROUNDS = int(os.environ.get("LONGSHORE_BENCH_ROUNDS", "3"))
ROWS = int(os.environ.get("LONGSHORE_BENCH_ROWS", "1000000"))
WAYS = (
    "longshore, Arrow", "connector, Arrow batches", "longshore, to Parquet",
    "connector, Arrow batches to Parquet", "longshore, rows", "connector, fetchall",
)  # fmt: skip


def measure(peers: bool) -> Iterator[Table]:
    """Yield the time of each way, and how it compares to the connector's Arrow batches and `fetchall`."""
    from snowflake_server import running

    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as server:
        for _ in range(ROUNDS):
            for way in WAYS:
                connect = json.dumps(server.connect_arguments(database=server.new_database()))
                printed = run_program("longshore", PROGRAM, way, ROWS, connect, timeout=300)
                found[way].append(json.loads(printed.splitlines()[-1]))
    medians = {
        way: {name: statistics.median(each[name] for each in rounds) for name in ("seconds", "cpu", "mib")}
        for way, rounds in found.items()
    }
    rates = {way: ROWS / medians[way]["seconds"] for way in WAYS}
    yield Table(
        title=f"Fetching {ROWS:,} rows of 5 columns, median of {ROUNDS}",
        columns=("way", "s", "to Arrow batches", "to fetchall", "CPU s here", "peak MiB above the start"),
        rows=[
            (
                way, medians[way]["seconds"], ratio(rates[way], rates["connector, Arrow batches"]),
                ratio(rates[way], rates["connector, fetchall"]), medians[way]["cpu"], medians[way]["mib"],
            )
            for way in WAYS
        ],
        notes=["Ratios are of rows a second: above 1 is faster."],
    )  # fmt: skip
