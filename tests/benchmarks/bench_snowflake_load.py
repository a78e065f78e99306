"""What loading a million rows costs, beside the connector's own ways, against the server of the tests.

The server is fakesnow, a process of its own on this machine: its share of the time is the same for the two
ways by Parquet, and is part of each figure. `executemany` loads fewer rows: the server takes each of them
as a statement of its own, which an account does not.
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

PROGRAM = Path(__file__).parent / "programs" / "snowflake_load.py"
ROUNDS = int(os.environ.get("LONGSHORE_BENCH_ROUNDS", "3"))
ROWS = int(os.environ.get("LONGSHORE_BENCH_ROWS", "1000000"))
FEWER = 2_000
WAYS = {"longshore, Arrow": ROWS, "longshore, pandas": ROWS, "write_pandas": ROWS, "executemany": FEWER}


def measure(peers: bool) -> Iterator[Table]:
    """Yield the rate of each way, and how it compares to the connector's `write_pandas`."""
    from snowflake_server import running

    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as server:
        for _ in range(ROUNDS):
            for way, rows in WAYS.items():
                connect = json.dumps(server.connect_arguments(database=server.new_database()))
                printed = run_program("longshore", PROGRAM, way, rows, connect, timeout=300)
                found[way].append(json.loads(printed.splitlines()[-1]))
    medians = {
        way: {name: statistics.median(each[name] for each in rounds) for name in ("seconds", "cpu", "mib")}
        for way, rounds in found.items()
    }
    rates = {way: WAYS[way] / medians[way]["seconds"] for way in WAYS}
    yield Table(
        title=f"Loading {ROWS:,} rows of 5 columns, median of {ROUNDS}",
        columns=("way", "rows", "s", "rows/s", "to write_pandas", "CPU s here", "peak MiB above the start"),
        rows=[
            (
                way, WAYS[way], medians[way]["seconds"], rates[way], ratio(rates[way], rates["write_pandas"]),
                medians[way]["cpu"], medians[way]["mib"],
            )
            for way in WAYS
        ],
        notes=[f"executemany loads {FEWER:,} rows; compare its rows/s."],
    )  # fmt: skip
