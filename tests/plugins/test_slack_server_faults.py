"""The test server fails as it is told, and stops without leaving anything behind."""

from __future__ import annotations

import http.client
import ssl
import threading
import time
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest
from certificates import make_certificate, server_context

pytest.importorskip("slack_sdk", reason="needs longshore[slack]")

from slack_sdk import WebClient, WebhookClient
from slack_sdk.errors import SlackApiError

from longshore_slack.testing import Answer, Request, SlackServer


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        server.add_channel("data")
        yield server


@pytest.fixture
def client(slack: SlackServer) -> WebClient:
    # Without the client's own second try after a connection that broke.
    return WebClient(slack.token, base_url=slack.base_url, timeout=5, retry_handlers=[])


def post(client: WebClient, text: str = "x") -> None:
    client.chat_postMessage(channel="data", text=text)


@pytest.mark.parametrize(
    ("told", "header"),
    [
        (3, "3"),
        (-1, "-1"),
        (3600, "3600"),
        ("Wed, 21 Oct 2026 07:28:00 GMT",) * 2,
        (None, None),
        ("soon",) * 2,
    ],
)
def test_a_429_says_what_it_is_told(
    told: float | str | None, header: str | None, slack: SlackServer, client: WebClient
) -> None:
    slack.fail("chat.postMessage", kind="429", retry_after=told)
    with pytest.raises(SlackApiError) as caught:
        post(client)
    answer = caught.value.response
    assert (answer.status_code, answer["error"]) == (429, "ratelimited")
    assert answer.headers.get("Retry-After") == header
    post(client)
    assert [call.status for call in slack.calls] == [429, 200]
    assert len(slack.messages("data")) == 1


@pytest.mark.parametrize(("kind", "status", "seen"), [("500", 0, 500), ("503", 0, 503), ("html", 502, 502)])
def test_a_status_of_failure_is_no_json(
    kind: str, status: int, seen: int, slack: SlackServer, client: WebClient
) -> None:
    slack.fail(kind=kind, status=status)
    with pytest.raises(SlackApiError) as caught:
        post(client)
    assert caught.value.response.status_code == seen
    assert slack.messages("data") == []


def test_a_page_comes_with_status_200(slack: SlackServer, client: WebClient) -> None:
    slack.fail("chat.*", kind="html")
    with pytest.raises(SlackApiError, match="JSON"):
        post(client)
    assert (slack.calls[0].status, slack.messages("data")) == (200, [])


@pytest.mark.parametrize("word", ["invalid_auth", "ratelimited", "msg_too_long", "fatal_error"])
def test_any_word_of_slack_is_said(word: str, slack: SlackServer, client: WebClient) -> None:
    slack.fail(kind=word)
    with pytest.raises(SlackApiError) as caught:
        post(client)
    assert (caught.value.response["error"], slack.calls[0].error) == (word, word)


@pytest.mark.parametrize(
    ("kind", "status", "body"),
    [
        ("no_service", 404, "no_service"),
        ("channel_is_archived", 410, "channel_is_archived"),
        ("action_prohibited", 403, "action_prohibited"),
        ("500", 500, "Server Error"),
    ],
)
def test_a_webhook_fails_in_words(kind: str, status: int, body: str, slack: SlackServer) -> None:
    hook = WebhookClient(slack.webhook("data"))
    slack.fail("webhook", kind=kind)
    answer = hook.send(text="x")
    assert (answer.status_code, answer.body) == (status, body)
    assert hook.send(text="y").body == "ok"
    assert [one.text for one in slack.messages("data")] == ["y"]


@pytest.mark.parametrize(("kind", "arrived"), [("closed", 0), ("reset", 1), ("half", 1)])
def test_a_connection_breaks_before_or_after(
    kind: str, arrived: int, slack: SlackServer, client: WebClient
) -> None:
    slack.fail("chat.postMessage", kind=kind)
    broken = (OSError, http.client.HTTPException, urllib.error.URLError, SlackApiError)
    with pytest.raises(broken):
        post(client)
    assert len(slack.messages("data")) == arrived
    assert slack.calls[0].method == "chat.postMessage"


def test_an_answer_of_another_type_is_carried_out(slack: SlackServer, client: WebClient) -> None:
    slack.fail(kind="type")
    assert client.auth_test().headers["Content-Type"] == "application/octet-stream"


def test_an_answer_comes_late(slack: SlackServer, client: WebClient) -> None:
    slack.fail(kind="slow", seconds=0.2)
    begun = time.monotonic()
    post(client)
    assert time.monotonic() - begun >= 0.2
    assert len(slack.messages("data")) == 1


def test_no_answer_comes_until_the_server_stops(slack: SlackServer, client: WebClient) -> None:
    slack.fail(kind="hang")
    ends: list[BaseException] = []

    def call() -> None:
        try:
            post(client)
        except (OSError, http.client.HTTPException) as error:
            ends.append(error)

    caller = threading.Thread(target=call)
    caller.start()
    while not slack.calls:
        time.sleep(0.005)
    slack.stop()
    caller.join(5)
    assert [type(error) for error in ends] == [http.client.RemoteDisconnected]
    assert slack.calls[0].arguments["text"] == "x"
    assert slack.messages("data") == []


def test_every_second_call_fails_and_others_do_not(slack: SlackServer, client: WebClient) -> None:
    fault = slack.fail("chat.postMessage", kind="429", every=2, times=None)
    for number in range(6):
        client.auth_test()
        if number % 2:
            with pytest.raises(SlackApiError):
                post(client)
        else:
            post(client)
    assert (fault.used, len(slack.messages("data"))) == (3, 3)
    slack.faults.clear()
    post(client)
    post(client)
    assert len(slack.messages("data")) == 5


def test_a_function_answers_in_special_cases(slack: SlackServer, client: WebClient) -> None:
    def odd(request: Request) -> Answer | str | None:
        if b"teapot" in request.body:
            return Answer(418, {"Content-Type": "text/plain"}, b"{}")
        return "restricted_action" if b"quiet" in request.body else None

    slack.hook(odd, "chat.postMessage")
    with pytest.raises(SlackApiError) as caught:
        post(client, "teapot")
    assert caught.value.response.status_code == 418
    with pytest.raises(SlackApiError, match="restricted_action"):
        post(client, "quiet")
    post(client)
    assert [one.text for one in slack.messages("data")] == ["x"]


def test_calls_are_remembered_in_order_without_the_token(slack: SlackServer, client: WebClient) -> None:
    begun = time.monotonic()
    client.auth_test()
    post(client)
    first, second = slack.calls
    assert [first.method, second.method] == ["auth.test", "chat.postMessage"]
    assert begun <= first.time <= second.time <= time.monotonic()
    assert second.arguments == {"channel": "data", "text": "x"}
    assert slack.token not in repr((first.arguments, second.arguments))


def test_a_stopped_server_refuses_and_comes_back_as_it_was(slack: SlackServer, client: WebClient) -> None:
    post(client, "before")
    address = slack.base_url
    slack.stop()
    slack.stop()
    with pytest.raises(urllib.error.URLError):
        post(client)
    slack.start()
    assert slack.base_url == address
    post(client, "after")
    assert [one.text for one in slack.messages("data")] == ["before", "after"]


def test_nothing_is_left_when_it_has_stopped() -> None:
    with SlackServer() as server:
        held = http.client.HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]), timeout=5)
        held.request("GET", "/api/auth.test")
        assert held.getresponse().read() == b'{"ok": false, "error": "not_authed"}'
    held.close()
    assert [one.name for one in threading.enumerate() if one.name.startswith("slack-server")] == []


def test_many_threads_lose_no_message(slack: SlackServer) -> None:
    def many(sender: int) -> None:
        client = WebClient(slack.token, base_url=slack.base_url)
        for number in range(10):
            post(client, f"{sender}:{number}")

    threads = [threading.Thread(target=many, args=(sender,)) for sender in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    messages = slack.messages("data")
    assert len({one.text for one in messages}) == 80
    assert len({one.ts for one in messages}) == 80


@pytest.mark.skipif(which("openssl") is None, reason="needs openssl")
def test_it_speaks_tls(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "slack")
    with SlackServer(tls=server_context(certificate)) as server:
        server.add_channel("data")
        trusting = ssl.create_default_context(cafile=str(certificate))
        post(WebClient(server.token, base_url=server.base_url, ssl=trusting))
        with pytest.raises(urllib.error.URLError, match="certificate"):
            post(WebClient(server.token, base_url=server.base_url, retry_handlers=[]))
        assert len(server.messages("data")) == 1
