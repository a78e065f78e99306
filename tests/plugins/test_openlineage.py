"""What a lineage backend hears of flows and steps, over real HTTP, each event checked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openlineage.client", reason="needs longshore[openlineage]")

from lineage_backend import Backend, check
from lineage_rig import backend, nowhere

from longshore import (
    Cache,
    Fail,
    Flow,
    InlineExecutor,
    ProcessExecutor,
    Retry,
    Secret,
    Skip,
    SQLiteStore,
    ThreadExecutor,
    case,
    current,
    flow,
    task,
)
from longshore.flowruns import run_recorded
from longshore.testing import Canary
from longshore_openlineage import flush_lineage, parent_id, run_uuid
from longshore_storage import Copy

__all__ = ["backend", "nowhere"]  # fixtures


@task(tags=("eu",))
def load(n: int) -> int:
    current.reads(f"s3://lake/2013/{n}.csv", bytes=10 * n, version=f"v{n}")
    current.writes("snowflake://org-acct/DWH/PUBLIC/FLIGHTS", rows=n, columns={"CARRIER": "VARCHAR"})
    return n


@task
def broken() -> None:
    raise ValueError("no luck")


EXECUTORS = [InlineExecutor(), ThreadExecutor(2), ProcessExecutor(1)]


@pytest.mark.parametrize("executor", EXECUTORS, ids=repr)
def test_a_run_and_its_steps_are_told_with_what_they_read_and_wrote(backend: Backend, executor: Any) -> None:
    @flow(tags=("nightly",))
    def nightly() -> None:
        """Load what came in the night."""
        load(3)

    run = nightly.run(executor=executor)
    assert flush_lineage(10) == 0
    assert backend.told() == [
        ("START", "nightly"),
        ("START", "nightly.load"),
        ("COMPLETE", "nightly.load"),
        ("COMPLETE", "nightly"),
    ]
    assert set(backend.paths) == {"/api/v1/lineage"}
    begin, _, step, _ = backend.events
    assert begin["run"]["runId"] == str(uuid.UUID(run.run_id)) == run_uuid(run.run_id)
    assert begin["job"]["facets"]["documentation"]["description"] == "Load what came in the night."
    assert begin["job"]["facets"]["jobType"]["jobType"] == "FLOW"
    assert [tag["key"] for tag in begin["job"]["facets"]["tags"]["tags"]] == ["nightly"]
    assert begin["run"]["facets"]["processing_engine"]["name"] == "Longshore"
    assert "parent" not in begin["run"]["facets"]
    parent = step["run"]["facets"]["parent"]
    assert (parent["job"]["name"], parent["run"]["runId"]) == ("nightly", begin["run"]["runId"])
    assert step["run"]["runId"] == run_uuid(run.run_id, "load")
    assert {tag["key"] for tag in step["job"]["facets"]["tags"]["tags"]} == {"eu", "nightly"}
    [read], [written] = step["inputs"], step["outputs"]
    assert (read["namespace"], read["name"]) == ("s3://lake", "2013/3.csv")
    assert read["inputFacets"]["inputStatistics"]["size"] == 30
    assert read["facets"]["version"]["datasetVersion"] == "v3"
    assert (written["namespace"], written["name"]) == ("snowflake://org-acct", "DWH.PUBLIC.FLIGHTS")
    assert written["outputFacets"]["outputStatistics"]["rowCount"] == 3
    assert [(f["name"], f["type"]) for f in written["facets"]["schema"]["fields"]] == [("CARRIER", "VARCHAR")]


def test_a_mapped_step_is_one_run_with_the_sum_of_its_parts(backend: Backend) -> None:
    with Flow("wide") as wide:
        load.map(list(range(4)))
    wide.run()
    flush_lineage(10)
    assert [kind for kind, job in backend.told() if job == "wide.load"] == ["START", "COMPLETE"]
    end = backend.of("wide.load")[-1]
    assert sorted(read["name"] for read in end["inputs"]) == [f"2013/{n}.csv" for n in range(4)]
    [written] = end["outputs"]
    assert written["outputFacets"]["outputStatistics"]["rowCount"] == 6


def test_ten_thousand_parts_are_told_as_their_folder(backend: Backend) -> None:
    count = 2_000
    with Flow("wide") as wide:
        load.map(list(range(count)))
    wide.run(executor=InlineExecutor())
    flush_lineage(10)
    end = backend.of("wide.load")[-1]
    [read] = end["inputs"]
    assert (read["namespace"], read["name"]) == ("s3://lake", "2013")
    assert read["inputFacets"]["inputStatistics"]["fileCount"] == count
    assert read["inputFacets"]["inputStatistics"]["size"] == 10 * count * (count - 1) // 2
    assert len(backend.events) == 4


def test_a_failure_is_told_with_its_error_and_what_did_not_run_is_not_told(backend: Backend) -> None:
    @task
    def skipped() -> None:
        raise Skip("nothing new")

    @task
    def after(x: Any) -> None:
        pass

    @task(cache=Cache())
    def kept() -> int:
        return 1

    kept()
    with Flow("failing") as failing:
        after(broken())
        skipped()
        kept()
        with case(kept(), 2):
            load(1)
    failing.run()
    flush_lineage(10)
    told = {job: kind for kind, job in backend.told() if "case" not in job}
    assert told == {"failing": "FAIL", "failing.broken": "FAIL", "failing.skipped": "COMPLETE"}
    error = backend.of("failing.broken")[-1]["run"]["facets"]["errorMessage"]
    assert error["message"] == "ValueError: no luck"
    assert error["stackTrace"].endswith("ValueError: no luck\n")
    assert (
        "broken: ValueError: no luck" in backend.of("failing")[-1]["run"]["facets"]["errorMessage"]["message"]
    )


def test_only_what_the_last_attempt_read_counts(backend: Backend) -> None:
    @task(retries=1)
    def twice() -> None:
        current.reads(f"s3://lake/{current.attempt}.csv", bytes=5)
        current.reads(f"s3://lake/{current.attempt}.csv", bytes=2)
        if current.attempt == 1:
            raise Retry(after=0)

    @task(retries=1)
    def once_named() -> None:
        if current.attempt == 1:
            current.reads("s3://lake/only-then.csv")
            raise Retry(after=0)

    with Flow("again") as again:
        twice()
        once_named()
    again.run()
    flush_lineage(10)
    assert backend.of("again.once_named")[-1]["inputs"] == []
    start, end = backend.of("again.twice")
    assert (start["eventType"], end["eventType"]) == ("START", "COMPLETE")
    assert [(read["name"], read["inputFacets"]["inputStatistics"]["size"]) for read in end["inputs"]] == [
        ("2.csv", 7)
    ]


def test_a_resumed_run_goes_on_under_the_same_ids(backend: Backend, tmp_path: Path) -> None:
    mended = tmp_path / "mended"

    @task
    def fragile() -> None:
        current.reads("s3://lake/a.csv")
        if not mended.exists():
            raise Fail("not yet")

    with Flow("nightly") as nightly:
        load(1)
        fragile()
    store = SQLiteStore(tmp_path / "runs.db")
    run = nightly.run(store=store, run_id="2013-01-01")
    flush_lineage(10)
    first = list(backend.events)
    mended.touch()
    nightly.resume(run.run_id, store=store)
    flush_lineage(10)
    second = backend.events[len(first) :]
    assert [(e["eventType"], e["job"]["name"]) for e in second] == [
        ("START", "nightly"),
        ("START", "nightly.fragile"),
        ("COMPLETE", "nightly.fragile"),
        ("COMPLETE", "nightly"),
    ]
    ids = {(e["job"]["name"], e["run"]["runId"]) for e in backend.events}
    assert ids == {
        ("nightly", run_uuid("2013-01-01")),
        ("nightly.load", run_uuid("2013-01-01", "load")),
        ("nightly.fragile", run_uuid("2013-01-01", "fragile")),
    }


def test_a_flow_inside_a_step_knows_its_parent_and_the_root_of_all(backend: Backend) -> None:
    named: list[str] = []

    @task
    def outer() -> None:
        named.append(parent_id())
        inner.run()

    with Flow("inner") as inner:
        load(1)
    with Flow("whole") as whole:
        outer()
    run = whole.run()
    flush_lineage(10)
    step = backend.of("whole.outer")[0]["run"]["runId"]
    assert named == [f"default/whole.outer/{step}"]
    parent = backend.of("inner")[0]["run"]["facets"]["parent"]
    assert (parent["job"]["name"], parent["run"]["runId"]) == ("whole.outer", step)
    for event in (*backend.of("inner"), *backend.of("inner.load"), *backend.of("whole.outer")):
        root = event["run"]["facets"]["parent"]["root"]
        assert (root["job"]["name"], root["run"]["runId"]) == ("whole", run_uuid(run.run_id))


@task
def variables() -> dict[str, str]:
    return current.environment()


@task
def nested() -> dict[str, str]:
    with Flow("inner") as inner:
        variables()
    found: dict[str, str] = inner.run().results["variables"]
    return found


@pytest.mark.parametrize("executor", [InlineExecutor(), ProcessExecutor(1)], ids=repr)
def test_what_a_step_starts_finds_its_parent_and_the_root_of_all(backend: Backend, executor: Any) -> None:
    with Flow("whole") as whole:
        variables()
        nested()
    run = whole.run(executor=executor)
    root = f"default/whole/{run_uuid(run.run_id)}"
    assert run.results["variables"] == {
        "OPENLINEAGE_PARENT_ID": f"default/whole.variables/{run_uuid(run.run_id, 'variables')}",
        "OPENLINEAGE_ROOT_PARENT_ID": root,
    }
    inner = run.results["nested"]
    assert inner["OPENLINEAGE_PARENT_ID"].startswith("default/inner.variables/")
    assert inner["OPENLINEAGE_ROOT_PARENT_ID"] == root
    flush_lineage(10)


def test_the_parent_and_the_namespace_may_come_from_the_environment(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    outer = str(uuid.uuid4())
    monkeypatch.setenv("OPENLINEAGE_PARENT_ID", f"airflow/dag.task/{outer}")
    monkeypatch.setenv("OPENLINEAGE_NAMESPACE", "prod")
    with Flow("nightly") as nightly:
        load(1)
    nightly.run()
    flush_lineage(10)
    parent = backend.of("nightly")[0]["run"]["facets"]["parent"]
    assert (parent["job"]["namespace"], parent["job"]["name"], parent["run"]["runId"]) == (
        "airflow",
        "dag.task",
        outer,
    )
    step = backend.of("nightly.load")[0]["run"]["facets"]["parent"]
    assert (step["job"]["namespace"], step["job"]["name"]) == ("prod", "nightly")
    assert step["root"]["run"]["runId"] == outer
    assert {event["job"]["namespace"] for event in backend.events} == {"prod"}


def test_the_time_for_which_a_run_was_scheduled_is_told(backend: Backend, tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "runs.db")
    due = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)

    @flow
    def nightly() -> None:
        load(1)

    run_id = nightly.submit(store=store, at=due)
    run_recorded(nightly, run_id, store)
    flush_lineage(10)
    for event in backend.events:
        told = event["run"]["facets"]["nominalTime"]["nominalStartTime"]
        assert datetime.fromisoformat(told) == due


def test_the_tasks_of_object_stores_are_told_without_a_word(backend: Backend, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1,2\n")
    with Flow("copying") as copying:
        Copy()(tmp_path / "a.csv", tmp_path / "b.csv")
    copying.run()
    flush_lineage(10)
    end = backend.of("copying.Copy")[-1]
    assert [(d["namespace"], d["name"]) for d in (*end["inputs"], *end["outputs"])] == [
        ("file", f"{tmp_path}/a.csv"),
        ("file", f"{tmp_path}/b.csv"),
    ]
    assert end["outputs"][0]["outputFacets"]["outputStatistics"]["size"] == 4


def test_a_call_outside_a_flow_is_not_told(backend: Backend) -> None:
    assert load(1) == 1
    flush_lineage(1)
    assert backend.events == []


@task
def leaking(password: Secret) -> None:
    value = password.get()
    current.reads(f"https://ann:{value}@example.com/a.csv?sig={value}")
    current.writes(f"s3://lake/{value}", columns={value: value})
    raise ValueError(f"no luck with {value}")


@pytest.mark.parametrize("executor", EXECUTORS, ids=repr)
def test_no_secret_is_in_any_event(backend: Backend, canary: Canary, executor: Any) -> None:
    with Flow("leaking") as leaks:
        leaking(canary.secret)
    leaks.run(executor=executor)
    flush_lineage(10)
    assert [kind for kind, _ in backend.told()] == ["START", "START", "FAIL", "FAIL"]
    canary.assert_absent(*backend.bodies)
    assert backend.of("leaking.leaking")[-1]["inputs"][0]["name"] == "a.csv"


PROGRAM = """
import os, sys
from longshore import current, flow, task

@task
def load():
    current.reads("s3://lake/a.csv", bytes=1)

@flow
def nightly():
    load()

assert nightly.run().succeeded
print(sorted(name for name in sys.modules if name.split(".")[0] == "openlineage"))
"""


def run_program(tmp_path: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OPENLINEAGE")}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**clean, "HOME": str(tmp_path), **settings},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


def test_without_settings_nothing_is_imported_and_nothing_is_said(tmp_path: Path) -> None:
    for settings in ({}, {"OPENLINEAGE_DISABLED": "True", "OPENLINEAGE_URL": "http://127.0.0.1:1"}):
        done = run_program(tmp_path, **settings)
        assert done.stdout == "[]\n"
        assert "lineage" not in done.stderr.lower()


def test_a_program_that_ends_at_once_has_told_all(tmp_path: Path, backend: Backend) -> None:
    done = run_program(tmp_path, OPENLINEAGE_URL=backend.url)
    assert [kind for kind, _ in backend.told()] == ["START", "START", "COMPLETE", "COMPLETE"]
    assert "lineage" not in done.stderr.lower()


def test_events_may_go_to_a_file(tmp_path: Path) -> None:
    told = tmp_path / "lineage.jsonl"
    (tmp_path / "openlineage.yml").write_text(
        f"transport:\n  type: file\n  log_file_path: {told}\n  append: true\n"
    )
    run_program(tmp_path)
    events = [json.loads(line) for line in told.read_text().splitlines()]
    for event in events:
        check(event)
    assert [event["job"]["name"] for event in events] == [
        "nightly",
        "nightly.load",
        "nightly.load",
        "nightly",
    ]
