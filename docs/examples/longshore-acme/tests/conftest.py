"""A small Acme on 127.0.0.1, which the tests talk to over real HTTP."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from longshore import Secret

from longshore_acme import AcmeConnection

TOKEN = "token-of-the-tests"


class Acme(ThreadingHTTPServer):
    """Keeps parcels by order; answers the first `busy` requests with 429."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.parcels: dict[str, dict[str, Any]] = {"1": {"number": "AC-1", "status": "delivered"}}
        self.busy = 0
        self.requests = 0


class Answers(BaseHTTPRequestHandler):
    server: Acme

    def do_GET(self) -> None:
        order = self.path.rpartition("-")[2]
        self.answer(200 if order in self.server.parcels else 404, self.server.parcels.get(order, {}))

    def do_POST(self) -> None:
        order = self.headers["Idempotency-Key"]
        self.rfile.read(int(self.headers["Content-Length"]))
        parcel = self.server.parcels.setdefault(order, {"number": f"AC-{order}", "status": "ordered"})
        self.answer(201, parcel)

    def answer(self, code: int, body: object) -> None:
        self.server.requests += 1
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            code = 401
        elif self.server.busy:
            code, self.server.busy = 429, self.server.busy - 1
        self.send_response(code)
        self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch) -> Iterator[Acme]:
    monkeypatch.setenv("ACME_TEST_TOKEN", TOKEN)
    server = Acme()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def connection(acme: Acme) -> AcmeConnection:
    host, port = acme.server_address[:2]
    return AcmeConnection(url=f"http://{host!s}:{port}", token=Secret("env:ACME_TEST_TOKEN"))
