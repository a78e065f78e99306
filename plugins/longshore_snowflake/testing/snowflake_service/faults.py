"""Faults to order, and a record of what was asked: an application before the account's.

`POST /_faults` orders one: the requests that it matches fail, `times` of them, after `skip` others.
`POST /_lose`, `/_expire` and `/_settings` change the account; `GET /_requests` and `/_queries` tell what
happened. Everything can be limited to one user: tests that run side by side take users of their own.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from snowflake_service.refusals import RefusedError

if TYPE_CHECKING:
    from snowflake_service.app import Service

Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]

_PAGE = b"<html><body><h1>Sign in to the guest network</h1></body></html>"


@dataclass
class Fault:
    """What is to go wrong.

    Args:
        kind: `status` (that HTTP status), `html` (a page with that status), `answer` (this JSON with that
            status), `slow` (later), `cut` (the connection ends before anything is done), `cut_after`
            (it ends when all is done), `truncated` (half of the answer's body, then the end).
        path: Pattern that is searched in the path.
        sql: Pattern that is searched in the statement.
        user: Of whom; empty for all.
        times: How many requests.
        skip: How many that match go well before.
        seconds: Of `slow`.
    """

    kind: str
    path: str = ""
    sql: str = ""
    user: str = ""
    times: int = 1
    skip: int = 0
    status: int = 200
    seconds: float = 1.0
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None

    def matches(self, asked: dict[str, Any]) -> bool:
        found = (
            self.times > 0
            and re.search(self.path, asked["path"])
            and re.search(self.sql, asked["sql"], re.IGNORECASE)
            and self.user.upper() in ("", asked["user"])
        )
        if not found:
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True


class Faulty:
    """Stands before the application.

    Args:
        application: That answers when nothing is to go wrong.
        service: For what the orders change.
    """

    def __init__(self, application: Any, service: Service) -> None:
        self._application = application
        self._service = service
        self._faults: list[Fault] = []
        self._asked: deque[dict[str, Any]] = deque(maxlen=20_000)

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        body = await _body(receive)
        if scope["path"].startswith("/_"):
            await self._ordered(scope, body, send)
            return
        asked = self._describe(scope, body)
        self._asked.append(asked)
        fault = next((each for each in self._faults if each.matches(asked)), None)

        async def replay() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                asked["status"] = message["status"]
            await send(message)

        if fault is None:
            await self._application(scope, replay, note)
            return
        asked["fault"] = fault.kind
        await self._fail(fault, scope, replay, note, send.__self__)  # uvicorn's, which has the connection

    async def _fail(self, fault: Fault, scope: Any, receive: Any, send: Send, server: Any) -> None:
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
            return await self._application(scope, receive, send)
        if fault.kind in ("cut_after", "truncated"):
            answer: list[Message] = []
            await self._application(scope, receive, _append(answer))
            if fault.kind == "truncated":
                whole = b"".join(part.get("body", b"") for part in answer[1:])
                await send(answer[0])
                await send(
                    {"type": "http.response.body", "body": whole[: len(whole) // 2], "more_body": True}
                )
                await asyncio.sleep(0.05)
        if fault.kind in ("cut", "cut_after", "truncated"):
            server.transport.abort()
            return None
        content = (
            _PAGE if fault.kind == "html" else b"" if fault.body is None else json.dumps(fault.body).encode()
        )
        kind = "text/html" if fault.kind == "html" else "application/json"
        return await _answer(send, fault.status, content, {"content-type": kind, **fault.headers})

    def _describe(self, scope: Any, body: bytes) -> dict[str, Any]:
        """Return what is remembered of a request: nothing secret."""
        query = dict(part.partition("=")[::2] for part in scope["query_string"].decode().split("&"))
        headers = {key.decode().lower(): value.decode() for key, value in scope["headers"]}
        sent: dict[str, Any] = {}
        with suppress(ValueError, OSError):
            sent = json.loads(gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body)
        return {
            "at": time.time(),
            "method": scope["method"],
            "path": scope["path"],
            "request_id": query.get("requestId", query.get("request_id", "")),
            "retries": int(query.get("retryCount", 0) or 0),
            "user": self._user(scope["path"], headers, sent),
            "sql": str(sent.get("sqlText", "")),
            "asynchronous": bool(sent.get("asyncExec")),
            "parameters": sent.get("parameters") or {},
            "authenticator": str((sent.get("data") or {}).get("AUTHENTICATOR") or ""),
        }

    def _user(self, path: str, headers: dict[str, str], sent: dict[str, Any]) -> str:
        if path.startswith("/session/v1/login-request"):
            return str((sent.get("data") or {}).get("LOGIN_NAME") or "").upper()
        if path.startswith(("/gcs/", "/signed/")):
            return self._service.statements.transfers.whose(path, headers.get("authorization", ""))
        token = headers.get("authorization", "").partition('Token="')[2].rstrip('"')
        if token:
            return self._service.accounts.whose(token)
        if path.startswith("/chunks/") and (query := self._service.queries.find(path.split("/")[2])):
            return query.session.user
        return ""

    async def _ordered(self, scope: Any, body: bytes, send: Send) -> None:
        order = json.loads(body or b"{}")
        query = dict(part.partition("=")[::2] for part in scope["query_string"].decode().split("&"))
        try:
            said = getattr(self, f"_on{scope['path'].replace('/', '')}")(scope["method"], order, query)
        except (AttributeError, TypeError, RefusedError) as error:
            return await _answer(send, 400, json.dumps(repr(error)).encode(), {})
        return await _answer(send, 200, json.dumps(said).encode(), {"content-type": "application/json"})

    def _on_faults(self, method: str, order: dict[str, Any], query: dict[str, str]) -> int:
        if method == "DELETE":
            user = query.get("user", "").upper()
            self._faults = [each for each in self._faults if user and each.user.upper() != user]
        elif order:
            self._faults.append(Fault(**order))
        return sum(each.times for each in self._faults)

    def _on_requests(self, method: str, order: Any, query: dict[str, str]) -> list[dict[str, Any]]:
        user = query.get("user", "").upper()
        return [each for each in self._asked if user in ("", each["user"])]

    def _on_queries(self, method: str, order: Any, query: dict[str, str]) -> list[dict[str, Any]]:
        user = query.get("user", "").upper()
        return [each.described() for each in self._service.queries.all() if user in ("", each.session.user)]

    def _on_lose(self, method: str, order: dict[str, Any], query: dict[str, str]) -> bool:
        found = self._service.queries.find(order["query_id"])
        if found is not None:
            found.lost = True
        return found is not None

    def _on_expire(self, method: str, order: dict[str, Any], query: dict[str, str]) -> int:
        return self._service.accounts.expire(order["what"], order.get("user", ""))

    def _on_settings(self, method: str, order: dict[str, Any], query: dict[str, str]) -> dict[str, float]:
        self._service.patience[str(order.get("user", "")).upper()] = float(order["patience"])
        return self._service.patience


def _append(answer: list[Message]) -> Send:
    async def send(message: Message) -> None:
        answer.append(message)

    return send


async def _body(receive: Any) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _answer(send: Send, status: int, content: bytes, headers: dict[str, str]) -> None:
    lines = {"content-length": str(len(content)), **headers}
    encoded = [(name.lower().encode(), value.encode()) for name, value in lines.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": content})
