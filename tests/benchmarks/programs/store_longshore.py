"""Recorded steps in Longshore: `store_longshore.py STEPS REPEATS none|process|power`."""

from __future__ import annotations

import logging
import sys
import tempfile
from pathlib import Path

from clock import STEPS, report_steps

from longshore import Flow, InlineExecutor, SQLiteStore, task

FOLDER = Path(tempfile.mkdtemp())
DURABILITY = sys.argv[3]


@task
def step(n: int) -> dict[str, int]:
    return {"rows": n}


with Flow("bench", executor=InlineExecutor()) as made:
    for number in range(STEPS):
        step(number)
STORE = None if DURABILITY == "none" else SQLiteStore(FOLDER / "runs.db", durability=DURABILITY)  # type: ignore[arg-type]


def run() -> None:
    assert made.run(store=STORE).succeeded


logging.basicConfig(level=logging.WARNING)
report_steps(run)
