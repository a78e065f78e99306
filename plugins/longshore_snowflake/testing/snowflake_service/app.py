"""Snowflake's HTTP interface, as its connectors use it: logins, queries, results, cancelling.

There is no official description of these paths; the connectors' open sources are what is followed:
https://github.com/snowflakedb/snowflake-connector-python (`network.py`, `connection.py`, `cursor.py`),
and, for codes and texts of answers, https://docs.snowflake.com/en/developer-guide/sql-api/reference
"""

from __future__ import annotations

import asyncio
import gzip
import json
import urllib.parse
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from snowflake_service import logins
from snowflake_service.accounts import MASTER_SECONDS, SESSION_SECONDS, Accounts, Session
from snowflake_service.queries import Queries, Query
from snowflake_service.refusals import RefusedError
from snowflake_service.results import served
from snowflake_service.statements import Statements


class Service:
    """The account behind the interface.

    Args:
        folder: For everything that is kept in files.
    """

    def __init__(self, folder: Path) -> None:
        self.accounts = Accounts(folder)
        self.statements = Statements(folder)
        self.queries = self.statements.queries = Queries(self.statements.run)
        self.patience: dict[str, float] = {}
        """Seconds after which a request that waits for a query is told that it goes on, by user."""

    async def login(self, request: Request) -> dict[str, Any]:
        login = (await _json(request))["data"]
        query = dict(request.query_params)
        logins.check(login)
        session = await asyncio.to_thread(self.accounts.open, login, query)
        return logins.answer(session, login)

    async def tokens(self, request: Request) -> dict[str, Any]:
        session = self.accounts.of_master(_token(request))
        self.accounts.renew(session)
        return {
            "sessionToken": session.token,
            "validityInSecondsST": SESSION_SECONDS,
            "masterToken": session.master,
            "validityInSecondsMT": MASTER_SECONDS,
            "sessionId": session.id,
        }

    async def session(self, request: Request) -> None:
        session = self._session(request)
        if request.query_params.get("delete"):
            self.queries.abort_all(session)
            await asyncio.to_thread(self.accounts.close, session)

    async def query(self, request: Request) -> dict[str, Any]:
        session = self._session(request)
        body = await _json(request)
        query = self.queries.submit(
            Query(
                session,
                body["sqlText"],
                request.query_params.get("requestId", ""),
                bindings=body.get("bindings") or {},
                parameters={key.upper(): value for key, value in (body.get("parameters") or {}).items()},
                describe_only=bool(body.get("describeOnly")),
                base_url=str(request.base_url).rstrip("/"),
            )
        )
        if body.get("asyncExec"):
            return self._in_progress(query, "333334", "Asynchronous execution in progress.")
        return await self._ended(request, query)

    async def result(self, request: Request) -> dict[str, Any]:
        return await self._ended(request, self._found(request))

    async def _ended(self, request: Request, query: Query) -> dict[str, Any]:
        await asyncio.wait(
            [asyncio.wrap_future(query.done)], timeout=self.patience.get(query.session.user, 45.0)
        )
        if not query.done.done():
            return self._in_progress(query, "333333", "Query execution in progress.")
        if query.error is not None:
            return query.error.answer(queryId=query.id, type="COMPILATION", line=-1, pos=-1)
        assert query.result is not None
        connection = query.session.connection
        said = await asyncio.to_thread(query.result.answer, query.base_url, query.id)
        return {
            "parameters": [{"name": "TIMEZONE", "value": "Etc/UTC"}],
            "queryId": query.id,
            "sqlState": "00000",
            "databaseProvider": None,
            "finalDatabaseName": connection.database,
            "finalSchemaName": connection.schema,
            "finalWarehouseName": query.session.warehouse or None,
            "finalRoleName": query.session.role,
            "numberOfBinds": 0,
            "arrayBindSupported": False,
            "version": 1,
            "sendResultTime": int(query.ended * 1000),
            **said,
        }

    def _in_progress(self, query: Query, code: str, message: str) -> dict[str, Any]:
        data = {
            "queryId": query.id,
            "getResultUrl": f"/queries/{query.id}/result",
            "queryAbortsAfterSecs": 300,
            "progressDesc": None,
        }
        return {"__body__": {"data": data, "code": code, "message": message, "success": True}}

    async def status(self, request: Request) -> dict[str, Any]:
        self._session(request)
        # The newer connector asks for `/monitoring/queries//ID`.
        query = self.queries.find(request.path_params["query_id"].lstrip("/"))
        return {"queries": [] if query is None else [_status(query)]}

    async def abort(self, request: Request) -> dict[str, Any]:
        session = self._session(request)
        if query_id := request.path_params.get("query_id"):
            query = self.queries.find(query_id)
        else:
            query = self.queries.by_request(session.user, (await _json(request)).get("requestId", ""))
        if query is None or not query.abort():
            raise RefusedError(605, "Identified SQL statement is not currently executing.", "02000")
        return {"cancelled": True}

    async def chunk(self, request: Request) -> Response:
        query = self.queries.find(request.path_params["query_id"])
        number = int(request.path_params["number"])
        if query is None or query.result is None or number >= len(query.result.chunks):
            return Response("no such chunk", 404)
        content = await asyncio.to_thread(served, query.result.chunks[number], query.result.columns)
        return Response(content, headers={"Content-Encoding": "gzip"})

    async def nothing(self, request: Request) -> None:
        await request.body()

    def _session(self, request: Request) -> Session:
        return self.accounts.session(_token(request))

    def _found(self, request: Request) -> Query:
        self._session(request)
        query = self.queries.find(request.path_params["query_id"])
        if query is None:
            raise RefusedError(612, "Result not found", "02000")
        return query


def application(service: Service) -> Starlette:
    """Return the application for a service."""
    routes = [
        ("POST", "/session/v1/login-request", service.login),
        ("POST", "/session/token-request", service.tokens),
        ("POST", "/session/heartbeat", service.session),
        ("POST", "/session", service.session),
        ("POST", "/queries/v1/query-request", service.query),
        ("POST", "/queries/v1/abort-request", service.abort),
        ("POST", "/queries/{query_id}/abort-request", service.abort),
        ("GET", "/queries/{query_id}/result", service.result),
        ("GET", "/monitoring/queries/{query_id:path}", service.status),
        ("GET", "/chunks/{query_id}/{number}", service.chunk),
        ("PUT", "/gcs/{path:path}", service.statements.transfers.objects),
        ("GET", "/gcs/{path:path}", service.statements.transfers.objects),
        ("PUT", "/signed/{key}/{name}", service.statements.transfers.objects),
        ("GET", "/signed/{key}/{name}", service.statements.transfers.objects),
        ("POST", "/telemetry/send", service.nothing),
        ("GET", "/", service.nothing),
    ]
    return Starlette(routes=[Route(path, _answered(work), methods=[method]) for method, path, work in routes])


def _answered(work: Any) -> Any:
    async def answer(request: Request) -> Response:
        try:
            data = await work(request)
        except RefusedError as error:
            return JSONResponse(error.answer())
        if isinstance(data, Response):
            return data
        body = {"data": data, "code": None, "message": None, "success": True}
        if isinstance(data, dict) and "success" in data:
            body = data
        elif isinstance(data, dict) and "__body__" in data:
            body = data["__body__"]
        return JSONResponse(body)

    return answer


def _status(query: Query) -> dict[str, Any]:
    error = query.error
    return {
        "id": query.id,
        "status": query.status,
        "state": query.status,
        "startTime": int(query.started * 1000),
        "endTime": int(query.ended * 1000),
        "totalDuration": int(((query.ended or query.started) - query.started) * 1000),
        "sessionId": query.session.id,
        "sqlText": query.text,
        "warehouseName": query.session.warehouse,
        "errorCode": f"{error.code:06d}" if error else None,
        "errorMessage": error.message if error else None,
        "stats": {},
    }


def _token(request: Request) -> str:
    """Return the token of `Authorization: Snowflake Token="..."`."""
    _, quote, rest = request.headers.get("Authorization", "").partition('Token="')
    return urllib.parse.unquote(rest.rstrip('"')) if quote else ""


async def _json(request: Request) -> dict[str, Any]:
    body = await request.body()
    if request.headers.get("Content-Encoding") == "gzip":
        body = gzip.decompress(body)
    return json.loads(body or b"{}")  # type: ignore[no-any-return]
