"""What it costs to import Longshore and to start its command, in fresh processes."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from environments import UnavailableError, run_program
from tables import Cell, Table, ratio

PROGRAM = Path(__file__).parent / "programs" / "import_one.py"
IMPORTS = {"doit": "doit", "dask": "dask", "luigi": "luigi", "prefect3": "prefect", "dagster": "dagster",
           "prefect1": "prefect", "airflow": "airflow.sdk"}  # fmt: skip
RUNS = 7


def figures(library: str, module: str) -> tuple[float, list[str]]:
    """Return the median milliseconds of importing a module, and the packages that it brings."""
    run_program(library, PROGRAM, module)  # writes the byte code
    found = [json.loads(run_program(library, PROGRAM, module)) for _ in range(RUNS)]
    return statistics.median(f["ms"] for f in found), found[0]["foreign"]


def measure(peers: bool) -> Iterator[Table]:
    """Yield imports and the start of the command."""
    yield imports(peers)
    yield command()


def imports(peers: bool) -> Table:
    """Compare the imports."""
    wanted = [("longshore", "longshore"), ("longshore", "pluggy")]
    wanted += list(IMPORTS.items()) if peers else []
    rows: list[tuple[str, float, Cell, int]] = []
    notes: list[str] = []
    for library, module in wanted:
        try:
            ms, foreign = figures(library, module)
        except UnavailableError as reason:
            notes.append(f"Left out: {reason}.")
            continue
        if module == "longshore":
            notes.append(f"Packages that longshore brings, beyond itself: {', '.join(foreign) or 'none'}.")
        rows.append((module if library == "longshore" else library, ms, None, len(foreign)))
    ours = rows[0][1]
    compared = [(name, ms, ratio(ms, ours), count) for name, ms, _, count in rows]
    columns = ("import", "CPU ms", "to Longshore's", "packages brought")
    return Table(title="Import: CPU ms in a fresh process", columns=columns, rows=compared, notes=notes)


def command() -> Table:
    """Start `longshore --help`, beside a Python that does nothing."""
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "longshore --help": [str(Path(sys.executable).with_name("longshore")), "--help"],
    }
    seconds = {name: start(command) for name, command in commands.items()}
    rows = [(name, s and s * 1000, ratio(s, seconds["python -c pass"])) for name, s in seconds.items()]
    columns = ("command", "ms", "to Python's")
    return Table(title="Start: ms of wall time", columns=columns, rows=rows)


def start(command: list[str]) -> float | None:
    """Return the median seconds of a command, or None when it fails."""
    times: list[float] = []
    for _ in range(RUNS + 1):
        began = time.perf_counter()
        done = subprocess.run(command, capture_output=True, check=False)
        times.append(time.perf_counter() - began)
        if done.returncode:
            return None
    return statistics.median(times[1:])
