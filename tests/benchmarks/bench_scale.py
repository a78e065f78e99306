"""What large flows cost: a chain that is built and checked, and a hundred thousand mapped steps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from environments import run_program
from tables import Cell, Table, ratio

PROGRAM = Path(__file__).parent / "programs" / "scale_longshore.py"


def figures(kind: str, steps: int) -> dict[str, float]:
    """Return the CPU seconds, and the peak resident memory in bytes, of one fresh process."""
    return json.loads(run_program("longshore", PROGRAM, steps, 3, kind))


def measure(_peers: bool) -> Iterator[Table]:
    """Yield how time and memory grow."""
    yield chains()
    yield maps()
    yield shapes()


def chains() -> Table:
    """Build and check chains: ten times the steps should take ten times as long."""
    sizes = (1_000, 10_000, 100_000)
    seconds = {size: figures("chain", size)["cpu"] for size in sizes}
    rows = [
        (f"{size:,}", seconds[size] * 1000, ratio(seconds[size], seconds.get(size // 10))) for size in sizes
    ]
    return Table(
        title="A chain, built and checked: CPU ms", columns=("steps", "CPU ms", "to a tenth"), rows=rows
    )


def maps() -> Table:
    """Run mapped steps whose results are small integers, inline."""
    sizes = (10_000, 100_000)
    idle = figures("mapped", 1)["rss"]
    found = {size: figures("mapped", size) for size in sizes}
    rows: list[tuple[Cell, ...]] = []
    for size, f in found.items():
        before = found.get(size // 10, {}).get("cpu")
        growth = ratio(f["cpu"], before)
        rows.append((f"{size:,}", f["cpu"] * 1000, growth, f["rss"] / 2**20, (f["rss"] - idle) / size))
    return Table(
        title="One mapped step, run inline",
        columns=("steps", "CPU ms", "to a tenth", "peak RSS, MiB", "bytes a step"),
        rows=rows,
        notes=["The reliability gate (C1) allows 12 x the time and 5,120 bytes a step."],
    )


def shapes() -> Table:
    """Build and run graphs of several shapes, inline, at a tenth of their size and at all of it."""
    rows: list[tuple[Cell, ...]] = []
    for shape, size in (
        ("independent", 100_000),
        ("chained", 100_000),
        ("layered", 100_000),
        ("diamond", 10_000),
    ):
        small, large = figures(shape, size // 10), figures(shape, size)
        idle = figures(shape, 100)["rss"]
        rows.append(
            (
                shape, f"{size:,}", small["cpu"] * 1e7 / size, large["cpu"] * 1e6 / size,
                (small["rss"] - idle) * 10 / size, (large["rss"] - idle) / size,
            )
        )  # fmt: skip
    return Table(
        title="Graphs of several shapes, built and run inline: CPU µs and bytes a step",
        columns=("shape", "steps", "µs, a tenth", "µs, all", "bytes, a tenth", "bytes, all"),
        rows=rows,
        notes=["`layered` is 1,000 layers of 100 steps, each behind two of the layer before."],
    )
