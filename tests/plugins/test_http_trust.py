"""Who may see what: credentials, redirects, TLS, proxies, cookies, addresses."""

from __future__ import annotations

import pickle
import traceback
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from http_server import Exchange, HttpServer, reset, respond

from longshore import ConfigurationError, Exponential, Secret
from longshore_http import (
    BasicAuth,
    BearerAuth,
    ConnectionFailed,
    HttpConnection,
    HttpDownload,
    HttpError,
    HttpRequest,
    RedirectRefused,
    StatusError,
    UrlRefused,
)  # fmt: skip
from longshore_http.connections import same_place

CANARY = "s3cr3t-Canary/+=42"
QUICK: dict[str, Any] = {"retries": 0, "retry_delay": Exponential(base=0.01, cap=0.02)}


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> Secret:
    monkeypatch.setenv("HTTP_TEST_SECRET", CANARY)
    return Secret("env:HTTP_TEST_SECRET")


def get(connection: HttpConnection, **fields: Any) -> HttpRequest:
    return HttpRequest(connection=connection, **{**QUICK, **fields})


def sent(server: HttpServer, name: str = "Authorization") -> list[str | None]:
    return [exchange.headers.get(name) for exchange in server.requests]


def test_basic_and_bearer_arrive_and_the_connection_shows_neither(server: HttpServer, secret: Secret) -> None:
    url = server.on("/x", respond(200))
    for auth, header in (
        (BasicAuth(user="ann", password=secret), "Basic " + b64encode(f"ann:{CANARY}".encode()).decode()),
        (BearerAuth(token=secret), f"Bearer {CANARY}"),
        (BearerAuth(token=secret, scheme="Token"), f"Token {CANARY}"),
    ):
        connection = HttpConnection(auth=auth)
        get(connection)(url)
        assert sent(server)[-1] == header
        assert CANARY not in repr(connection)
        assert CANARY.encode() not in pickle.dumps(get(connection))
        assert pickle.loads(pickle.dumps(connection)) == connection
        assert hash(pickle.loads(pickle.dumps(connection))) == hash(connection)


def test_a_credential_in_plain_text_is_refused_without_repeating_it() -> None:
    for make in (
        lambda: BearerAuth(token=CANARY),  # type: ignore[arg-type]
        lambda: BasicAuth(user="ann", password=CANARY),  # type: ignore[arg-type]
        lambda: HttpConnection(headers={"authorization": CANARY}),
        lambda: HttpConnection(base_url=f"https://ann:{quote(CANARY, '')}@h/"),
        lambda: HttpConnection(proxies={"https": f"http://ann:{CANARY}@h/"}),
        lambda: HttpRequest(headers={"Cookie": CANARY}),
    ):
        with pytest.raises(ConfigurationError) as caught:
            make()
        assert "Secret" in str(caught.value)
        assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    "fault",
    [respond(403, CANARY.encode()), respond(503), reset, respond(302, b"", {"Location": "http://[bad"})],
)
def test_no_secret_is_in_any_error(server: HttpServer, secret: Secret, fault: Any) -> None:
    server.on("/x", fault)
    connection = HttpConnection(auth=BearerAuth(token=secret), headers={"X-Key": secret})
    url = server.url("/x").replace("//", f"//ann:{CANARY.replace('/', '%2F')}@")
    with pytest.raises(HttpError) as caught:
        get(connection, method="POST")(
            url, params={"api_key": secret, "sig": CANARY}, json={"password": secret}
        )
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__dict__)
    assert CANARY not in shown
    assert CANARY.encode() not in pickle.dumps(caught.value)
    assert "Canary" not in shown
    assert caught.value.__context__ is None or "Canary" not in repr(caught.value.__context__)


def test_no_secret_is_in_an_error_without_a_connection(secret: Secret) -> None:
    with HttpServer() as gone:
        url = gone.url("/x")
    with pytest.raises(ConnectionFailed) as caught:
        get(HttpConnection())(url, params={"token": "plain-" + CANARY[7:13]})
    assert "plain-Canary" not in "".join(traceback.format_exception(caught.value))


def test_results_hold_no_secret(server: HttpServer, secret: Secret, tmp_path: Path) -> None:
    url = server.on("/x", respond(200, b"ok"))
    response = get(HttpConnection())(url, params={"token": secret, "day": "1"})
    assert response.url == f"{url}?token=***&day=1"
    assert server.requests[0].query == {"token": [CANARY], "day": ["1"]}
    result = HttpDownload(**QUICK)(url, tmp_path / "f", params={"X-Amz-Signature": CANARY})
    assert "Canary" not in repr(result)


def test_user_and_password_in_a_url_are_sent_as_basic_auth(server: HttpServer) -> None:
    url = server.on("/x", respond(200)).replace("//", "//ann:p%40ss@")
    get(HttpConnection())(url)
    assert sent(server) == ["Basic " + b64encode(b"ann:p@ss").decode()]
    assert server.requests[0].headers["Host"] == f"127.0.0.1:{server.port}"


def test_credentials_do_not_follow_a_redirect_to_another_host(server: HttpServer, secret: Secret) -> None:
    elsewhere = server.url("/b", host="localhost")
    server.on("/a", respond(307, b"", {"Location": elsewhere}))
    server.on("/b", respond(307, b"", {"Location": server.url("/c")}))
    server.on("/c", respond(200))
    connection = HttpConnection(
        auth=BearerAuth(token=secret), headers={"X-Api-Key": secret, "X-Team": "data"}
    )
    get(connection, headers={"X-Other": secret})(server.url("/a"))
    assert sent(server) == [f"Bearer {CANARY}", None, f"Bearer {CANARY}"]
    assert sent(server, "X-Api-Key")[1] is None
    assert sent(server, "X-Other")[1] is None
    assert sent(server, "X-Team") == ["data"] * 3


def test_credentials_do_not_follow_a_redirect_to_another_port(server: HttpServer, secret: Secret) -> None:
    with HttpServer() as other:
        other.on("/b", respond(200))
        server.on("/a", respond(302, b"", {"Location": other.url("/b")}))
        get(HttpConnection(auth=BearerAuth(token=secret)))(server.url("/a"))
        assert sent(other) == [None]


def test_credentials_of_a_base_url_go_nowhere_else(server: HttpServer, secret: Secret) -> None:
    server.on("/v1/x", respond(200))
    server.on("/y", respond(401))
    connection = HttpConnection(base_url=server.url("/v1"), auth=BearerAuth(token=secret))
    get(connection)("x")
    get(connection)("/x")
    with pytest.raises(StatusError, match="for another host"):
        get(connection)(server.url("/y", host="localhost"))
    assert sent(server) == [f"Bearer {CANARY}", f"Bearer {CANARY}", None]


def test_redirects_keep_or_change_the_method_as_browsers_do(server: HttpServer) -> None:
    server.on("/b", respond(200))
    for status, method in ((301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")):
        server.requests.clear()
        server.on("/a", respond(status, b"", {"Location": "/b"}))
        get(HttpConnection(), method="POST")(server.url("/a"), body=b"hello")
        assert (server.requests[1].method, server.requests[1].body) == (
            method,
            b"hello" if method == "POST" else b"",
        )


def test_the_body_of_a_redirect_is_not_read(server: HttpServer) -> None:
    def endless(exchange: Exchange) -> None:
        exchange.head(302, {"Location": "/b", "Transfer-Encoding": "chunked"})
        for _ in range(100_000):
            exchange.raw(b"10000\r\n" + b"x" * 65536 + b"\r\n")

    server.on("/b", respond(200, b"there"))
    assert get(HttpConnection(), timeout=10)(server.on("/a", endless)).text == "there"


def test_credentials_follow_an_upgrade_to_https_on_the_usual_ports_only() -> None:
    assert same_place("http://h/x", "https://h/y")
    assert same_place("https://h", "https://H:443/")
    for start, url in (("https://h", "http://h"), ("http://h:8080", "https://h"), ("http://h", "https://i")):
        assert not same_place(start, url)


def test_redirects_are_counted_and_may_be_results(server: HttpServer) -> None:
    url = server.on("/a", respond(302, b"", {"Location": "/a"}))
    with pytest.raises(RedirectRefused, match="more than 3 redirects"):
        get(HttpConnection(max_redirects=3))(url)
    assert len(server.requests) == 4
    response = get(HttpConnection(max_redirects=0), accept=(302,))(url)
    assert response.headers["Location"] == "/a"


@pytest.mark.parametrize(
    "target", ["ftp://h/x", "file:///etc/passwd", "http://a\\@127.0.0.1/", "http://h:x/"]
)
def test_a_redirect_to_what_is_no_url_is_refused(server: HttpServer, target: str) -> None:
    url = server.on("/a", respond(302, b"", {"Location": target}))
    with pytest.raises(UrlRefused):
        get(HttpConnection())(url)


@pytest.mark.parametrize(
    "url", ["", "x", "ftp://h/", "http://", "http://h:x/", "http://h/\n", "http://a\\@b/", "http://[::1/"]
)
def test_what_is_no_url_is_refused_at_once(url: str) -> None:
    with pytest.raises(UrlRefused, match="no URL"):
        get(HttpConnection(), retries=3)(url)


def test_a_header_cannot_smuggle_another(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_TEST_SECRET", "canary\r\nX-Evil: 1")
    with pytest.raises(UrlRefused, match="line break") as caught:
        get(HttpConnection(headers={"X-Key": Secret("env:HTTP_TEST_SECRET")}))(server.url("/x"))
    assert "canary" not in str(caught.value)
    assert server.requests == []


def test_cookies_are_not_kept(server: HttpServer) -> None:
    url = server.on("/x", respond(200, b"", {"Set-Cookie": "session=1; Path=/"}))
    task = get(HttpConnection())
    task(url)
    task(url)
    assert sent(server, "Cookie") == [None, None]


def test_netrc_is_not_read(server: HttpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".netrc").write_text(f"machine 127.0.0.1 login ann password {CANARY}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    get(HttpConnection())(server.on("/x", respond(200)))
    assert sent(server) == [None]


def test_a_url_that_is_a_credential_is_given_as_a_secret(
    server: HttpServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    url = server.on("/services/T1/canary-of-the-hook", respond(404))
    monkeypatch.setenv("HTTP_TEST_SECRET", url)
    with pytest.raises(StatusError) as caught, caplog.at_level("DEBUG"):
        HttpRequest("POST", **QUICK)(Secret("env:HTTP_TEST_SECRET"), json={})
    assert "canary" not in "".join(traceback.format_exception(caught.value)) + caplog.text
    assert server.requests[0].path == "/services/T1/canary-of-the-hook"


def test_a_file_of_authorities_that_is_not_there_is_said_at_once(server: HttpServer) -> None:
    with pytest.raises(ConfigurationError, match=r"verify='missing\.pem'"):
        get(HttpConnection(verify="missing.pem"), retries=3)(server.url("/x"))
