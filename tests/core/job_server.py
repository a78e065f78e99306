"""A system that runs jobs, in a process of its own: it misbehaves as it is told to and remembers all it did.

with JobServer() as server:
    server.set(idempotent=False, hidden=1.0)
    server.fault("submit", "status", status=429, retry_after=2.0, times=1)
    ...
    server.jobs("key"), server.asked("status")

A job is a row with a length in seconds: how it stands follows from the clock, so a thousand cost nothing.
"""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


@dataclass
class Row:
    """One job."""

    id: str
    key: str
    seconds: float
    outcome: str
    value: Any
    lines: list[str]
    created: float
    cancelled: float | None = None
    discarded: bool = False

    @property
    def ended(self) -> float:
        natural = self.created + self.seconds
        return natural if self.cancelled is None else min(natural, self.cancelled)

    def state(self) -> str:
        if time.time() < self.ended:
            return "running"
        return "cancelled" if self.ended == self.cancelled else self.outcome

    def times(self) -> list[float]:
        """When each line is written, if the job lives so long."""
        return [self.created + self.seconds * (n + 1) / (len(self.lines) + 1) for n in range(len(self.lines))]

    def written(self) -> int:
        return sum(at <= min(time.time(), self.ended) for at in self.times())

    def log(self, late: float) -> list[dict[str, Any]]:
        every = zip(self.lines[: self.written()], self.times(), strict=False)
        return [
            {"number": n, "text": text, "time": at}
            for n, (text, at) in enumerate(every, 1)
            if at + late <= time.time()
        ]


@dataclass
class Settings:
    """How the system is.

    Args:
        idempotent: A second job under a key is the first one.
        hidden: Seconds for which nobody finds a job that was just submitted.
        cancel_takes: Seconds until a cancelled job has ended.
        late_lines: Seconds after which a line shows in the log.
        repeated_lines: Lines before the cursor that are given again.
        fail_first: The first of all jobs with the same lines fails with an exit code.
    """

    idempotent: bool = True
    hidden: float = 0.0
    cancel_takes: float = 0.0
    late_lines: float = 0.0
    repeated_lines: int = 0
    fail_first: bool = False


@dataclass
class Fault:
    """What is to go wrong: `times` requests, or all within `seconds`.

    `kind` is `status` (answer that, with Retry-After), `reset` (do it, then cut the connection), `cut` (cut
    it at once), `silence` (never answer) or `slow` (answer after `seconds`).
    """

    op: str
    kind: str
    status: int = 500
    retry_after: float | None = None
    times: int | None = None
    seconds: float | None = None
    since: float = field(default_factory=time.time)

    def applies(self, op: str) -> bool:
        over = self.kind != "slow" and self.seconds is not None and time.time() > self.since + self.seconds
        return self.op in (op, "any") and self.times != 0 and not over


class Book:
    """All jobs, all requests, all faults."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset({})

    def reset(self, _: Any) -> None:
        self.rows: dict[str, Row] = {}
        self.by_key: dict[str, list[Row]] = {}
        self.requests: list[tuple[str, str, float]] = []
        self.faults: list[Fault] = []
        self.settings = Settings()

    def set(self, body: dict[str, Any]) -> None:
        self.settings = Settings(**{**asdict(self.settings), **body})

    def fault(self, body: dict[str, Any]) -> None:
        self.faults.append(Fault(**body))

    def heal(self, _: Any) -> None:
        self.faults = []

    def history(self, _: Any) -> dict[str, Any]:
        jobs = [{**asdict(row), "state": row.state()} for row in self.rows.values()]
        return {"jobs": jobs, "requests": self.requests}

    def due(self, op: str, subject: str) -> Fault | None:
        """Remember a request, and return what is to go wrong with it."""
        with self._lock:
            self.requests.append((op, subject, time.time()))
            found = next((fault for fault in self.faults if fault.applies(op)), None)
            if found is not None and found.times is not None:
                found.times -= 1
            return found

    def submit(self, body: dict[str, Any]) -> Row:
        with self._lock:
            known = self.by_key.setdefault(body["key"], [])
            if known and self.settings.idempotent:
                return known[0]
            if self.settings.fail_first and all(row.lines != body["lines"] for row in self.rows.values()):
                body = {**body, "outcome": "exit code"}
            row = Row(id=f"job-{len(self.rows) + 1}", created=time.time(), **body)
            known.append(row)
            self.rows[row.id] = row
            return row

    def shown(self, row: Row | None) -> Row | None:
        if row is None or row.discarded or time.time() < row.created + self.settings.hidden:
            return None
        return row

    def cancel(self, row: Row) -> None:
        if row.cancelled is None and row.state() == "running":
            row.cancelled = time.time() + self.settings.cancel_takes


class Answer(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def log_message(self, *args: Any) -> None:
        """Say nothing: the book has all requests."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        book = self.server.book
        control = {
            "/reset": book.reset, "/set": book.set, "/fault": book.fault, "/heal": book.heal,
            "/history": book.history,
        }  # fmt: skip
        if self.path in control:
            self.send(200, control[self.path](body))
        else:
            self.do("submit", body["key"], lambda: (201, {"id": book.submit(body).id}))

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if "key" in query:
            self.do("find", query["key"], lambda: (200, self.find(query["key"])))
            return
        _, _, job, *rest = url.path.split("/")
        op = rest[0] if rest else "status"
        looks = {"status": self.status, "result": self.result, "logs": lambda row: self.logs(row, query)}
        self.do(op, job, lambda: self.about(job, looks[op]))

    def do_DELETE(self) -> None:
        url = urlsplit(self.path)
        job, op = url.path.split("/")[2], url.query or "cancel"
        self.do(op, job, lambda: self.about(job, self.discard if op == "discard" else self.cancel))

    def about(self, job: str, look: Callable[[Row], tuple[int, Any]]) -> tuple[int, Any]:
        row = self.server.book.shown(self.server.book.rows.get(job))
        return (404, {"error": f"no job {job}"}) if row is None else look(row)

    def find(self, key: str) -> Any:
        found = map(self.server.book.shown, self.server.book.by_key.get(key, []))
        return {"ids": [row.id for row in found if row is not None]}

    def status(self, row: Row) -> tuple[int, Any]:
        done = min(1.0, (time.time() - row.created) / row.seconds) if row.seconds else 1.0
        return 200, {"state": row.state(), "fraction": done}

    def result(self, row: Row) -> tuple[int, Any]:
        if row.state() == "running":
            return 409, {"error": f"{row.id} has not ended"}
        return 200, {"value": row.value}

    def logs(self, row: Row, query: dict[str, str]) -> tuple[int, Any]:
        settings = self.server.book.settings
        since = max(0, int(query.get("since") or 0) - settings.repeated_lines)
        lines = row.log(settings.late_lines)
        whole = row.state() == "running" or len(lines) == row.written()
        return 200, {"lines": [line for line in lines if line["number"] > since], "whole": whole}

    def cancel(self, row: Row) -> tuple[int, Any]:
        self.server.book.cancel(row)
        return 200, {}

    def discard(self, row: Row) -> tuple[int, Any]:
        row.discarded = True
        return 200, {}

    def do(self, op: str, subject: str, act: Callable[[], tuple[int, Any]]) -> None:
        fault = self.server.book.due(op, subject)
        if fault is None:
            self.send(*act())
        elif fault.kind == "status":
            self.send(fault.status, {"error": f"told to answer {fault.status}"}, fault.retry_after)
        elif fault.kind == "slow":
            time.sleep(fault.seconds or 0)
            self.send(*act())
        elif fault.kind == "silence":
            time.sleep(fault.seconds or 60)
        elif fault.kind == "reset":
            act()
            self.cut()
        else:
            self.cut()

    def send(self, status: int, body: Any, retry_after: float | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        if retry_after is not None:
            self.send_header("Retry-After", f"{retry_after:g}")
        self.end_headers()
        self.wfile.write(data)

    def cut(self) -> None:
        """Close with RST instead of FIN."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.wfile.close()
        self.rfile.close()
        socket.close(self.connection.detach())


class Server(ThreadingHTTPServer):
    """Answers each connection in a thread."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.book = Book()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that went away are what the tests are about."""


class JobServer:
    """The system, for tests: what goes wrong is set here, and what was asked is asked here."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{self._process.stdout.readline().strip()}"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()  # it ends with its input
        assert self._process.returncode == 0

    def _ask(self, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def reset(self) -> None:
        """Forget all jobs, faults, settings and requests."""
        self._ask("/reset", {})

    def set(self, **settings: Any) -> None:
        """Change how the system is: the fields of `Settings`."""
        self._ask("/set", settings)

    def fault(self, op: str, kind: str, **more: Any) -> None:
        """Have something go wrong: the fields of `Fault`."""
        self._ask("/fault", {"op": op, "kind": kind, **more})

    def heal(self) -> None:
        """Have nothing go wrong any more."""
        self._ask("/heal", {})

    def jobs(self, key: str | None = None) -> list[dict[str, Any]]:
        """Return the jobs that exist or existed, in the order in which they were submitted."""
        return [job for job in self._ask("/history", {})["jobs"] if key in (None, job["key"])]

    def asked(self, op: str, subject: str | None = None) -> list[float]:
        """Return when it was asked for something, about a key or a job's id, or all of them."""
        requests = self._ask("/history", {})["requests"]
        return [at for name, about, at in requests if name == op and subject in (None, about)]


def main() -> None:
    """Serve until the standard input ends."""
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        print(server.server_address[1], flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
