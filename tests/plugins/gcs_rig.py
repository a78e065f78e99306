"""Google Cloud Storage behind a proxy, for the fault tests."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote

import pytest
from gcs_accounts import EMAIL, private_key, public_key
from object_faults import error
from object_proxy import Answer, Fault, FaultProxy, Passing
from transfer_rigs import KIB, Rig

from longshore_gcs import GCSConnection
from longshore_gcs.testing import GCSServer
from longshore_storage.locations import Location
from longshore_storage.protocol import ObjectStore

BUCKET = "lake"
_SPAN = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


def gcs_error(status: int, reason: str, message: str) -> Fault:
    """Answer as "HTTP status and error codes for JSON" has it."""
    said = {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}
    return error(status, json.dumps({"error": said}).encode(), {"Content-Type": "application/json"})


def _md5_alone(answer: Answer) -> None:
    hashes = [each for each in answer.get("x-goog-hash").split(",") if each.strip().startswith("md5=")]
    answer.put("x-goog-hash", ",".join(hashes))


class GCSRig(Rig):
    """A bucket on a server of our own, and another one that gives tokens.

    Args:
        server: Has the bucket.
        issuer: Gives tokens, and counts them.
        proxy: In front of the server.
        folder: For a key file.
    """

    smallest_part = 256 * KIB
    slow_down = staticmethod(gcs_error(503, "backendError", "We encountered an internal error."))
    denied = staticmethod(gcs_error(403, "forbidden", "tests does not have storage.objects access"))
    bucket_missing = staticmethod(gcs_error(404, "notFound", "The specified bucket does not exist."))
    expired = staticmethod(gcs_error(401, "authError", "Invalid Credentials"))
    without_checksums = staticmethod(_md5_alone)

    def __init__(self, server: GCSServer, issuer: GCSServer, proxy: FaultProxy, folder: Path) -> None:
        super().__init__(proxy)
        self._server, self._issuer = server, issuer
        self._key = folder / "key.json"

    def store(self, *, refreshable: bool = False, timeout: float = 20.0) -> ObjectStore:
        fields = self._fields()
        if refreshable:
            self._key.parent.mkdir(exist_ok=True)
            self._key.write_text(self._issuer.key_file(EMAIL, private_key()))
            fields = {**fields, "anonymous": False, "credentials": str(self._key)}
        return GCSConnection(**fields, connect_timeout=timeout, read_timeout=timeout).open()

    def _fields(self) -> dict[str, Any]:
        return {"endpoint": self.proxy.endpoint, "anonymous": True, "project": "tests"}

    def as_told(self) -> dict[str, Any]:
        return {"module": "longshore_gcs", "connection": "GCSConnection", "fields": self._fields()}

    def at(self, key: str) -> Location:
        return Location("gs", BUCKET, key)

    def _ask(self, method: str, path: str, data: bytes | None = None) -> tuple[bytes, Any]:
        request = urllib.request.Request(self._server.url + path, data=data, method=method)
        with urllib.request.urlopen(request) as answer:
            return answer.read(), answer.headers

    def write(self, key: str, data: bytes) -> None:
        self._ask(
            "POST", f"/upload/storage/v1/b/{BUCKET}/o?uploadType=media&name={quote(key, safe='')}", data
        )

    def read(self, key: str) -> bytes | None:
        return self._server.read(BUCKET, key) if key in self._server.keys(BUCKET) else None

    def delete(self, key: str) -> None:
        if self.read(key) is not None:
            self._ask("DELETE", f"/storage/v1/b/{BUCKET}/o/{quote(key, safe='')}")

    def open_uploads(self) -> list[str]:
        sessions = list(self._server.uploads.open.values())
        return [str(each.given["name"]) for each in sessions if each.done is None and not each.gone]

    def begin_upload(self, key: str) -> Callable[[], object]:
        path = f"/upload/storage/v1/b/{BUCKET}/o?uploadType=resumable&name={key}"
        _, headers = self._ask("POST", path, b"{}")

        def abort() -> None:
            with pytest.raises(HTTPError, match="499"):
                self._ask("DELETE", headers["Location"].removeprefix(self._server.url))

        return abort

    def renewals(self) -> int:
        return self._issuer.tokens.given

    def reads(self, passing: Passing) -> bool:
        return passing.method == "GET" and passing.query.get("alt") == ["media"]

    def heads(self, passing: Passing) -> bool:
        return passing.method == "GET" and not self.reads(passing)

    def _writes(self, passing: Passing, how: str) -> bool:
        return passing.method == "POST" and passing.query.get("uploadType") == [how]

    def puts(self, passing: Passing) -> bool:
        return self._writes(passing, "multipart")

    def begins(self, passing: Passing) -> bool:
        return self._writes(passing, "resumable")

    def parts(self, passing: Passing) -> bool:
        return passing.method == "PUT" and bool(_SPAN.fullmatch(self.part_of(passing)))

    def finishes(self, passing: Passing) -> bool:
        span = _SPAN.fullmatch(self.part_of(passing))
        return span is not None and span[3] == str(int(span[2]) + 1)

    def part_of(self, passing: Passing) -> str:
        return passing.header("Content-Range")


def gcs_rig(patch: pytest.MonkeyPatch, folder: Path) -> Iterator[GCSRig]:
    """Yield a rig, with the records of unfinished uploads in a folder."""
    patch.setenv("LONGSHORE_STATE", str(folder))
    patch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    with GCSServer() as server, GCSServer(accounts={EMAIL: public_key()}) as issuer:
        server.create_bucket(BUCKET)
        with FaultProxy(int(server.url.rpartition(":")[2])) as proxy:
            yield GCSRig(server, issuer, proxy, folder)
