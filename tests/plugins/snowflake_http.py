"""Speaks to a Snowflake server by plain HTTP, as its connectors do, without one of them."""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.request
import uuid
from typing import Any

from snowflake_server import ACCOUNT, PASSWORD, SnowflakeServer

Answer = dict[str, Any]


class PlainSession:
    """A session.

    Args:
        server: Where.
        user: Who; nobody else by default.
        login: What else the login says.
    """

    def __init__(self, server: SnowflakeServer, user: str = "", **login: Any) -> None:
        self.server = server
        self.user = user or f"U{uuid.uuid4().hex[:8].upper()}"
        self.database = server.new_database()
        said = {"LOGIN_NAME": self.user, "PASSWORD": PASSWORD, "ACCOUNT_NAME": ACCOUNT, **login}
        path = f"/session/v1/login-request?databaseName={self.database}&schemaName=PUBLIC"
        self.login = self.send(path, {"data": said})
        data = self.login["data"] or {}
        self.token, self.master = data.get("token", ""), data.get("masterToken", "")

    def send(self, path: str, body: Answer | None = None, token: str = "", method: str = "POST") -> Answer:
        """Send a request and return the answer's JSON."""
        headers = {"Content-Type": "application/json", "Authorization": f'Snowflake Token="{token}"'}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.server.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: Answer = json.loads(answer.read())
            return found

    def run(
        self, text: str, *, request_id: str = "", asynchronous: bool = False, **parameters: Any
    ) -> Answer:
        """Send a statement and return the answer; of one that goes on, the first."""
        path = f"/queries/v1/query-request?requestId={request_id or uuid.uuid4()}"
        body = {"sqlText": text, "asyncExec": asynchronous, "parameters": parameters}
        return self.send(path, body, self.token)

    def rows(self, text: str, **parameters: Any) -> list[list[Any]]:
        """Return the rows of a statement that is no query."""
        answer = self.run(text, **parameters)
        assert answer["success"], answer
        found: list[list[Any]] = answer["data"]["rowset"]
        return found

    def value(self, text: str) -> Any:
        """Return the first value of a query, whose rows come as Arrow."""
        import base64

        import pyarrow as pa

        answer = self.run(text)
        assert answer["success"], answer
        table = pa.ipc.open_stream(base64.b64decode(answer["data"]["rowsetBase64"])).read_all()
        return table.column(0)[0].as_py()

    def get(self, path: str) -> Answer:
        return self.send(path, None, self.token, "GET")

    def status(self, query_id: str) -> str:
        found = self.get(f"/monitoring/queries/{query_id}")["data"]["queries"]
        return str(found[0]["status"]) if found else ""

    def put(self, name: str, content: str, stage: str) -> None:
        """Put a file into a stage, as the older connector does."""
        answer = self.run(f"PUT 'file://{name}' {stage} AUTO_COMPRESS=FALSE OVERWRITE=TRUE")
        url = answer["data"]["stageInfo"]["presignedUrl"]
        with contextlib.closing(
            urllib.request.urlopen(urllib.request.Request(url, content.encode(), method="PUT"))
        ):
            pass

    def queries(self) -> list[Answer]:
        """Return what the server has of this user's queries."""
        found: list[Answer] = self.server.ask(f"/_queries?user={self.user}")
        return found

    def fault(self, kind: str, **more: Any) -> None:
        """Order a fault for this user."""
        self.server.ask("/_faults", {"kind": kind, "user": self.user, **more})
