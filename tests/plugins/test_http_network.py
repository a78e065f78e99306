"""How a host is reached: proxies, and public addresses only."""

from __future__ import annotations

import contextlib
import socket
import threading
import traceback
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from certificates import make_certificate, server_context
from http_server import Exchange, HttpServer, respond

from longshore import ConfigurationError, Exponential, Secret
from longshore_http import (
    AddressRefused,
    ConnectionFailed,
    HttpConnection,
    HttpRequest,
)  # fmt: skip
from longshore_http.transport import is_public

CANARY = "s3cr3t-Canary/+=42"
QUICK: dict[str, Any] = {"retries": 0, "retry_delay": Exponential(base=0.01, cap=0.02)}


def get(connection: HttpConnection, **fields: Any) -> HttpRequest:
    return HttpRequest(connection=connection, **{**QUICK, **fields})


def test_proxies_come_from_the_connection_or_the_environment(
    server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.on("/x", respond(200, b"by proxy"))
    url = "http://longshore.invalid/x"
    assert get(HttpConnection(proxies={"http": server.url()}))(url).text == "by proxy"
    monkeypatch.setenv("http_proxy", server.url())
    assert get(HttpConnection())(url).text == "by proxy"
    monkeypatch.setenv("no_proxy", "longshore.invalid")
    with pytest.raises(ConnectionFailed, match="not found"):
        get(HttpConnection())(url)
    monkeypatch.delenv("no_proxy")
    with pytest.raises(ConnectionFailed, match="not found"):
        get(HttpConnection(use_environment=False))(url)


@pytest.mark.gate("S9")
@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0",
        "169.254.169.254",
        "2852039166",
        "[::ffff:169.254.169.254]",
        "10.0.0.1",
        "192.168.0.1",
        "172.16.0.1",
        "100.64.0.1",
        "[fd00::1]",
        "[fe80::1]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:7f00:1::]",
        "224.0.0.1",
        "255.255.255.255",
        "[::]",
    ],
)
def test_public_only_refuses_other_addresses_before_connecting(server: HttpServer, host: str) -> None:
    with pytest.raises((AddressRefused, ConnectionFailed)) as caught:
        get(HttpConnection(public_only=True, connect_timeout=2))(f"http://{host}:{server.port}/x")
    # A spelling that the resolver does not know leads nowhere either.
    if not isinstance(caught.value, AddressRefused):
        assert "not found" in str(caught.value)
    assert server.requests == []


def test_public_only_uses_no_proxy(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.url())
    with pytest.raises(AddressRefused):
        get(HttpConnection(public_only=True))("http://127.0.0.1:1/x")
    with pytest.raises(ConfigurationError, match="proxies"):
        HttpConnection(public_only=True, proxies={"http": "http://h"})
    assert server.requests == []


def test_public_addresses_are_told_from_others_also_inside_ipv6() -> None:
    for address in ("8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808"):
        assert is_public(address), address
    for address in (
        "127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::",
        "fe80::1%eth0",
        "ff02::1",
    ):
        assert not is_public(address), address


def tunnel(target: int) -> Any:
    """Do what a proxy does after CONNECT."""

    def handle(exchange: Exchange) -> None:
        with socket.create_connection(("127.0.0.1", target)) as onward:
            exchange.raw(b"HTTP/1.1 200 Connection established\r\n\r\n")
            pump = threading.Thread(target=copy, args=(onward, exchange.connection), daemon=True)
            pump.start()
            copy(exchange.connection, onward)
            pump.join(5)
        exchange.close()

    return handle


def copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def test_https_goes_through_a_proxy_that_asks_for_a_password(
    server: HttpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(tmp_path, "origin")
    with HttpServer(server_context(certificate)) as origin:
        origin.on("/x", respond(200, b"through"))
        server.on(f"127.0.0.1:{origin.port}", tunnel(origin.port))
        monkeypatch.setenv("HTTP_TEST_SECRET", server.url().replace("//", "//ann:canary-word@"))
        connection = HttpConnection(
            verify=str(certificate), proxies={"https": Secret("env:HTTP_TEST_SECRET")}
        )
        assert "canary" not in repr(connection)
        assert get(connection)(origin.url("/x")).text == "through"
        [asked] = server.requests
        assert asked.headers["Proxy-Authorization"] == "Basic " + b64encode(b"ann:canary-word").decode()
        assert "Proxy-Authorization" not in origin.requests[0].headers
        server.on(f"127.0.0.1:{origin.port}", respond(407))
        with pytest.raises(ConnectionFailed, match=r"proxy did not connect.*407") as caught:
            get(HttpConnection(verify=str(certificate), read_timeout=7, proxies=connection.proxies))(
                origin.url("/x")
            )
        assert "canary" not in "".join(traceback.format_exception(caught.value))
