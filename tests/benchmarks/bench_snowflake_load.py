"""What loading a million rows costs, beside the connector's own ways, against the server of the tests.

The server is fakesnow, a process of its own on this machine: its share of the time is part of each figure,
and larger where columns go by name: there it looks at each value. `executemany` loads fewer rows: the
server takes each of them as a statement of its own, which an account does not.
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
BEST = "write_pandas, snappy"
WAYS = {
    "longshore, Arrow": ROWS,
    "longshore, pandas": ROWS,
    "the same statements by hand": ROWS,
    BEST: ROWS,
    "write_pandas, as it is": ROWS,
    "executemany": FEWER,
}


def measure(peers: bool) -> Iterator[Table]:
    """Yield the rate of each way, and how it compares to the connector's best."""
    from snowflake_server import running

    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as server:
        for _ in range(ROUNDS):
            for way, rows in WAYS.items():
                connect = json.dumps(server.connect_arguments(database=server.new_database()))
                printed = run_program("longshore", PROGRAM, way, rows, connect, timeout=300)
                found[way].append(json.loads(printed.splitlines()[-1]))
    medians = {
        way: {name: statistics.median(each[name] for each in rounds) for name in ("seconds", "cpu")}
        for way, rounds in found.items()
    }
    rates = {way: WAYS[way] / medians[way]["seconds"] for way in WAYS}
    yield Table(
        title=f"Loading {ROWS:,} rows of 5 columns, median of {ROUNDS}",
        columns=("way", "rows", "s", "rows/s", f"to {BEST}", "CPU s here"),
        rows=[
            (
                way, WAYS[way], medians[way]["seconds"], rates[way], ratio(rates[way], rates[BEST]),
                medians[way]["cpu"],
            )
            for way in WAYS
        ],
        notes=[
            f"executemany loads {FEWER:,} rows: compare its rate. As it is, write_pandas compresses by gzip."
        ],
    )  # fmt: skip
