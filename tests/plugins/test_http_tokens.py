"""OAuth2 client credentials: one token for each process and configuration, fetched again when it ends."""

from __future__ import annotations

import json
import os
import threading
import traceback
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from http_server import Exchange, HttpServer, respond

from longshore import Exponential, Secret
from longshore_http import (
    HttpConnection,
    HttpDownload,
    HttpRequest,
    OAuth2ClientCredentials,
    StatusError,
    TokenError,
)

CLIENT_SECRET = "cl13nt s3cret&Canary"
QUICK: dict[str, Any] = {"retries": 0, "retry_delay": Exponential(base=0.01, cap=0.02)}


class Issuer:
    """Gives token-1, token-2, and so on, and a resource that takes only the newest."""

    def __init__(self, server: HttpServer, expires_in: float | None = 3600) -> None:
        self.server = server
        self.issued = 0
        self.expires_in = expires_in
        server.on("/token", self.issue)
        server.on("/data", self.data)

    def issue(self, exchange: Exchange) -> None:
        self.issued += 1
        answer = {"access_token": f"token-{self.issued}-Canary", "token_type": "bearer"}
        if self.expires_in is not None:
            answer["expires_in"] = str(self.expires_in)
        exchange.send(200, {"Content-Type": "application/json"}, json.dumps(answer).encode())

    def data(self, exchange: Exchange) -> None:
        good = exchange.headers.get("Authorization") == f"Bearer token-{self.issued}-Canary"
        exchange.send(200 if good else 401, {}, b"rows")

    def connection(self, **fields: Any) -> HttpConnection:
        auth = OAuth2ClientCredentials(
            token_url=self.server.url("/token"),
            client_id="my:id",
            client_secret=Secret("env:HTTP_TEST_SECRET"),
            **fields,
        )
        return HttpConnection(auth=auth)


@pytest.fixture
def issuer(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> Issuer:
    monkeypatch.setenv("HTTP_TEST_SECRET", CLIENT_SECRET)
    return Issuer(server)


def test_a_token_is_fetched_once_and_kept(server: HttpServer, issuer: Issuer) -> None:
    task = HttpRequest(connection=issuer.connection(scope="a b", audience="api"), **QUICK)
    assert [task(server.url("/data")).text for _ in range(3)] == ["rows"] * 3
    [asked] = server.asked("/token")
    assert asked.headers["Authorization"] == "Basic " + b64encode(b"my%3Aid:cl13nt+s3cret%26Canary").decode()
    assert asked.body == b"grant_type=client_credentials&scope=a+b&audience=api"


def test_id_and_secret_can_go_in_the_form(server: HttpServer, issuer: Issuer) -> None:
    HttpRequest(connection=issuer.connection(send="form"), **QUICK)(server.url("/data"))
    [asked] = server.asked("/token")
    assert "Authorization" not in asked.headers
    assert b"client_id=my%3Aid&client_secret=cl13nt+s3cret%26Canary" in asked.body


def test_a_token_that_is_refused_is_fetched_once_more_in_the_same_attempt(
    server: HttpServer, issuer: Issuer
) -> None:
    task = HttpRequest("POST", connection=issuer.connection(), **QUICK)
    task(server.url("/data"), json={"n": 1})
    issuer.issued += 1  # the server forgets the old one
    assert task(server.url("/data"), json={"n": 2}).text == "rows"
    assert [exchange.body for exchange in server.asked("/data")] == [b'{"n": 1}', b'{"n": 2}', b'{"n": 2}']
    assert len(server.asked("/token")) == 2


def test_a_server_that_refuses_every_token_is_asked_twice(server: HttpServer, issuer: Issuer) -> None:
    server.on("/data", respond(401))
    with pytest.raises(StatusError, match="check the connection's credentials"):
        HttpRequest(connection=issuer.connection(), **{**QUICK, "retries": 3})(server.url("/data"))
    assert (len(server.asked("/data")), len(server.asked("/token"))) == (2, 2)


def test_a_token_is_replaced_before_it_ends(server: HttpServer, issuer: Issuer) -> None:
    issuer.expires_in = 0.0
    task = HttpRequest(connection=issuer.connection(), **QUICK)
    task(server.url("/data"))
    issuer.expires_in = 60
    task(server.url("/data"))
    task(server.url("/data"))
    assert [exchange.headers["Authorization"][7:14] for exchange in server.asked("/data")] == [
        "token-1", "token-2", "token-2",
    ]  # fmt: skip


def test_many_threads_fetch_one_token(server: HttpServer, issuer: Issuer) -> None:
    task = HttpRequest(connection=issuer.connection(), **QUICK)
    threads = [threading.Thread(target=task, args=(server.url("/data"),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(server.asked("/token")), len(server.asked("/data"))) == (1, 8)


def test_a_download_goes_on_with_a_new_token(server: HttpServer, issuer: Issuer, tmp_path: Path) -> None:
    body = os.urandom(100_000)

    def data(exchange: Exchange) -> None:
        if exchange.headers.get("Authorization") != f"Bearer token-{issuer.issued}-Canary":
            exchange.send(401)
        elif "Range" not in exchange.headers:
            exchange.head(200, {"Content-Length": len(body), "ETag": '"v1"'})
            exchange.raw(body[:60_000])
            exchange.close()
            issuer.issued += 1
        else:
            headers = {"Content-Range": f"bytes 60000-{len(body) - 1}/{len(body)}", "ETag": '"v1"'}
            exchange.send(206, headers, body[60_000:])

    server.on("/file", data)
    task = HttpDownload(connection=issuer.connection(), **{**QUICK, "retries": 1})
    task(server.url("/file"), tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == body
    assert [exchange.headers.get("Range") for exchange in server.asked("/file")] == [
        None,
        "bytes=60000-",
        "bytes=60000-",
    ]


@pytest.mark.parametrize(
    ("status", "body", "retries"),
    [
        (400, b'{"error": "invalid_client", "error_description": "cl13nt s3cret&Canary is wrong"}', 0),
        (401, b"", 0),
        (503, b"", 2),
        (200, b"<html>", 0),
        (200, b"[]", 0),
        (200, b'{"access_token": "x-Canary", "token_type": "mac"}', 0),
        (200, b"[" * 100_000, 0),
    ],
)
def test_no_token_is_a_clear_error_without_secrets(
    server: HttpServer, issuer: Issuer, status: int, body: bytes, retries: int
) -> None:
    server.on("/token", respond(status, body))
    with pytest.raises(TokenError) as caught:
        HttpRequest(connection=issuer.connection(), **{**QUICK, "retries": 2})(server.url("/data"))
    assert str(caught.value).startswith(f"cannot get an OAuth2 token from '{server.url('/token')}': ")
    assert "Canary" not in "".join(traceback.format_exception(caught.value))
    assert len(server.asked("/token")) == 1 + retries
    assert server.asked("/data") == []


def test_a_token_does_not_follow_a_redirect_and_neither_does_the_secret(
    server: HttpServer, issuer: Issuer
) -> None:
    server.on("/token", respond(307, b"", {"Location": server.url("/evil", host="localhost")}))
    with pytest.raises(TokenError, match="307"):
        HttpRequest(connection=issuer.connection(), **QUICK)(server.url("/data"))
    assert server.asked("/evil") == []


def test_the_token_shows_up_nowhere(server: HttpServer, issuer: Issuer) -> None:
    connection = issuer.connection()
    server.on("/data", respond(500, b"you sent token-1-Canary"))
    with pytest.raises(StatusError) as caught:
        HttpRequest(connection=connection, **QUICK)(server.url("/data"))
    assert "Canary" not in "".join(traceback.format_exception(caught.value)) + repr(connection)
