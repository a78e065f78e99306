"""Alerts by Apprise: each service gets what it can take, and what it does not get is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from http_server import HttpServer, hang_up, respond

pytest.importorskip("apprise", reason="needs longshore[apprise]")

from longshore import (
    Alert,
    ConfigurationError,
    DeliveryError,
    Detail,
    Message,
    Secret,
    flow,
    flush_alerts,
    task,
)
from longshore_apprise import AppriseAlert, AppriseChannel
from longshore_email.testing import MailSink

URL = Secret("env:APPRISE_TEST_URL")
CHANNEL = AppriseChannel("pager", url=URL)
MESSAGE = Message(
    key="k",
    title="nightly failed: load",
    text="ConnectionError: <no> answer & *no* reason",
    fields=(("Run", "0123"), ("Took", "12 s")),
    details=(Detail("Log", "line 1\nline 2"),),
    link="https://runs.example/0123",
)


@pytest.fixture
def json_server(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> HttpServer:
    server.on("/x", respond(200))
    monkeypatch.setenv("APPRISE_TEST_URL", f"json://127.0.0.1:{server.port}/x")
    return server


@pytest.fixture
def discord(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> HttpServer:
    """Apprise's sender for Discord, which takes 2,000 characters, pointed at a server of ours."""
    from apprise.plugins.discord import NotifyDiscord

    monkeypatch.setattr(NotifyDiscord, "notify_url", server.url("/hooks"))
    monkeypatch.setattr(NotifyDiscord, "request_rate_per_sec", 0)
    server.on("/hooks/123456789012345678/" + "t" * 40, respond(200, b"{}"))
    monkeypatch.setenv("APPRISE_TEST_URL", "discord://123456789012345678/" + "t" * 40)
    return server


@pytest.mark.parametrize(
    ("status", "severity", "kind"),
    [
        ("failed", "error", "failure"),
        ("failed", "critical", "failure"),
        ("late", "warning", "warning"),
        ("started", "info", "info"),
        ("recovered", "info", "success"),
    ],
)
def test_a_message_has_all_that_there_is_and_its_kind(
    json_server: HttpServer, status: str, severity: Any, kind: str
) -> None:
    message = Message(key="k", title="t", text="x", status=status, severity=severity, notes=("late",))
    CHANNEL.send(message)
    sent = json.loads(json_server.requests[-1].body)
    assert sent["type"] == kind
    assert sent["message"] == "x\nlate"
    CHANNEL.send(MESSAGE)
    sent = json.loads(json_server.requests[-1].body)
    assert sent["title"] == "✖ nightly failed: load"
    assert f"{sent['title']}\n{sent['message']}" == MESSAGE.plain


@pytest.mark.gate("N4")
@pytest.mark.parametrize("text", ["x" * 1_000_000, "🚚" * 10_000, "\x00\x1b[31m <b>&*_`~ @everyone\n" * 500])
def test_what_a_service_does_not_take_is_cut_and_that_is_said(discord: HttpServer, text: str) -> None:
    message = Message(key="k", title="failed", text="why", details=(Detail("Log", text + "the end"),))
    CHANNEL.send(message)
    [request] = discord.requests
    sent = json.loads(request.body)
    shown = json.dumps(sent, ensure_ascii=False)
    assert "why" in shown
    assert "characters are left out" in shown
    assert "the end" in shown
    assert len(sent.get("content", "")) <= 2_000


def test_a_head_that_is_too_long_is_cut_too(discord: HttpServer) -> None:
    CHANNEL.send(Message(key="k", title="failed " + "t" * 300, text="w" * 10_000))
    assert "characters are left out" in discord.requests[0].body.decode("unicode_escape")


def test_split_sends_all_of_it_in_several_messages(discord: HttpServer) -> None:
    channel = AppriseChannel("chat", url=URL, overflow="split")
    channel.send(Message(key="k", title="failed", text="why", details=(Detail("Log", "word " * 1_000),)))
    assert len(discord.requests) > 2
    assert sum(request.body.count(b"word") for request in discord.requests) == 1_000


def test_a_part_that_was_sent_before_the_failure_leaves_a_doubt(discord: HttpServer) -> None:
    discord.on("/hooks/123456789012345678/" + "t" * 40, respond(200, b"{}"), respond(500))
    channel = AppriseChannel("chat", url=URL, overflow="split")
    with pytest.raises(DeliveryError) as caught:
        channel.send(Message(key="k", title="failed", text="word " * 1_000))
    assert caught.value.uncertain


def test_refusals_and_doubts_are_told_to_the_engine(json_server: HttpServer) -> None:
    expected = {respond(503): (True, False), respond(404): (False, False), hang_up: (True, True)}
    for handler, (retryable, uncertain) in expected.items():
        json_server.on("/x", handler)
        with pytest.raises(DeliveryError) as caught:
            CHANNEL.send(MESSAGE)
        assert (caught.value.retryable, caught.value.uncertain) == (retryable, uncertain)


def test_a_probe_sends_nothing_and_refuses_what_is_no_service(
    json_server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    CHANNEL.probe()
    assert json_server.requests == []
    monkeypatch.setenv("APPRISE_TEST_URL", "nosuch://x")
    for call in (CHANNEL.probe, lambda: CHANNEL.send(MESSAGE)):
        with pytest.raises(DeliveryError) as caught:
            call()
        assert not caught.value.retryable
    monkeypatch.delenv("APPRISE_TEST_URL")
    with pytest.raises(DeliveryError, match="is not set"):
        CHANNEL.probe()


def test_an_address_makes_the_same_channel_again() -> None:
    made = AppriseChannel("pager duty", url=URL, overflow="split")
    assert made.address == "apprise:pager%20duty?url=env:APPRISE_TEST_URL&overflow=split"
    assert AppriseChannel.of_address(made.address) == made
    with pytest.raises(ConfigurationError):
        AppriseChannel("x", url=URL, overflow="upstream")  # type: ignore[arg-type]
    assert not made.edits
    assert not made.threads


def test_mail_by_apprise_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    with MailSink() as sink:
        where = f"ann:pass-word-1@127.0.0.1:{sink.port}"
        monkeypatch.setenv(
            "APPRISE_TEST_URL", f"mailto://{where}?mode=insecure&from=ls@example.com&to=bob@example.com"
        )
        CHANNEL.send(MESSAGE)
        [mail] = sink.wait(1)
        assert mail.recipients == ("bob@example.com",)
        assert "line 2" in mail.content.decode()


def test_a_flow_that_fails_and_recovers_is_told_both(json_server: HttpServer, tmp_path: Path) -> None:
    broken = [True]

    @task
    def load() -> None:
        if broken[0]:
            raise ValueError("no rows")

    @flow(state_handlers=[AppriseAlert("pager", url=URL)])
    def nightly() -> None:
        load()

    nightly.run()
    flush_alerts()
    broken[0] = False
    nightly.run()
    flush_alerts()
    told = [json.loads(request.body) for request in json_server.requests]
    assert [(one["title"], one["type"]) for one in told] == [
        ("✖ nightly failed", "failure"),
        ("✔ nightly recovered", "success"),
    ]


def test_an_apprise_alert_is_an_alert_with_its_settings() -> None:
    made = AppriseAlert("pager", url=URL, on=["failed"], late_after=60)
    assert isinstance(made, Alert)
    assert made.late_after == 60
    assert repr(made) == "AppriseAlert(apprise:pager?url=env:APPRISE_TEST_URL)"
