"""What two commits a step cost in SQLite alone: `store_sqlite.py STEPS REPEATS process|power`."""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from pathlib import Path

from clock import STEPS, report_steps

connection = sqlite3.connect(Path(tempfile.mkdtemp()) / "plain.db", isolation_level=None)
connection.execute("PRAGMA journal_mode=WAL")
connection.execute(f"PRAGMA synchronous={'FULL' if sys.argv[3] == 'power' else 'NORMAL'}")
connection.execute("CREATE TABLE steps (number INTEGER, state TEXT, result TEXT)")


def run() -> None:
    for number in range(STEPS):
        for state, result in (("Running", None), ("Success", '{"rows": 1}')):
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO steps VALUES (?, ?, ?)", (number, state, result))
            connection.execute("COMMIT")


report_steps(run)
