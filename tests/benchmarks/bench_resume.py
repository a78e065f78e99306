"""Runs that are killed 100 times at random moments and resumed: what is repeated, and what a restart costs.

What must hold is asserted as in the tests: no recorded step runs again, no job is started twice.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tables import Cell, Table

TESTS = Path(__file__).parents[1]
sys.path += [str(TESTS / "flows"), str(TESTS / "core")]

from job_server import JobServer  # noqa: E402 - these are the tests' own
from killing import Figures, kill_and_resume  # noqa: E402

KILLS = 100
SEED = 20130101


def measure(_peers: bool) -> Iterator[Table]:
    """Yield the figures of 200 steps with 40 jobs, and of a chain on each executor."""
    with JobServer() as system, tempfile.TemporaryDirectory() as folder:
        rows = [row("200 steps, 40 of them jobs, threads", *mixed(Path(folder), system))]
        for executor in ("inline", "threads", "processes"):
            figures, _ = kill_and_resume(Path(folder), "chain", executor, KILLS, SEED)
            rows.append(row(f"100-step chain, {executor}", figures, None))
    yield Table(
        title=f"{KILLS} kills at random moments, resumed each time",
        columns=("flow", "runs", "steps repeated", "jobs started twice", "restart p50, s", "restart p95, s"),
        rows=rows,
        notes=["A restart is from the start of the process to the start of the first step that it runs."],
    )


def mixed(folder: Path, system: JobServer) -> tuple[Figures, int]:
    """Kill flows with jobs; return the figures, and how many jobs were started for a second time."""
    figures, _ = kill_and_resume(folder, "mixed", "threads", KILLS, SEED, system.url)
    return figures, len(system.jobs()) - 40 * figures.runs


def row(name: str, figures: Figures, twice: int | None) -> tuple[Cell, ...]:
    """Return a line of the table."""
    percentiles = statistics.quantiles(figures.overheads, n=20)
    return name, figures.runs, figures.extra, twice, statistics.median(figures.overheads), percentiles[-1]
