"""The sockets of the test server: requests read, answers written, connections broken on demand."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any, Final

from longshore_slack.testing.answers import Answer, Request

if TYPE_CHECKING:
    import ssl

    from longshore_slack.testing.server import SlackServer

_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER of zero seconds: closing resets the connection."""


class Http(ThreadingMixIn, HTTPServer):
    """One thread for each connection; the end of the server is the end of them all."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], handler: type[Handler], context: ssl.SSLContext | None
    ) -> None:
        self._context = context
        self._open: dict[threading.Thread, socket.socket] = {}
        self._guard = threading.Lock()
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Bind, without asking DNS who this machine is."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Begin a thread, and note it with its connection."""
        thread = threading.Thread(
            target=self._process, args=(request, client_address), name="slack-server", daemon=True
        )
        with self._guard:
            self._open[thread] = request
        thread.start()

    def _process(self, request: socket.socket, client_address: Any) -> None:
        used = request
        with suppress(OSError):  # a client that does not trust the certificate, or has gone
            if self._context:
                used = self._context.wrap_socket(request, server_side=True)
                with self._guard:
                    self._open[threading.current_thread()] = used
            self.finish_request(used, client_address)
        with suppress(OSError):
            used.close()
        with self._guard:
            self._open.pop(threading.current_thread(), None)

    def server_close(self) -> None:
        """Close all, and wait for the threads."""
        super().server_close()
        with self._guard:
            known = dict(self._open)
        for thread, connection in known.items():
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(5.0)


class Handler(BaseHTTPRequestHandler):
    """Reads requests and writes answers; connections are kept open."""

    slack: SlackServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def _serve(self) -> None:
        path, _, query = self.path.partition("?")
        method = self.slack.method_of(path)
        fault = self.slack.faults.take(method)
        if fault is not None and fault.kind == "closed":
            self.slack.note(method, {}, 0)
            self.close_connection = True
            return
        body = self._body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, path, query, headers, body, self.slack.url)
        answer = self.slack.handle(request, method, fault)
        if answer is None:  # never answered: the server has been stopped
            self.close_connection = True
        elif fault is not None and fault.kind == "reset":
            self._reset()
        else:
            self._write(answer, half=fault is not None and fault.kind == "half")

    def __getattr__(self, name: str) -> Any:
        """Serve every method: the base class looks for `do_GET` and the like."""
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        pieces: list[bytes] = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(pieces)

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)

    def _write(self, answer: Answer, *, half: bool) -> None:
        try:
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(answer.body)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body[: len(answer.body) // 2] if half else answer.body)
            self.wfile.flush()
        except OSError:  # the client has seen enough
            self.close_connection = True
        self.close_connection = self.close_connection or half

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Say nothing."""
