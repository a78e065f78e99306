"""What a collector hears of runs, steps, attempts and jobs, by OTLP over real HTTP."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("opentelemetry.sdk", reason="needs longshore[otel]")

from otel_rig import Collector, collector, unset

from longshore import (
    Flow,
    InlineExecutor,
    Job,
    JobFinished,
    ProcessExecutor,
    Retry,
    Secret,
    SQLiteStore,
    ThreadExecutor,
    current,
    task,
)
from longshore.testing import Canary
from longshore_otel import flush_telemetry, trace_id
from longshore_shell import Shell

__all__ = ["collector", "unset"]  # fixtures
EXECUTORS = [InlineExecutor(), ThreadExecutor(2), ProcessExecutor(1)]


def attributes(span: Any) -> dict[str, Any]:
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in span.attributes}


@task(tags=("eu",))
def load(n: int) -> int:
    current.log.warning("loading %d", n)
    current.reads("s3://lake/a.csv", bytes=10, rows=n)
    return n


@task(retries=1)
def flaky() -> None:
    if current.attempt == 1:
        raise Retry("not yet", after=0)


@task
def broken() -> None:
    raise ValueError("no luck")


@task
def variables() -> dict[str, str]:
    return current.environment()


@pytest.mark.parametrize("executor", EXECUTORS, ids=repr)
def test_a_run_its_steps_and_attempts_are_one_tree_of_spans(collector: Collector, executor: Any) -> None:
    with Flow("nightly") as nightly:
        flaky()
        broken()
        load.map([1, 2])
    run = nightly.run(executor=executor)
    assert flush_telemetry(10)
    root = collector.one("nightly")
    assert root.trace_id.hex() == trace_id(run.run_id)
    assert root.parent_span_id == b""
    assert {span.trace_id for span in collector.spans} == {root.trace_id}
    for step, attempts in (("flaky", 2), ("broken", 1), ("load", 2)):
        span = collector.one(step)
        assert span.parent_span_id == root.span_id
        tried = collector.named(f"{step} attempt")
        assert {one.parent_span_id for one in tried} == {span.span_id}
        assert len(tried) == attempts
        assert root.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
    assert len(collector.spans) == len({span.span_id for span in collector.spans}) == 9
    assert {attributes(one)["longshore.map_index"] for one in collector.named("load attempt")} == {0, 1}
    assert [value.string_value for value in attributes(collector.one("load"))["longshore.tags"].values] == [
        "eu"
    ]


def test_a_failure_is_an_error_with_its_exception_and_a_retry_is_an_event(collector: Collector) -> None:
    with Flow("nightly") as nightly:
        flaky()
        broken()
    nightly.run()
    flush_telemetry(10)
    failed = collector.one("broken attempt")
    assert (failed.status.code, failed.status.message) == (2, "ValueError: no luck")
    [event] = failed.events
    told = attributes(event)
    assert (event.name, told["exception.type"]) == ("exception", "ValueError")
    assert told["exception.message"] == "ValueError: no luck"
    assert told["exception.stacktrace"].endswith("ValueError: no luck\n")
    [retry] = collector.one("flaky").events
    assert (retry.name, attributes(retry)["longshore.attempt"]) == ("longshore.retry", 1)
    assert {span.name: span.status.code for span in collector.spans if span.name in ("nightly", "flaky")} == {
        "nightly": 2,
        "flaky": 0,
    }
    assert [attributes(one)["longshore.state"] for one in collector.named("flaky attempt")] == [
        "Retrying",
        "Success",
    ]


class Query(Job[int]):
    """A job of no system: it has ended when it is looked at."""

    def submit(self, key: str, /, n: int) -> dict[str, int]:
        return {"n": n}

    def find(self, key: str) -> dict[str, int] | None:
        return None

    def poll(self, handle: dict[str, int]) -> JobFinished:
        return JobFinished()

    def result(self, handle: dict[str, int]) -> int:
        return handle["n"]

    def cancel(self, handle: dict[str, int]) -> None:
        pass


def test_a_job_has_a_span_in_that_of_its_attempt(collector: Collector) -> None:
    with Flow("nightly") as nightly:
        Query()(3)
    assert nightly.run().succeeded
    flush_telemetry(10)
    job = collector.one("Query job")
    assert job.parent_span_id == collector.one("Query attempt").span_id
    assert attributes(job)["longshore.job.handle"] == "{'n': 3}"


def test_a_run_in_a_trace_that_its_environment_names_is_a_part_of_it(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACEPARENT", f"00-{'a' * 32}-{'b' * 16}-01")
    with Flow("nightly") as nightly:
        load(1)
    nightly.run()
    flush_telemetry(10)
    root = collector.one("nightly")
    assert (root.trace_id.hex(), root.parent_span_id.hex()) == ("a" * 32, "b" * 16)
    assert collector.one("load").trace_id == root.trace_id


@task
def outer() -> None:
    with Flow("inner") as inner:
        load(1)
    inner.run(executor=InlineExecutor())


@pytest.mark.parametrize("executor", EXECUTORS, ids=repr)
def test_a_run_inside_a_step_is_a_part_of_its_attempt(collector: Collector, executor: Any) -> None:
    with Flow("whole") as whole:
        outer()
    whole.run(executor=executor)
    flush_telemetry(10)
    assert collector.one("inner").parent_span_id == collector.one("outer attempt").span_id
    assert {span.trace_id for span in collector.spans} == {collector.one("whole").trace_id}


def test_a_child_process_finds_the_span_of_its_attempt(collector: Collector) -> None:
    with Flow("nightly") as nightly:
        echo = Shell("echo $TRACEPARENT")()
    run = nightly.run()
    flush_telemetry(10)
    [attempt] = [span for span in collector.spans if span.name.endswith(" attempt")]
    assert f"00-{attempt.trace_id.hex()}-{attempt.span_id.hex()}-01" in run.results[echo].stdout_tail


def test_a_resumed_run_goes_on_in_the_same_trace(collector: Collector, tmp_path: Path) -> None:
    mended = tmp_path / "mended"

    @task
    def fragile() -> None:
        if not mended.exists():
            raise ValueError("not yet")

    with Flow("nightly") as nightly:
        load(1)
        fragile()
    store = SQLiteStore(tmp_path / "runs.db")
    run = nightly.run(store=store)
    mended.touch()
    nightly.resume(run.run_id, store=store)
    flush_telemetry(10)
    first, second = collector.named("nightly")
    assert first.trace_id == second.trace_id
    assert first.span_id != second.span_id
    assert [span.parent_span_id for span in collector.named("fragile")] == [first.span_id, second.span_id]


def test_durations_retries_failures_and_datasets_are_measured_without_ids(collector: Collector) -> None:
    with Flow("nightly") as nightly:
        flaky()
        broken()
        load(3)
    nightly.run()
    flush_telemetry(10)
    found = collector.metrics
    assert found["longshore.run.duration"].unit == found["longshore.step.duration"].unit == "s"
    [run] = found["longshore.run.duration"].histogram.data_points
    assert (run.count, attributes(run)) == (1, {"longshore.flow": "nightly", "longshore.state": "Failed"})
    steps = {attributes(p)["longshore.step"] for p in found["longshore.step.duration"].histogram.data_points}
    assert steps == {"flaky", "broken", "load"}
    assert sum(point.as_int for point in found["longshore.attempts"].sum.data_points) == 4
    assert sum(point.as_int for point in found["longshore.retries"].sum.data_points) == 1
    assert sum(point.as_int for point in found["longshore.failures"].sum.data_points) == 1
    [size] = found["longshore.dataset.bytes"].sum.data_points
    assert (size.as_int, attributes(size)["longshore.direction"]) == (10, "read")
    [rows] = found["longshore.dataset.rows"].sum.data_points
    assert rows.as_int == 3
    allowed = {"longshore.flow", "longshore.step", "longshore.state", "longshore.direction"}
    for metric in found.values():
        points = getattr(metric, metric.WhichOneof("data")).data_points
        assert all(set(attributes(point)) <= allowed for point in points)


@pytest.mark.parametrize("executor", EXECUTORS, ids=repr)
def test_what_an_attempt_logs_carries_its_span(collector: Collector, executor: Any) -> None:
    with Flow("nightly") as nightly:
        load(7)
    nightly.run(executor=executor)
    flush_telemetry(10)
    [record] = [one for one in collector.logs if one.body.string_value == "loading 7"]
    attempt = collector.one("load attempt")
    assert (record.trace_id, record.span_id) == (attempt.trace_id, attempt.span_id)
    assert (record.severity_text, record.severity_number) == ("WARN", 13)
    assert logging.getLogger("longshore").handlers == []


def test_the_end_of_one_run_leaves_the_log_of_another_alone(collector: Collector) -> None:
    began, other_ended = threading.Event(), threading.Event()

    @task
    def wait() -> None:
        began.set()
        assert other_ended.wait(30)
        current.log.warning("still here")

    with Flow("long") as long:
        wait()
    going: list[Future[Any]] = []
    with ThreadPoolExecutor(1) as pool:

        @task
        def overlap() -> None:
            going.append(pool.submit(long.run))
            assert began.wait(30)

        with Flow("short") as short:
            overlap()
        short.run()
        other_ended.set()
        going[0].result(30)
    assert flush_telemetry(10)
    assert "still here" in [record.body.string_value for record in collector.logs]


@task
def leaking(password: Secret) -> None:
    value = password.get()
    current.log.warning("it is %s", value)
    current.reads(f"https://ann:{value}@example.com/a.csv", bytes=1)
    raise ValueError(f"no luck with {value}")


@pytest.mark.gate("S1")
@pytest.mark.parametrize("executor", EXECUTORS, ids=repr)
def test_no_secret_is_in_any_exported_byte(collector: Collector, canary: Canary, executor: Any) -> None:
    with Flow("leaking") as leaks:
        leaking(canary.secret)
    leaks.run(executor=executor)
    flush_telemetry(10)
    assert {path for _, path, _ in collector.requests} == {"/v1/traces", "/v1/metrics", "/v1/logs"}
    canary.assert_absent(*collector.bodies)


PROGRAM = """
import sys
from longshore import flow, task

@task
def load():
    pass

@flow
def nightly():
    load()

assert nightly.run().succeeded
print(sorted(name for name in sys.modules if name.split(".")[0] in ("opentelemetry", "prometheus_client")))
"""


def run_program(tmp_path: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**clean, **settings},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


def test_without_settings_nothing_is_imported(unset: None, tmp_path: Path) -> None:
    assert run_program(tmp_path).stdout == "[]\n"


def test_a_program_that_ends_at_once_has_told_all(collector: Collector, tmp_path: Path) -> None:
    done = run_program(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    assert {span.name for span in collector.spans} == {"nightly", "load", "load attempt"}
    assert "longshore.run.duration" in collector.metrics
    assert "cannot export" not in done.stderr
