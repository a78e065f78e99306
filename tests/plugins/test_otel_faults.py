"""Telemetry harms no run: endpoints that are down, slow or refuse, wrong settings; and Prometheus."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import time
import urllib.request
from typing import Any

import pytest

pytest.importorskip("opentelemetry.sdk", reason="needs longshore[otel]")

from otel_rig import Collector, collector, running_collector, unset
from prometheus_client.parser import text_string_to_metric_families

from longshore import Flow, InlineExecutor, current, task
from longshore_otel import flush_telemetry, pipelines
from longshore_otel.checkups import checkups

__all__ = ["collector", "unset"]  # fixtures


@task
def load(n: int) -> int:
    current.writes("s3://lake/a.csv", rows=n)
    return n


with Flow("nightly") as nightly:
    load(1)


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@pytest.mark.parametrize("fault", [400, 500, 503])
def test_an_endpoint_that_refuses_changes_no_run_and_is_said_once(
    collector: Collector, caplog: pytest.LogCaptureFixture, fault: int
) -> None:
    collector.fault = fault
    assert nightly.run().succeeded
    found = pipelines.pipeline()
    assert not found.flush(20, patient=False)
    [said] = warnings_in(caplog)
    assert said.startswith("cannot export ")
    assert collector.url in said
    assert said.endswith("to turn it off: export OTEL_SDK_DISABLED=true")


def test_an_endpoint_that_answers_nonsense_changes_no_run(collector: Collector) -> None:
    collector.fault = "html"
    assert nightly.run().succeeded
    flush_telemetry(10)
    assert collector.requests


def test_an_endpoint_that_is_down_or_hangs_is_waited_for_no_longer_than_asked(
    unset: None, collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    collector.fault = "hang"
    assert nightly.run().succeeded
    began = time.monotonic()
    assert not flush_telemetry(0.2)
    assert time.monotonic() - began < 10
    collector.released.set()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    assert nightly.run().succeeded
    assert not pipelines.pipeline().flush(60, patient=False)
    assert time.monotonic() - began < 30


def test_what_waits_for_an_endpoint_that_hangs_is_bounded(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "600")
    collector.fault = "hang"
    with Flow("wide") as wide:
        load.map(list(range(1_500)))
    assert wide.run(executor=InlineExecutor()).succeeded
    collector.fault = ""
    collector.released.set()
    flush_telemetry(20)
    assert 0 < len(collector.spans) <= 600 + 512  # one batch was on its way
    [said] = warnings_in(caplog)
    assert "Queue full" in said


def test_grpc_that_is_not_installed_is_said_with_what_to_do(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    assert nightly.run().succeeded
    [said] = warnings_in(caplog)
    assert "pip install opentelemetry-exporter-otlp-proto-grpc" in said
    assert collector.requests == []


def test_a_program_whose_endpoint_is_down_ends_well_and_says_it_once(unset: None) -> None:
    program = "from longshore import Flow\nwith Flow('nightly') as f: pass\nassert f.run().succeeded"
    where = f"http://127.0.0.1:{free_port()}"
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": where},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert time.monotonic() - began < 20
    assert done.stderr.count("cannot export ") == 1
    assert f"{where}/v1/" in done.stderr
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in done.stderr
    assert "Traceback" not in done.stderr


def samples_in(text: str) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample)
    return found


def test_prometheus_fetches_metrics(unset: None, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "prometheus")
    monkeypatch.setenv("OTEL_EXPORTER_PROMETHEUS_HOST", "127.0.0.1")
    monkeypatch.setenv("OTEL_EXPORTER_PROMETHEUS_PORT", str(port))
    assert nightly.run().succeeded
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        found = samples_in(answer.read().decode())
    [count] = found["longshore_step_duration_seconds_count"]
    assert count.value == 1
    assert count.labels["longshore_step"] == "load"
    assert [sample.value for sample in found["longshore_attempts_total"]] == [1]


def test_the_end_of_a_run_pushes_metrics_to_the_gateway(unset: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_collector() as gateway:
        monkeypatch.setenv("LONGSHORE_PROMETHEUS_PUSHGATEWAY", gateway.url)
        monkeypatch.setenv("OTEL_SERVICE_NAME", "night-shift")
        assert nightly.run().succeeded
        assert flush_telemetry(10)
        method, path, kind = gateway.requests[-1]
        assert method == "PUT"
        assert path == f"/metrics/job/night-shift/instance/{socket.gethostname()}"
        assert kind.startswith("text/plain")
        found = samples_in(gateway.bodies[-1].decode())
    assert [sample.value for sample in found["longshore_run_duration_seconds_count"]] == [1]


def test_a_gateway_that_is_down_changes_no_run(
    unset: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(
        "LONGSHORE_PROMETHEUS_PUSHGATEWAY", f"http://ann:hunter2hunter2@127.0.0.1:{free_port()}"
    )
    assert nightly.run().succeeded
    assert not flush_telemetry(10)
    [said] = warnings_in(caplog)
    assert "LONGSHORE_PROMETHEUS_PUSHGATEWAY" in said
    assert "hunter2" not in said


def test_the_doctor_tells_whether_the_endpoint_answers(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {(subject, fine) for subject, fine, _ in checkups()} == {
        ("traces", True),
        ("metrics", True),
        ("logs", True),
    }
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"http://127.0.0.1:{free_port()}/v1/traces")
    told = {subject: (fine, text) for subject, fine, text in checkups()}
    assert not told["traces"][0]
    assert "does not answer" in told["traces"][1]
    assert told["metrics"][0]
