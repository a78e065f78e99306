"""The server to which the demo posts its summary."""

from __future__ import annotations

import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path  # noqa: TC003 - who describes a resource evaluates this
from typing import Any, cast

from longshore import Resource, current


class Inbox(Resource[str]):
    """A server on 127.0.0.1 that keeps what is posted to it, and is too busy the first time a run comes.

    Args:
        folder: Where it notes that a run has come.
    """

    folder: Path

    def setup(self) -> str:
        """Start it, and return its URL."""
        came_before = self.folder / f".{current.run_id}-came-before"
        server = Server(busy=not came_before.exists())
        came_before.touch()
        threading.Thread(target=server.serve_forever, args=(0.02,), name="inbox", daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/inbox"
        _open[url] = server
        return url

    def cleanup(self, value: str) -> None:
        """Stop it."""
        server = _open.pop(value, None)
        if server is not None:
            server.shutdown()
            server.server_close()


class Server(ThreadingHTTPServer):
    """Remembers documents by the path at which they can be read again."""

    daemon_threads = True

    def __init__(self, *, busy: bool) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.documents: dict[str, Any] = {}
        self.busy = busy


class Handler(BaseHTTPRequestHandler):
    """Takes documents by POST, gives them by GET."""

    def do_POST(self) -> None:
        server = cast("Server", self.server)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if server.busy:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, {"error": "busy, come again"})
            return
        path = f"{self.path}/{self.headers['Idempotency-Key']}"  # the same for a post that is repeated
        server.documents[path] = json.loads(body)
        self._answer(HTTPStatus.CREATED, {"url": f"http://{self.headers['Host']}{path}"})

    def do_GET(self) -> None:
        documents = cast("Server", self.server).documents
        known = self.path in documents
        self._answer(HTTPStatus.OK if known else HTTPStatus.NOT_FOUND, documents.get(self.path))

    def _answer(self, status: HTTPStatus, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's word
        """Say nothing; the flow's own log tells of the requests."""


_open: dict[str, Server] = {}
