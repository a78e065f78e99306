"""PUT and GET: https://docs.snowflake.com/en/sql-reference/sql/put, .../get

Files travel by HTTP, as with an account on GCP: https://cloud.google.com/storage/docs/xml-api/put-object
The newer connector shows a token; the older one, which takes no storage without TLS for tokens, asks by PUT
once more for a signed URL for each file. So it cannot say SKIPPED; a file that must not be overwritten stays.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fakesnow import statement_type
from starlette.requests import Request
from starlette.responses import Response

from snowflake_service import scanning
from snowflake_service.refusals import RefusedError
from snowflake_service.results import Result, told
from snowflake_service.stages import STAGE, Stages

if TYPE_CHECKING:
    from snowflake_service.queries import Query

_PUT = re.compile(rf"put\s+(?P<file>'[^']*'|\S+)\s+{STAGE}(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_GET = re.compile(rf"get\s+{STAGE}\s+(?P<file>'[^']*'|\S+)(?P<rest>.*)", re.IGNORECASE | re.DOTALL)


class Transfers:
    """Files on their way to stages and back.

    Args:
        stages: Where.
    """

    def __init__(self, stages: Stages) -> None:
        self._stages = stages
        self.tokens: dict[str, str] = {}
        """Who shows which token."""
        self.signed: dict[str, tuple[Path, bool, str]] = {}
        """Files, whether they may be overwritten, and who does, by what their URLs are signed with."""
        self.metadata: dict[Path, dict[str, str]] = {}
        """What the connectors say of the files that they send."""

    def run(self, query: Query, text: str) -> Result | None:
        """Run PUT or GET; None when it is something else."""
        if found := _PUT.fullmatch(text):
            return self._put(query, found)
        if found := _GET.fullmatch(text):
            return self._get(query, found)
        return None

    def _put(self, query: Query, found: re.Match[str]) -> Result:
        place = self._stages.place(query, found["stage"])
        given = scanning.options(found["rest"])
        source = _local(found["file"])
        folder = place.folder / place.path
        compressed = bool(given.get("AUTO_COMPRESS", True))
        data = {
            "src_locations": [source],
            "parallel": int(given.get("PARALLEL", 4)),
            "threshold": 209_715_200,
            "autoCompress": compressed,
            "overwrite": bool(given.get("OVERWRITE", False)),
            "sourceCompression": str(given.get("SOURCE_COMPRESSION", "auto_detect")).lower(),
            "command": "UPLOAD",
            "kind": None,
            "operation": "Node",
        }
        return self._transfer(query, folder, data, [folder / Path(source).name])

    def _get(self, query: Query, found: re.Match[str]) -> Result:
        place = self._stages.place(query, found["stage"])
        given = scanning.options(found["rest"])
        files = place.files(str(given.get("PATTERN", "")))
        data = {
            "src_locations": [place.name(file) for file in files],
            "localLocation": _local(found["file"]),
            "parallel": int(given.get("PARALLEL", 10)),
            "overwrite": bool(given.get("OVERWRITE", False)),
            "threshold": 209_715_200,
            "autoCompress": False,
            "sourceCompression": "none",
            "command": "DOWNLOAD",
            "kind": None,
            "operation": "Node",
        }
        return self._transfer(query, place.folder, data, files)

    def _transfer(self, query: Query, folder: Path, data: dict[str, Any], files: list[Path]) -> Result:
        native = query.session.native
        urls = [] if native else [self._sign(query, file, data["overwrite"]) for file in files]
        place = {
            "locationType": "GCS",
            "location": f"gcs/{folder.relative_to(self._stages.root).as_posix()}/",
            "path": "",
            "region": "",
            "storageAccount": None,
            "isClientSideEncrypted": False,
            "creds": {"GCS_ACCESS_TOKEN": self._token(query.session.user)} if native else {},
            "presignedUrl": urls[0] if urls else None,
            "endPoint": query.base_url if native else None,
        }
        more = {"stageInfo": place, "presignedUrls": urls or None, "encryptionMaterial": None}
        return told(["status"], [], statement_type.UNKNOWN, **data, **more)

    def _token(self, user: str) -> str:
        token = secrets.token_urlsafe(24)
        self.tokens[token] = user
        return token

    def whose(self, path: str, authorization: str) -> str:
        """Return who asks the storage for something; empty when nobody knows."""
        key = path.split("/")[2] if path.startswith("/signed/") else ""
        if key in self.signed:
            return self.signed[key][2]
        return self.tokens.get(authorization.removeprefix("Bearer "), "")

    def _sign(self, query: Query, file: Path, overwrite: bool) -> str:
        key = secrets.token_urlsafe(12)
        self.signed[key] = file, overwrite, query.session.user
        return f"{query.base_url}/signed/{key}/{quote(file.name)}"

    async def objects(self, request: Request) -> Response:
        """Answer what the connectors ask of the storage."""
        if key := request.path_params.get("key"):
            if key not in self.signed:
                return Response("ExpiredToken", 400)
            file, overwrite, _ = self.signed[key]
            if request.method == "PUT" and file.exists() and not overwrite:
                return Response("")
        else:
            if not self.whose("", request.headers.get("authorization", "")):
                return Response("AuthenticationRequired", 401)
            file = self._stages.root / request.path_params["path"]
        if request.method == "PUT":
            if request.headers.get("x-goog-if-generation-match") == "0" and file.exists():
                return Response("PreconditionFailed", 412)
            await asyncio.to_thread(_written, file, await request.body())
            own = {name: value for name, value in request.headers.items() if name.startswith("x-goog-meta-")}
            self.metadata[file] = own
            return Response("")
        if not file.is_file():
            return Response("NoSuchKey", 404)
        return Response(await asyncio.to_thread(file.read_bytes), headers=self.metadata.get(file, {}))


def _written(file: Path, content: bytes) -> None:
    """Write a file whole: nobody sees a part of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{secrets.token_hex(8)}.part")
    part.write_bytes(content)
    part.replace(file)


def _local(text: str) -> str:
    plain = scanning.literal(text) if text.startswith("'") else text
    if not plain.startswith("file://"):
        raise RefusedError(1003, f"SQL compilation error:\nnot a local file: {plain!r}")
    return plain.removeprefix("file://")
