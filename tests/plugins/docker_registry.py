"""A registry of images: enough of the distribution specification to push, to pull and to be refused."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


class DockerRegistry:
    """A registry on 127.0.0.1, which engines ask by HTTP.

    Attributes:
        login: `user:password` that it wants; everybody may do anything when it is empty.
        stalls: Set to have blobs wait until it is cleared.
        asked: The methods and paths of its requests.
    """

    def __init__(self) -> None:
        self.login = ""
        self.stalls = threading.Event()
        self.asked: list[str] = []
        self.blobs: dict[str, bytes] = {}
        self.uploads: dict[str, bytes] = {}
        self.manifests: dict[tuple[str, str], tuple[str, bytes]] = {}
        registry = self

        class Handler(_Handler):
            held = registry

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stalls.clear()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def config(self) -> str:
        """A Docker `config.json` with the login."""
        return json.dumps({"auths": {self.host: {"auth": base64.b64encode(self.login.encode()).decode()}}})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    held: DockerRegistry

    def do_GET(self) -> None:
        self._serve()

    do_HEAD = do_POST = do_PATCH = do_PUT = do_GET  # noqa: N815 - names of http.server's

    def _serve(self) -> None:
        url = urlsplit(self.path)
        self.held.asked.append(f"{self.command} {url.path}")
        body = self._body()
        wanted = f"Basic {base64.b64encode(self.held.login.encode()).decode()}"
        if self.held.login and self.headers.get("Authorization") != wanted:
            self._fail(401, "UNAUTHORIZED", **{"WWW-Authenticate": 'Basic realm="tests"'})
        elif url.path == "/v2/":
            self._answer(200, b"{}")
        elif found := re.fullmatch(r"/v2/(.+)/manifests/([^/]+)", url.path):
            self._manifest(found[1], found[2], body)
        elif found := re.fullmatch(r"/v2/(.+)/blobs/uploads/([^/]*)", url.path):
            self._upload(found[1], found[2], parse_qs(url.query), body)
        elif found := re.fullmatch(r"/v2/(.+)/blobs/([^/]+)", url.path):
            self._blob(found[2])
        else:
            self._fail(404, "UNSUPPORTED")

    def _manifest(self, name: str, reference: str, body: bytes) -> None:
        manifests = self.held.manifests
        if self.command == "PUT":
            digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
            for each in (reference, digest):
                manifests[name, each] = str(self.headers["Content-Type"]), body
            self._answer(201, b"", **{"Docker-Content-Digest": digest})
        elif (name, reference) in manifests:
            kind, content = manifests[name, reference]
            digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
            self._answer(200, content, **{"Content-Type": kind, "Docker-Content-Digest": digest})
        else:
            self._fail(404, "MANIFEST_UNKNOWN")

    def _upload(self, name: str, upload: str, query: dict[str, list[str]], body: bytes) -> None:
        if self.command == "POST":
            upload = uuid.uuid4().hex
            self.held.uploads[upload] = b""
        data = self.held.uploads[upload] = self.held.uploads[upload] + body
        if self.command == "PUT":
            digest = query["digest"][0]
            assert digest == f"sha256:{hashlib.sha256(data).hexdigest()}"
            self.held.blobs[digest] = self.held.uploads.pop(upload)
            self._answer(201, b"", Location=f"/v2/{name}/blobs/{digest}")
            return
        place = {"Location": f"/v2/{name}/blobs/uploads/{upload}", "Range": f"0-{max(0, len(data) - 1)}"}
        self._answer(202, b"", **place)

    def _blob(self, digest: str) -> None:
        if digest not in self.held.blobs:
            self._fail(404, "BLOB_UNKNOWN")
            return
        if self.command == "GET":
            while self.held.stalls.is_set():
                self.held.stalls.wait(0.05)
                threading.Event().wait(0.05)
        self._answer(200, self.held.blobs[digest], **{"Docker-Content-Digest": digest})

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        data = b""
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def _fail(self, status: int, code: str, **headers: str) -> None:
        self._answer(
            status, json.dumps({"errors": [{"code": code, "message": code.lower()}]}).encode(), **headers
        )

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass
