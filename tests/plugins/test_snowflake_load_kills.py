"""`SnowflakeLoad`: wherever its process dies, what is loaded is loaded once."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from snowflake_rig import VARIABLE, sql

from longshore_snowflake import SnowflakeConnection
from longshore_snowflake.plugin import longshore_sweep
from longshore_snowflake.sessions import close_all

PROGRAM = Path(__file__).with_name("killed_loads.py")
POINTS = (
    "before the upload", "after the upload", "before the statement", "after the statement",
    "before the record", "before the cleaning",
)  # fmt: skip
MODES: dict[str, dict[str, Any]] = {
    "append": {},
    "truncate": {"mode": "truncate"},
    "merge": {"mode": "merge", "keys": ["ID"]},
}
FULL = os.environ.get("LONGSHORE_GATE") == "full"
CASES = (
    list(itertools.product(POINTS, MODES, ("SIGKILL", "SIGSEGV", "exit")))
    if FULL
    else [
        *((point, "append", "SIGKILL") for point in (POINTS[1], *POINTS[3:5])),
        (POINTS[3], "merge", "SIGKILL"),
    ]
)
TOGETHER = 4
BATCHES = [CASES[start : start + TOGETHER] for start in range(0, len(CASES), TOGETHER)]


class Case:
    """One load whose process dies, and which is resumed."""

    def __init__(self, case: tuple[str, str, str], connection: SnowflakeConnection, folder: Path) -> None:
        self.point, self.mode, self.way = case
        word = "_".join(case).replace(" ", "_").upper()
        self.connection = dataclasses.replace(connection, schema=word)
        self.run_id = f"{connection.database}-{word}"
        self.folder = folder / word
        self.folder.mkdir()
        self.path = self.folder / "day 1.csv"
        self.path.write_text("id,name\n" + "".join(f"{i},n{i}\n" for i in range(100)))
        sql(connection, f"CREATE SCHEMA {word}")
        sql(connection, f"CREATE TABLE {word}.T (id INTEGER, name VARCHAR)")
        sql(connection, f"INSERT INTO {word}.T VALUES (5, 'old'), (1000, 'old')")

    def start(self, point: str) -> subprocess.Popen[bytes]:
        fields = {
            each.name: getattr(self.connection, each.name)
            for each in dataclasses.fields(self.connection)
            if each.name != "password" and getattr(self.connection, each.name) != each.default
        }
        spec = {
            "connection": {name: value for name, value in fields.items() if value},
            "variable": VARIABLE,
            "fields": MODES[self.mode],
            "path": str(self.path),
            "run_id": self.run_id,
            "point": point,
            "way": self.way,
            "store": str(self.folder / "runs.db"),
            "said": str(self.folder / "said.json"),
        }
        with (self.folder / "errors.txt").open("ab") as errors:
            return subprocess.Popen([sys.executable, str(PROGRAM), json.dumps(spec)], stderr=errors)

    def check(self) -> None:
        said = (self.folder / "errors.txt").read_text()[-2000:]
        assert (self.folder / "said.json").exists(), f"{self.point}, {self.mode}: {said}"
        outcome = json.loads((self.folder / "said.json").read_text())
        assert outcome == ["Success", "", 100], f"{self.point}, {self.mode}: {outcome} {said}"
        expected = {"append": (102, 5 + 1000), "truncate": (100, 0), "merge": (101, 1000)}[self.mode]
        count, total = expected[0], expected[1] + sum(range(100))
        found = sql(self.connection, "SELECT count(*), sum(id) FROM T")
        assert [tuple(map(int, row)) for row in found] == [(count, total)], f"{self.point}, {self.mode}"


@pytest.mark.gate("D2")
@pytest.mark.parametrize("few", BATCHES, ids=lambda few: few[0][0])
def test_a_load_whose_process_dies_anywhere_is_loaded_once_when_it_is_resumed(
    dwh: SnowflakeConnection, tmp_path: Path, few: list[tuple[str, str, str]]
) -> None:
    cases = [Case(case, dwh, tmp_path) for case in few]
    first = [case.start(case.point) for case in cases]
    for case, process in zip(cases, first, strict=True):
        assert process.wait(120) != 0, f"{case.point}: {(case.folder / 'errors.txt').read_text()}"
    begun = {case.run_id for case in cases if case.point != "before the upload"}
    assert begun <= {left.run_id for left in longshore_sweep()}
    for process in [case.start("") for case in cases]:
        process.wait(120)
    for case in cases:
        case.check()
    recorded = {case.run_id for case in cases if case.point == "before the cleaning"}
    assert {case.run_id for case in cases} & {left.run_id for left in longshore_sweep()} <= recorded
    close_all()


def test_files_of_a_load_that_nobody_resumes_are_swept(dwh: SnowflakeConnection, tmp_path: Path) -> None:
    case = Case(("before the statement", "append", "SIGKILL"), dwh, tmp_path)
    case.start(case.point).wait(120)
    assert len(sql(case.connection, "LIST '@~/longshore/'")) == 1
    [left] = [each for each in longshore_sweep() if each.run_id == case.run_id]
    assert left.label.startswith("@~/longshore/")
    assert (left.kind, left.store) == ("staged files", str(case.folder / "runs.db"))
    assert left.end()
    assert sql(case.connection, "LIST '@~/longshore/'") == []
    assert case.run_id not in {each.run_id for each in longshore_sweep()}
    assert left.end(), "what is gone is no error"
