"""The time that recording adds to a step, for each durability; beside SQLite alone and DBOS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from environments import UnavailableError, run_program
from tables import Table, ratio

PROGRAMS = Path(__file__).parent / "programs"
STEPS = 1_000
REPEATS = 9


def step(library: str, program: str, *arguments: object) -> float:
    """Return a program's wall microseconds a step."""
    printed = run_program(library, PROGRAMS / f"{program}.py", STEPS, REPEATS, *arguments)
    return float(json.loads(printed.splitlines()[-1])["step"])


def measure(peers: bool) -> Iterator[Table]:
    """Yield one table: a recorded step beside one that is not, and what the record alone costs."""
    bare = step("longshore", "store_longshore", "none")
    rows = [("longshore, no store", bare, 0.0, ratio(bare, bare))]
    for durability in ("process", "power"):
        recorded = step("longshore", "store_longshore", durability)
        rows.append((f"longshore, durability={durability}", recorded, recorded - bare, ratio(recorded, bare)))
        plain = step("longshore", "store_sqlite", durability)
        rows.append((f"SQLite alone, two commits, {durability}", plain, plain, ratio(plain, bare)))
    notes = ["A step returns a small dict; it runs inline; logging is at WARNING."]
    if peers:
        try:
            dbos = step("dbos", "store_dbos")
            rows.append(("dbos, SQLite", dbos, None, ratio(dbos, bare)))
        except UnavailableError as reason:
            notes.append(f"Left out: {reason}.")
    columns = ("library", "wall µs a step", "of them for the record", "to Longshore's without a store")
    yield Table(title=f"{STEPS:,} recorded steps", columns=columns, rows=rows, notes=notes)
