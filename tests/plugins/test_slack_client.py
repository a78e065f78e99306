"""What Slack answers, or fails to, in our words; and that no answer shows the token or the webhook."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("slack_sdk", reason="needs longshore[slack]")

from certificates import make_certificate, server_context
from http_server import (
    Exchange,
    Handler,
    HttpServer,
    hang_up,
    reset,
    respond,
    stall,
    stalled,
    truncated,
)

from longshore import Detail, LongshoreError, Message, Receipt, Secret
from longshore.testing import Canary, assert_portable
from longshore_slack import (
    SlackChannel,
    SlackConnection,
    SlackError,
    SlackNotFoundError,
    SlackPost,
    SlackRateLimitedError,
    SlackRefusedError,
    SlackTlsError,
    SlackUnauthorizedError,
    SlackUnreachableError,
)
from longshore_slack import errors as tree

POST = "/api/chat.postMessage"
WEBHOOK = "/services/T0001/B0001/c4n4ryXXXXXXXXXXXXXXXXXX"
MESSAGE = Message(key="k1", title="nightly failed: load", text="no answer", time=1_700_000_000.0)
POSTED = {"ok": True, "channel": "C012AB3CD", "ts": "1700000000.000100"}


def says(answer: Any, status: int = 200, **headers: str) -> Handler:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return respond(status, json.dumps(answer).encode(), {"Content-Type": "application/json", **named})


def dripping(exchange: Exchange) -> None:
    """Send a byte now and then, so that no read ever times out."""
    exchange.head(200, {"Content-Length": 1_000})
    while not exchange.stopping.wait(0.05):
        exchange.raw(b" ")


def no_http(exchange: Exchange) -> None:
    exchange.raw(b"SSH-2.0\r\n\r\n")
    exchange.close()


FAULTS: dict[str, tuple[Handler, type[SlackError], str, bool, bool]] = {
    # what the server does, the error, a part of its text, worth another attempt, in doubt
    "invalid_auth": (
        says({"ok": False, "error": "invalid_auth"}),
        SlackUnauthorizedError, "check the value of Secret('env:LONGSHORE_CANARY')", False, False,
    ),
    "missing_scope": (
        says({"ok": False, "error": "missing_scope", "needed": "chat:write", "provided": "files:write"}),
        SlackUnauthorizedError, "add the scope 'chat:write'", False, False,
    ),
    "not_in_channel": (
        says({"ok": False, "error": "not_in_channel"}),
        SlackRefusedError, "/invite @bot", False, False,
    ),
    "channel_not_found": (
        says({"ok": False, "error": "channel_not_found"}),
        SlackNotFoundError, "/invite @bot", False, False,
    ),
    "is_archived": (
        says({"ok": False, "error": "is_archived"}), SlackRefusedError, "unarchive", False, False,
    ),
    "invalid_blocks": (
        says({"ok": False, "error": "invalid_blocks", "response_metadata": {"messages": ["too long"]}}),
        SlackRefusedError, "too long", False, False,
    ),
    "a word nobody knows": (
        says({"ok": False, "error": "brand_new"}),
        SlackRefusedError, "Slack answered 'brand_new'", False, False,
    ),
    "internal_error": (
        says({"ok": False, "error": "internal_error"}),
        SlackUnreachableError, "internal_error", True, False,
    ),
    "ok is missing": (says({"error": 7}), SlackUnreachableError, "not Slack's", True, True),
    "a list": (says([1]), SlackUnreachableError, "not Slack's", True, True),
    "HTML": (respond(200, b"<html>sign in</html>"), SlackUnreachableError, "not Slack's", True, True),
    "half a JSON": (respond(200, b'{"ok": tr'), SlackUnreachableError, "not Slack's", True, True),
    "nothing": (respond(200), SlackUnreachableError, "not Slack's", True, True),
    "ok and no more": (says({"ok": True}), SlackUnreachableError, "has no 'channel'", True, True),
    "400": (respond(400, b"no"), SlackRefusedError, "status 400", False, False),
    "403": (respond(403, b"no"), SlackUnauthorizedError, "status 403", False, False),
    "404": (respond(404, b"no"), SlackNotFoundError, "base_url", False, False),
    "410": (respond(410, b"no"), SlackNotFoundError, "status 410", False, False),
    "500": (respond(500, b"no"), SlackUnreachableError, "status 500", True, False),
    "503 with JSON": (says({"ok": True}, 503), SlackUnreachableError, "status 503", True, False),
    "cut": (truncated(b'{"ok": true}', 5), SlackUnreachableError, "before the whole answer", True, True),
    "cut in chunks": (
        truncated(b'{"ok": true}', 5, how="chunked"),
        SlackUnreachableError, "before the whole answer", True, True,
    ),
    "stalled": (stalled(b'{"ok": true}', 3), SlackUnreachableError, "in time", True, True),
    "stalled at once": (stall, SlackUnreachableError, "in time", True, True),
    "reset": (reset, SlackUnreachableError, "reset", True, True),
    "hung up": (hang_up, SlackUnreachableError, "without an answer", True, True),
    "dripping": (dripping, SlackUnreachableError, "not over after 0.6 s", True, True),
    "no HTTP": (no_http, SlackUnreachableError, "not one of HTTP", True, True),
}  # fmt: skip


@pytest.fixture
def connection(server: HttpServer, canary: Canary) -> SlackConnection:
    return SlackConnection(
        token=canary.secret, base_url=server.url("/api/"), connect_timeout=0.5, read_timeout=0.3,
        call_timeout=0.6,
    )  # fmt: skip


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """Everything that any library logs, at any level."""
    caplog.set_level(logging.DEBUG)
    return lambda: "\n".join(f"{r.getMessage()}{r.exc_text or ''}{vars(r)}" for r in caplog.records)


def caught(call: Callable[[], Any]) -> SlackError:
    with pytest.raises(SlackError) as raised:
        call()
    return raised.value


def everything_of(error: BaseException) -> str:
    """What an error shows to anybody who looks, with the locals of every frame."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    return f"{''.join(shown.format())}{error!r}{vars(error)}{error.args}{getattr(error, '__notes__', '')}"


@pytest.mark.parametrize("fault", FAULTS)
def test_each_way_to_fail_is_told_in_our_words_and_never_with_the_token(
    fault: str, server: HttpServer, connection: SlackConnection, canary: Canary, logged: Callable[[], str]
) -> None:
    handler, kind, part, retryable, uncertain = FAULTS[fault]
    server.on(POST, handler)
    error = caught(lambda: SlackPost("#data", connection=connection, repeatable=True).run("hello"))
    assert type(error) is kind
    assert str(error).startswith("cannot post to '#data': ")
    assert part in str(error)
    assert (error.retryable, error.uncertain) == (retryable, uncertain)
    assert len(server.requests) == 1, "the client repeats nothing by itself"
    assert canary.value not in everything_of(error) + logged()
    assert error.__context__ is None
    assert_portable(error)


def test_a_post_that_may_have_arrived_is_not_sent_again(
    server: HttpServer, connection: SlackConnection
) -> None:
    server.on(POST, hang_up, says(POSTED))
    post = SlackPost("#data", connection=connection, retries=3, retry_delay=0.0)
    with pytest.raises(LongshoreError, match="may have arrived all the same, so it is not sent again"):
        post("hello")
    assert len(server.requests) == 1


def test_a_post_that_slack_did_not_take_is_sent_again(
    server: HttpServer, connection: SlackConnection
) -> None:
    limited = says({"ok": False, "error": "ratelimited"}, 429, Retry_After="0")
    server.on(POST, respond(500), limited, says(POSTED))
    assert SlackPost("#data", connection=connection, retry_delay=0.0)("hello").ts == POSTED["ts"]
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("header", "seconds"), [("3", 3.0), ("3600", 3600.0), ("", 30.0), ("-1", 30.0), ("soon", 30.0)]
)
def test_retry_after_is_passed_on(
    header: str, seconds: float, server: HttpServer, connection: SlackConnection
) -> None:
    server.on(POST, respond(429, b"", {"Retry-After": header} if header else {}))
    error = caught(lambda: SlackPost("#data", connection=connection).run("hello"))
    assert isinstance(error, SlackRateLimitedError)
    assert error.retry_after == seconds


def test_what_was_never_sent_leaves_no_doubt(connection: SlackConnection) -> None:
    for url, part in (
        ("http://127.0.0.1:1/api/", "refused"),
        ("https://longshore.invalid/api/", "name was not found"),
    ):
        there = SlackConnection(token=connection.token, base_url=url, connect_timeout=2)
        error = caught(lambda there=there: SlackPost("#data", connection=there).run("hello"))  # type: ignore[misc]
        assert part in str(error)
        assert (error.retryable, error.uncertain) == (True, False)


def test_a_redirect_is_not_followed_with_the_token(server: HttpServer, connection: SlackConnection) -> None:
    server.on(POST, respond(307, b"", {"Location": server.url("/elsewhere")}))
    error = caught(lambda: SlackPost("#data", connection=connection).run("hello"))
    assert "redirects are not followed" in str(error)
    assert server.asked("/elsewhere") == []


def test_a_server_without_tls_gets_nothing(server: HttpServer, canary: Canary) -> None:
    url = server.url("/api/").replace("http:", "https:")
    there = SlackConnection(token=canary.secret, base_url=url, connect_timeout=0.3)
    error = caught(lambda: SlackPost("#data", connection=there).run("hello"))
    assert isinstance(error, SlackUnreachableError)
    assert not error.uncertain
    assert canary.value not in "".join(request.method + request.target for request in server.requests)


@pytest.mark.gate("S14")
def test_a_certificate_that_nobody_signed_is_refused(tmp_path: Path, canary: Canary) -> None:
    pem = make_certificate(tmp_path, "self")
    with HttpServer(server_context(pem)) as server:
        server.on(POST, says(POSTED))
        there = SlackConnection(token=canary.secret, base_url=server.url("/api/"))
        error = caught(lambda: SlackPost("#data", connection=there).run("hello"))
        assert isinstance(error, SlackTlsError)
        assert "self-signed" in str(error)
        assert server.requests == []
        trusting = SlackConnection(token=canary.secret, base_url=server.url("/api/"), ca_file=str(pem))
        assert SlackPost("#data", connection=trusting).run("hello").channel == "C012AB3CD"


def test_a_proxy_is_used_and_its_password_is_not_shown(
    server: HttpServer, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_PROXY", server.url().replace("//", "//me:c4n4ry-of-proxy@"))
    there = SlackConnection(
        token=canary.secret, base_url="http://127.0.0.1:1/api/", proxy=Secret("env:SLACK_PROXY")
    )
    monkeypatch.setenv("no_proxy", "")
    server.on(POST, says(POSTED), respond(407, b"no"))
    assert SlackPost("#data", connection=there).run("hello").ts == POSTED["ts"]
    assert server.requests[0].target == "http://127.0.0.1:1/api/chat.postMessage"
    assert server.requests[0].headers["Proxy-Authorization"].startswith("Basic ")
    error = caught(lambda: SlackPost("#data", connection=there).run("hello"))
    assert "c4n4ry" not in everything_of(error) + repr(there)


def test_an_attempt_that_is_told_to_stop_cuts_the_call(server: HttpServer, canary: Canary) -> None:
    server.on(POST, stall)
    there = SlackConnection(token=canary.secret, base_url=server.url("/api/"), read_timeout=30)
    began = time.monotonic()
    with pytest.raises(LongshoreError):
        SlackPost("#data", connection=there, timeout=0.2, retries=0)("hello")
    assert time.monotonic() - began < 5
    for timer in [t for t in threading.enumerate() if isinstance(t, threading.Timer)]:
        timer.join(5)
        assert not timer.is_alive()


def test_a_token_that_cannot_be_one_is_not_sent(
    server: HttpServer, connection: SlackConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LONGSHORE_CANARY", "xoxb-ümläut-c4n4ry")
    error = caught(lambda: SlackPost("#data", connection=connection).run("hello"))
    assert isinstance(error, SlackUnauthorizedError)
    assert "c4n4ry" not in everything_of(error)
    assert server.requests == []


def test_a_token_that_was_changed_is_followed(
    server: HttpServer, connection: SlackConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.on(POST, says(POSTED))
    for token in ("xoxb-first-one", "xoxb-second-one\n"):
        monkeypatch.setenv("LONGSHORE_CANARY", token)
        SlackPost("#data", connection=connection).run("hello")
    sent = [request.headers["Authorization"] for request in server.requests]
    assert sent == ["Bearer xoxb-first-one", "Bearer xoxb-second-one"]


def test_the_sdk_says_nothing_at_any_level(
    server: HttpServer, connection: SlackConnection, canary: Canary, logged: Callable[[], str]
) -> None:
    server.on(POST, says(POSTED))
    SlackPost("#data", connection=connection).run("a text of mine")
    assert canary.value not in logged()
    assert "a text of mine" not in logged()


# --- webhooks

HOOK_FAULTS: dict[str, tuple[Handler, type[SlackError], str, bool]] = {
    "no_service": (respond(404, b"no_service"), SlackNotFoundError, "make a new webhook", False),
    "gone": (respond(410, b"channel_is_archived"), SlackNotFoundError, "status 410", False),
    "forbidden": (respond(403, b"action_prohibited"), SlackUnauthorizedError, "action_prohibited", False),
    "invalid_token": (respond(403, b"invalid_token"), SlackUnauthorizedError, "env:LONGSHORE_HOOK", False),
    "invalid": (respond(400, b"invalid_payload"), SlackRefusedError, "invalid_payload", False),
    "429": (respond(429, b"", {"Retry-After": "9"}), SlackRateLimitedError, "9 s", False),
    "500": (respond(500, b"rollup_error"), SlackUnreachableError, "status 500", False),
    "HTML": (respond(200, b"<html>"), SlackUnreachableError, "not Slack's", True),
    "hung up": (hang_up, SlackUnreachableError, "without an answer", True),
    "reset": (reset, SlackUnreachableError, "reset", True),
    "moved": (respond(302, b"", {"Location": "/elsewhere"}), SlackRefusedError, "redirects", False),
}


@pytest.fixture
def hook(server: HttpServer, monkeypatch: pytest.MonkeyPatch, canary: Canary) -> SlackChannel:
    monkeypatch.setenv("LONGSHORE_HOOK", server.url(WEBHOOK))
    server.on(WEBHOOK, respond(200, b"ok"))
    return SlackChannel("#data", webhook=Secret("env:LONGSHORE_HOOK"))


@pytest.mark.parametrize("fault", HOOK_FAULTS)
def test_a_webhook_that_fails_is_told_without_its_url(
    fault: str, server: HttpServer, hook: SlackChannel, logged: Callable[[], str]
) -> None:
    from longshore import DeliveryError

    handler, kind, part, uncertain = HOOK_FAULTS[fault]
    server.on(WEBHOOK, handler)
    with pytest.raises(DeliveryError) as raised:
        hook.send(MESSAGE)
    error = raised.value
    assert type(error.__cause__) is kind
    assert part in str(error)
    assert error.uncertain is uncertain
    shown = everything_of(error) + logged() + repr(hook) + hook.address
    assert "c4n4ry" not in shown
    assert "/services/" not in shown


def test_a_webhook_is_probed_without_a_post(server: HttpServer, hook: SlackChannel) -> None:
    from longshore import DeliveryError

    server.on(WEBHOOK, respond(400, b"no_text"), respond(404, b"no_service"))
    hook.probe()
    assert json.loads(server.requests[0].body) == {}
    with pytest.raises(DeliveryError, match="no_service"):
        hook.probe()


def test_a_webhook_says_what_it_cannot(hook: SlackChannel) -> None:
    from longshore import DeliveryError

    assert (hook.edits, hook.threads, hook.finds) == (False, False, False)
    for call in (
        lambda: hook.edit(Receipt(id="1.2"), MESSAGE),
        lambda: hook.reply(Receipt(id="1.2"), MESSAGE),
        lambda: hook.find(MESSAGE),
    ):
        with pytest.raises(DeliveryError, match="give token=Secret") as raised:
            call()
        assert not raised.value.retryable


def test_what_a_webhook_cannot_attach_is_said_in_the_message(server: HttpServer, hook: SlackChannel) -> None:
    from dataclasses import replace

    hook.send(replace(MESSAGE, details=(Detail("Log", "line\n" * 50_000),)))
    sent = json.loads(server.requests[0].body)
    assert "A webhook cannot attach the whole text" in sent["blocks"][-1]["elements"][-1]["text"]
    assert sent["text"] == "✖ nightly failed: load: no answer"


def _post_in_a_child(connection: SlackConnection, results: Any) -> None:
    results.put(SlackPost("#data", connection=connection).run("hello").ts)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_makes_its_own_client(server: HttpServer, connection: SlackConnection) -> None:
    from longshore_slack import client

    server.on(POST, says(POSTED))
    SlackPost("#data", connection=connection).run("hello")
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    child = context.Process(target=_post_in_a_child, args=(connection, results))
    child.start()
    assert results.get(timeout=20) == POSTED["ts"]
    child.join(20)
    assert {pid for pid, _ in client._clients} == {os.getpid()}
    assert len(server.requests) == 2


def test_importing_the_integration_imports_no_library() -> None:
    code = (
        "import sys, longshore_slack, longshore_slack.plugin\n"
        "longshore_slack.SlackPost('#data', connection=longshore_slack.SlackConnection())\n"
        "longshore_slack.SlackAlert('#data')\n"
        "found = {'slack_sdk', 'urllib.request', 'http.client', 'ssl'} & set(sys.modules)\n"
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_every_error_travels_and_is_public() -> None:
    import longshore_slack

    def kinds(base: type[LongshoreError]) -> set[type[LongshoreError]]:
        return {base}.union(*(kinds(kind) for kind in base.__subclasses__()))

    for kind in kinds(SlackError):
        error = kind("cannot post to '#data': because")
        error.retry_after = 3.0
        assert_portable(error)
        assert kind.__name__ in longshore_slack.__all__
        assert kind.__name__ in (tree.__doc__ or "")
