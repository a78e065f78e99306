"""Recorded steps in DBOS, with its SQLite database: `store_dbos.py STEPS REPEATS`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from clock import STEPS, report_steps
from dbos import DBOS

FOLDER = Path(tempfile.mkdtemp())
DBOS(config={"name": "bench", "system_database_url": f"sqlite:///{FOLDER}/dbos.db", "log_level": "ERROR"})


@DBOS.step()
def step(n: int) -> dict[str, int]:
    return {"rows": n}


@DBOS.workflow()
def workflow() -> int:
    return sum(step(n)["rows"] for n in range(STEPS))


DBOS.launch()
report_steps(workflow)
DBOS.destroy()
sys.stdout.flush()
