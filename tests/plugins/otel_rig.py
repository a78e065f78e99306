"""A collector on 127.0.0.1 that takes OTLP over HTTP and parses it, and a Pushgateway that checks pushes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from longshore.testing import isolated_process_state
from longshore_otel import pipelines


class Collector:
    """What came, and what is answered.

    Attributes:
        spans: By name.
        metrics: By name, the newest.
        logs: The records.
        requests: Method, path and content type of each.
        bodies: Of every request.
        fault: What becomes of requests: a status, `"hang"`, `"html"`; empty for none.
        released: Lets those go that hang.
    """

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.metrics: dict[str, Any] = {}
        self.logs: list[Any] = []
        self.requests: list[tuple[str, str, str]] = []
        self.bodies: list[bytes] = []
        self.fault: int | str = ""
        self.released = threading.Event()
        self.url = ""

    def one(self, name: str) -> Any:
        """Return the span of a name."""
        [span] = self.named(name)
        return span

    def named(self, name: str) -> list[Any]:
        """Return the spans of a name."""
        return [span for span in self.spans if span.name == name]

    def take(self, path: str, body: bytes) -> None:
        from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
        from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        if path == "/v1/traces":
            for part in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.spans += [span for scope in part.scope_spans for span in scope.spans]
        elif path == "/v1/metrics":
            for part in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                self.metrics |= {m.name: m for scope in part.scope_metrics for m in scope.metrics}
        elif path == "/v1/logs":
            for part in ExportLogsServiceRequest.FromString(body).resource_logs:
                self.logs += [record for scope in part.scope_logs for record in scope.log_records]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    collector: Collector

    def _take(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        collector = self.collector
        collector.requests.append((self.command, self.path, self.headers["Content-Type"]))
        collector.bodies.append(body)
        if collector.fault == "hang":
            collector.released.wait(30)
            self.close_connection = True
            return
        if not collector.fault:
            collector.take(self.path, body)
        answer = b"<html>?" if collector.fault == "html" else b""
        self.send_response(collector.fault if isinstance(collector.fault, int) else 200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def do_POST(self) -> None:
        self._take()

    def do_PUT(self) -> None:
        self._take()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # the test sees what came and what did not


@contextmanager
def running_collector() -> Iterator[Collector]:
    """Run a collector."""
    collector = Collector()
    handler = type("Handler", (_Handler,), {"collector": collector})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    collector.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield collector
    finally:
        collector.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def unset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No setting of OpenTelemetry."""
    for name in list(os.environ):
        if name.startswith(("OTEL_", "LONGSHORE_PROMETHEUS")) or name in ("TRACEPARENT", "TRACESTATE"):
            monkeypatch.delenv(name)
    with isolated_process_state():
        yield
    pipelines.forget()


@pytest.fixture
def collector(unset: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector to which the environment sends all."""
    with running_collector() as running:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "5")
        yield running
        pipelines.forget()
