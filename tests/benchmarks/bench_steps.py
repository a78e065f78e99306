"""The CPU time that a step costs which does nothing: inline and in threads, without handlers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeAlias

from environments import UnavailableError, run_program
from tables import Cell, Table, ratio

PROGRAMS = Path(__file__).parent / "programs"
COMPARED = ((200, 15, 3), (1_000, 9, 1), (10_000, 3, 1))
"""Steps, and how often Longshore and the peers run them."""
_LONGEST: Final = 200.0
"""Seconds that a peer may take for a run of a size, as its runs of the size before say."""
SIZES = (100, 1_000, 10_000, 100_000)
PEERS = ("doit", "dask", "luigi", "prefect3", "dagster", "prefect1", "airflow")

Cost: TypeAlias = dict[str, float]


def cost(library: str, program: str, *arguments: object) -> Cost:
    """Return a program's CPU microseconds per step, `build` and `run`."""
    return json.loads(run_program(library, PROGRAMS / f"{program}.py", *arguments).splitlines()[-1])


def measure(peers: bool) -> Iterator[Table]:
    """Yield the comparison with peers, the growth with size, and threads."""
    seconds: dict[str, float] = {}
    for size, ours, theirs in COMPARED if peers else COMPARED[:1]:
        yield compare(peers, size, ours, theirs, seconds)
    yield grow()
    yield threads(peers)


def compare(peers: bool, size: int, repeats: int, of_peers: int, seconds: dict[str, float]) -> Table:
    """Independent steps, inline: Longshore, the floor, and the peers.

    Args:
        peers: Whether to measure them.
        size: Steps.
        repeats: Runs of Longshore.
        of_peers: Runs of each peer.
        seconds: What a step of each peer took at the size before, in CPU; filled in.
    """
    ours = cost("longshore", "steps_longshore", size, repeats)
    costs = {"bare loop, two states": cost("longshore", "steps_floor", size, repeats), "longshore": ours}
    notes = [
        "Times are of one process, all its threads together; a server that a library starts is not counted."
    ]
    for name in PEERS if peers else ():
        if seconds.get(name, 0.0) * size > _LONGEST:
            notes.append(f"Left out: {name} would take {seconds[name] * size / 60:.0f} minutes for a run.")
            continue
        try:
            costs[name] = cost(name, f"steps_{name}", size, of_peers)
            seconds[name] = (costs[name]["build"] + costs[name]["run"]) / 1e6
        except UnavailableError as reason:
            notes.append(f"Left out: {reason}.")
    base = ours["build"] + ours["run"]
    rows = [
        (name, c["build"], c["run"], c["build"] + c["run"], ratio(c["build"] + c["run"], base))
        for name, c in costs.items()
    ]
    columns = ("library", "build", "run", "both", "to Longshore's")
    return Table(title=f"{size:,} steps inline: CPU µs a step", columns=columns, rows=rows, notes=notes)


def grow() -> Table:
    """The cost of a step from a hundred steps to a hundred thousand."""
    rows: list[tuple[Cell, ...]] = []
    for shape in ("plain", "chain", "mapped"):
        costs = [
            cost("longshore", "steps_longshore", size, 3 if size > 10_000 else 9, shape) for size in SIZES
        ]
        for part in ("build", "run"):
            values = [c[part] for c in costs]
            rows.append((f"{shape}, {part}", *values, ratio(values[-1], values[0])))
    columns = ("shape", *(f"{size:,} steps" for size in SIZES), "last to first")
    return Table(title="Longshore inline: CPU µs a step", columns=columns, rows=rows)


def threads(peers: bool) -> Table:
    """Steps in eight threads, where handing work over is what costs."""
    size = 1_000
    costs = {
        "concurrent.futures, bare": cost("longshore", "threads_futures", size, 9),
        "longshore": cost("longshore", "steps_longshore", size, 9, "mapped", "threads"),
    }
    notes: list[str] = []
    if peers:
        try:
            costs["dask"] = cost("dask", "steps_dask", size, 5, "threads")
        except UnavailableError as reason:
            notes.append(f"Left out: {reason}.")
    rows = [(name, c["run"], ratio(c["run"], costs["longshore"]["run"])) for name, c in costs.items()]
    columns = ("library", "run", "to Longshore's")
    return Table(title=f"{size:,} steps in 8 threads: CPU µs a step", columns=columns, rows=rows, notes=notes)
