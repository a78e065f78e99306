"""TLS that cannot be trusted is refused by default, by every task, before anything secret is sent."""

from __future__ import annotations

import functools
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from certificates import make_certificate
from http_server import HttpServer, respond

from longshore import Exponential, Secret
from longshore_http import (
    BearerAuth,
    ConnectionFailed,
    HttpConnection,
    HttpDownload,
    HttpJson,
    HttpPages,
    HttpRequest,
    HttpText,
    HttpWait,
    OAuth2ClientCredentials,
    RedirectRefused,
    TlsFailed,
)  # fmt: skip

pytestmark = pytest.mark.gate("S14")
QUICK: dict[str, Any] = {"retries": 3, "retry_delay": Exponential(base=0.01, cap=0.02)}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make a self-signed certificate with its key in one file."""
    return functools.partial(make_certificate, tmp_path_factory.mktemp("tls"))


def serve(certificate: Path, **settings: Any) -> HttpServer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    for name, value in settings.items():
        setattr(context, name, value)
    return HttpServer(context)


def tasks(connection: HttpConnection, tmp_path: Path) -> list[Callable[[str], Any]]:
    return [
        HttpRequest(connection=connection, **QUICK),
        HttpJson("POST", connection=connection, **QUICK),
        HttpText(connection=connection, **QUICK),
        lambda url: HttpDownload(connection=connection, **QUICK)(url, tmp_path / "f"),
        HttpWait(connection=connection, max_wait=30),
        HttpPages(connection=connection),
    ]


@pytest.mark.parametrize("fault", ["self-signed", "another host", "expired"])
def test_every_task_refuses_a_certificate_that_is_not_right(
    certificates: Callable[..., Path], tmp_path: Path, fault: str
) -> None:
    made = {
        "self-signed": lambda: certificates("self"),
        "another host": lambda: certificates("other", host="DNS:elsewhere.example"),
        "expired": lambda: certificates("old", expired=True),
    }[fault]()
    trusted = HttpConnection(verify=f"{made}.crt") if fault != "self-signed" else HttpConnection()
    with serve(made) as server:
        url = server.on("/x", respond(200, b"[]"))
        for call in tasks(trusted, tmp_path):
            with pytest.raises(
                TlsFailed, match=r"TLS cannot be trusted: .*(self.signed|mismatch|not valid|expired)"
            ):
                call(url)
        assert server.requests == []
    assert list(tmp_path.iterdir()) == []


def test_an_authority_can_be_named_or_all_checks_given_up(
    certificates: Callable[..., Path], tmp_path: Path
) -> None:
    made = certificates("named")
    with serve(made) as server:
        url = server.on("/x", respond(200, b"[]"))
        assert HttpText(connection=HttpConnection(verify=f"{made}.crt"))(url) == "[]"
        with pytest.warns(Warning, match="Unverified HTTPS request"):
            assert HttpText(connection=HttpConnection(verify=False))(url) == "[]"
        with pytest.raises(TlsFailed):  # a connection that was opened unchecked is not shared
            HttpText(**QUICK)(url)


def test_the_environment_can_name_authorities(
    certificates: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = certificates("environment")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", f"{made}.crt")
    with serve(made) as server:
        url = server.on("/x", respond(200, b"ok"))
        assert HttpText()(url) == "ok"
        with pytest.raises(TlsFailed):
            HttpText(connection=HttpConnection(use_environment=False), **QUICK)(url)


def test_old_versions_of_tls_are_refused(certificates: Callable[..., Path]) -> None:
    made = certificates("ancient")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        server = serve(made, minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1)
    with server, pytest.raises(ConnectionFailed):
        HttpText(connection=HttpConnection(verify=f"{made}.crt"), **{**QUICK, "retries": 0})(server.url("/x"))
    assert server.requests == []


def test_a_server_that_speaks_no_tls_is_refused() -> None:
    connection = HttpConnection(connect_timeout=0.3)
    with HttpServer() as server, pytest.raises(ConnectionFailed) as caught:
        HttpText(connection=connection, **{**QUICK, "retries": 0})(
            server.url("/x").replace("http:", "https:")
        )
    assert not caught.value.sent


def test_our_own_certificate_is_shown_when_the_server_asks(certificates: Callable[..., Path]) -> None:
    made, ours = certificates("server"), certificates("client")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made)
    context.load_verify_locations(f"{ours}.crt")
    context.verify_mode = ssl.CERT_REQUIRED
    with HttpServer(context) as server:
        url = server.on("/x", respond(200, b"ok"))
        assert HttpText(connection=HttpConnection(verify=f"{made}.crt", certificate=ours))(url) == "ok"
        split = HttpConnection(verify=f"{made}.crt", certificate=f"{ours}.crt", certificate_key=f"{ours}.key")
        assert HttpText(connection=split)(url) == "ok"
        with pytest.raises(ConnectionFailed):
            HttpText(connection=HttpConnection(verify=f"{made}.crt"), **{**QUICK, "retries": 0})(url)


def test_a_redirect_from_https_to_http_is_refused(certificates: Callable[..., Path]) -> None:
    made = certificates("downgrade")
    with serve(made) as server, HttpServer() as plain:
        url = server.on("/x", respond(302, b"", {"Location": plain.on("/y", respond(200))}))
        with pytest.raises(RedirectRefused, match="from https to"):
            HttpText(connection=HttpConnection(verify=f"{made}.crt"), **QUICK)(url)
        assert plain.requests == []


def test_no_secret_is_sent_to_a_server_that_is_not_trusted(
    certificates: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_TEST_SECRET", "canary-of-tls")
    secret = Secret("env:HTTP_TEST_SECRET")
    with serve(certificates("thief")) as server:
        url = server.on("/x", respond(200))
        for auth in (
            BearerAuth(token=secret),
            OAuth2ClientCredentials(token_url=url, client_id="me", client_secret=secret),
        ):
            with pytest.raises(TlsFailed):
                HttpText(connection=HttpConnection(auth=auth), **QUICK)(url)
        assert server.requests == []
