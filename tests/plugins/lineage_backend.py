"""A lineage backend on 127.0.0.1: takes OpenLineage events over HTTP, and checks each as their schemas do."""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

TYPES: Final = {"START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"}
REQUIRED: Final = {
    "parent": {"run", "job"},
    "errorMessage": {"message", "programmingLanguage"},
    "nominalTime": {"nominalStartTime"},
    "processing_engine": {"version"},
    "jobType": {"processingType", "integration"},
    "documentation": {"description"},
    "tags": set[str](),
    "sourceCodeLocation": {"type", "url"},
    "schema": set[str](),
    "version": {"datasetVersion"},
    "dataSource": set[str](),
    "inputStatistics": set[str](),
    "outputStatistics": set[str](),
}
"""The facets that may come, by the names under which the specification has them, and what each must have."""


class Backend:
    """What came, and what is answered.

    Attributes:
        events: Those that were taken, in their order.
        headers: Of every request.
        paths: Of every request.
        bodies: Of every request.
        faults: What becomes of the next requests, one by one: a status, or `"hang"`, `"reset"`, `"html"`.
        always: What becomes of those after them; all is well when it is 0.
        released: Lets those go that hang.
    """

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.bodies: list[bytes] = []
        self.faults: list[int | str] = []
        self.always: int | str = 0
        self.released = threading.Event()
        self.url = ""

    def of(self, job: str) -> list[dict[str, Any]]:
        """Return the events of a job."""
        return [event for event in self.events if event["job"]["name"] == job]

    def told(self) -> list[tuple[str, str]]:
        """Return which events of which jobs came."""
        return [(event["eventType"], event["job"]["name"]) for event in self.events]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    backend: Backend

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        backend = self.backend
        backend.paths.append(self.path)
        backend.headers.append(dict(self.headers.items()))
        backend.bodies.append(body)
        fault = backend.faults.pop(0) if backend.faults else backend.always
        if fault == "hang":
            backend.released.wait(30)
            self.close_connection = True
        elif fault == "reset":
            self.connection.close()
            self.close_connection = True
        elif fault == "html":
            self._answer(502, b"<html>Bad gateway</html>")
        elif fault:
            self._answer(int(fault), b"no")
        else:
            event = json.loads(body)
            check(event)
            backend.events.append(event)
            self._answer(201, b"")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # the test sees what came and what did not


@contextmanager
def running_backend() -> Iterator[Backend]:
    """Run a backend of its own."""
    backend = Backend()
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"backend": backend}))
    backend.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield backend
    finally:
        backend.released.set()
        server.shutdown()
        server.server_close()


def check(event: dict[str, Any]) -> None:
    """Check an event as `OpenLineage.json` and the facets' schemas do."""
    assert set(event) <= {
        "eventTime", "eventType", "producer", "schemaURL", "run", "job", "inputs", "outputs"
    }  # fmt: skip
    assert event["eventType"] in TYPES
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["eventTime"])
    _check_uri(event["producer"])
    assert re.fullmatch(
        r"https://openlineage\.io/spec/[\d-]+/OpenLineage\.json#/\$defs/RunEvent", event["schemaURL"]
    )
    assert set(event["run"]) == {"runId", "facets"}
    assert str(uuid.UUID(event["run"]["runId"])) == event["run"]["runId"]
    assert set(event["job"]) == {"namespace", "name", "facets"}
    _check_names(event["job"])
    _check_facets(event["run"]["facets"])
    _check_facets(event["job"]["facets"])
    for dataset in event["inputs"]:
        assert set(dataset) <= {"namespace", "name", "facets", "inputFacets"}
        _check_dataset(dataset, dataset.get("inputFacets", {}))
    for dataset in event["outputs"]:
        assert set(dataset) <= {"namespace", "name", "facets", "outputFacets"}
        _check_dataset(dataset, dataset.get("outputFacets", {}))


def _check_names(named: dict[str, Any]) -> None:
    assert isinstance(named["namespace"], str)
    assert named["namespace"]
    assert isinstance(named["name"], str)
    assert named["name"]


def _check_dataset(dataset: dict[str, Any], more: dict[str, Any]) -> None:
    _check_names(dataset)
    _check_facets(dataset["facets"])
    _check_facets(more)
    for facet in more.values():
        assert all(isinstance(facet.get(key, 0), int) for key in ("size", "rowCount", "fileCount"))
    for field in dataset["facets"].get("schema", {}).get("fields", []):
        assert isinstance(field["name"], str)


def _check_facets(facets: dict[str, Any]) -> None:
    for name, facet in facets.items():
        _check_uri(facet["_producer"])
        _check_uri(facet["_schemaURL"])
        assert REQUIRED[name] <= set(facet), name
        if name == "parent":
            for link in (facet, facet["root"]):
                uuid.UUID(link["run"]["runId"])
                _check_names(link["job"])
        elif name == "nominalTime":
            assert datetime.fromisoformat(facet["nominalStartTime"]).tzinfo is not None
        elif name == "tags":
            assert all({"key", "value"} <= set(tag) for tag in facet["tags"])


def _check_uri(text: str) -> None:
    assert re.match(r"[a-z][a-z0-9+.-]*:\S+$", text), text
