"""The sockets of the test server: requests read, answers written."""

from __future__ import annotations

import socket
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from longshore_gcs.testing.answers import Answer, Request

if TYPE_CHECKING:
    from longshore_gcs.testing.server import GCSServer


class Http(ThreadingHTTPServer):
    """One thread for each connection; the end of the server is the end of them all."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type[Handler]) -> None:
        super().__init__(address, handler)
        self._open: set[socket.socket] = set()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection, and note it."""
        connection, address = super().get_request()
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Close all."""
        super().server_close()
        for connection in tuple(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Handler(BaseHTTPRequestHandler):
    """Reads requests and writes answers; connections are kept open."""

    gcs: GCSServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def _serve(self) -> None:
        body = self._chunked() if "chunked" in self.headers.get("transfer-encoding", "") else self._sized()
        path, _, query = self.path.partition("?")
        host = self.headers.get("host")  # where the client asked, also through a proxy
        request = Request(
            self.command,
            tuple(map(unquote, path.strip("/").split("/"))),
            dict(parse_qsl(query, keep_blank_values=True)),
            {name.lower(): value for name, value in self.headers.items()},
            body,
            f"http://{host}" if host else self.gcs.url,
        )
        answer = self.gcs.handle(request, self.path)
        self._write(answer)

    def __getattr__(self, name: str) -> Any:
        """Serve every method: the base class looks for `do_GET` and the like."""
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _sized(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def _chunked(self) -> bytes:
        pieces: list[bytes] = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(pieces)

    def _write(self, answer: Answer) -> None:
        chunked = answer.headers.get("Transfer-Encoding") == "chunked"
        self.send_response(answer.status)
        if not chunked and answer.status not in (204, 304):
            answer.headers.setdefault("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        try:
            if chunked:
                self.wfile.write(f"{len(answer.body):x}\r\n".encode() + bytes(answer.body) + b"\r\n0\r\n\r\n")
            else:
                self.wfile.write(answer.body)
        except ConnectionError:  # the client has seen enough
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Say nothing."""
