"""What a command costs: to start one, to read its output, to stream it to the logger."""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from environments import UnavailableError, run_program
from tables import Cell, Table, ratio

PROGRAMS = Path(__file__).parent / "programs"
PEERS = ("airflow", "prefect1")
STARTS = 300
GIB = 1 << 30
LINE = "x" * 79

Cost: TypeAlias = dict[str, float]


def measure(peers: bool) -> Iterator[Table]:
    """Yield the cost of a start, of a gibibyte in three forms, and of a million lines."""
    yield starts()
    halves = f"yes {LINE} | head -c {GIB // 2} >&2; yes {LINE} | head -c {GIB // 2}"
    yield output("1 GiB without a newline", f"head -c {GIB} /dev/zero", PEERS if peers else ())
    yield output("1 GiB of lines of 80 characters", f"yes {LINE} | head -c {GIB}")
    yield output("1 GiB on both streams", halves)
    yield lines(PEERS if peers else ())


def starts() -> Table:
    """Start a script that does nothing, beside the standard library's way, by turns."""
    from longshore_shell import Shell, Subprocess

    def plain() -> None:
        subprocess.run(["bash", "-c", "true"], capture_output=True, check=True)

    ways: dict[str, Callable[[], object]] = {
        "subprocess.run(bash -c true)": plain,
        'Shell("true")': Shell("true"),
        'Subprocess(("true",))': Subprocess(("true",)),
    }
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(STARTS):
        for name, call in ways.items():
            began = time.perf_counter()
            call()
            spent[name].append((time.perf_counter() - began) * 1000)
    base = statistics.median(spent["subprocess.run(bash -c true)"])
    medians = {name: statistics.median(times) for name, times in spent.items()}
    rows = [(name, median, ratio(median, base)) for name, median in medians.items()]
    return Table(
        title=f"A command's start: ms, median of {STARTS}", columns=("way", "ms", "to plain"), rows=rows
    )


def cost(library: str, program: str, *arguments: object, runs: int = 3) -> Cost:
    """Return the median seconds of a program and its peak memory in MB."""
    found = [json.loads(run_program(library, PROGRAMS / program, *arguments)) for _ in range(runs)]
    return {"s": statistics.median(f["seconds"] for f in found), "mb": max(f["rss"] for f in found) / 1e6}


def output(title: str, command: str, peers: tuple[str, ...] = ()) -> Table:
    """Read much output, beside plain Python and the peers."""
    costs = {
        "plain Python, in chunks": cost("longshore", "shell_plain.py", command),
        "longshore": cost("longshore", "shell_longshore.py", command),
    }
    return compared(f"{title}: seconds and MB", costs, command, peers)


def lines(peers: tuple[str, ...]) -> Table:
    """Stream a million lines to the logger: by the rule, all of them, and by the peers."""
    command = f"yes {LINE} | head -n 1000000"
    costs = {
        "plain Python, in chunks": cost("longshore", "shell_plain.py", command),
        "longshore, 8 MiB a second": cost("longshore", "shell_longshore.py", command),
        "longshore, every line": cost("longshore", "shell_longshore.py", command, "all"),
    }
    return compared("A million lines to the logger: seconds and MB", costs, command, peers)


def compared(title: str, costs: dict[str, Cost], command: str, peers: tuple[str, ...]) -> Table:
    """Add the peers, and say how each compares to plain Python."""
    notes: list[str] = []
    for name in peers:
        try:
            costs[name] = cost(name, f"shell_{name}.py", command, runs=1)
        except UnavailableError as reason:
            notes.append(f"Left out: {reason}.")
    base = costs["plain Python, in chunks"]["s"]
    rows: list[tuple[Cell, ...]] = [(name, c["s"], ratio(c["s"], base), c["mb"]) for name, c in costs.items()]
    return Table(title=title, columns=("way", "s", "to plain", "MB"), rows=rows, notes=notes)
