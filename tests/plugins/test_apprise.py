"""Messages by Apprise's own senders to real servers: what arrives, what is left out, why something failed."""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from http_server import HttpServer, hang_up, respond, stall

pytest.importorskip("apprise", reason="needs longshore[apprise]")

import longshore_apprise
from longshore import ConfigurationError, Exponential, LongshoreError, Secret
from longshore.plugins import host
from longshore.testing import Canary, TaskContract, assert_portable, raises_saying
from longshore_apprise import (
    AppriseChannel,
    AppriseError,
    AppriseNotify,
    NotifyFailed,
    Sent,
    ServiceInvalid,
)

URL = Secret("env:APPRISE_TEST_URL")
ONCE = AppriseNotify(url=URL, retries=0)


@pytest.fixture
def to(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Point the service at the server: `to("json://ann:pw@{}/x", respond(200))`."""

    def point(url: str, *handlers: Any, path: str = "/x") -> HttpServer:
        server.on(path, *handlers)
        monkeypatch.setenv("APPRISE_TEST_URL", url.format(f"127.0.0.1:{server.port}"))
        return server

    return point


class TestAppriseNotify(TaskContract):
    task = AppriseNotify(url=Secret("env:LONGSHORE_APPRISE_URL"))
    inputs: ClassVar[Mapping[str, Any]] = {"body": "b", "title": "t"}
    expected = Sent("JSON")

    @pytest.fixture(autouse=True)
    def _served(self, server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
        server.on("/x", respond(200))
        url = f"json://ann:canary-5f4e3d2c1b@127.0.0.1:{server.port}/x"
        monkeypatch.setenv("LONGSHORE_APPRISE_URL", url)


def test_a_message_arrives_by_json_form_and_xml(to: Any) -> None:
    for scheme, part in (("json", b'"message": "body & <more>"'), ("form", b"body"), ("xml", b"&amp;")):
        server = to(scheme + "://{}/x", respond(200))
        sent = AppriseNotify(url=URL, kind="warning", retries=0).run("body & <more>", "a title")
        assert part in server.requests[-1].body
        assert b"warning" in server.requests[-1].body
        assert sent.left_out == 0


def test_ntfy_gets_title_and_priority(to: Any) -> None:
    server = to("ntfy://{}/alerts", respond(200, b"{}"), path="/")
    ONCE.run("body", "a title")
    sent = json.loads(server.requests[-1].body)
    assert (sent["topic"], sent["title"], sent["message"]) == ("alerts", "a title", "body")


def test_a_file_is_attached_or_the_service_takes_none(to: Any, tmp_path: Path) -> None:
    path = tmp_path / "rows of ü?.csv"
    path.write_bytes(b"a,b")
    server = to("json://{}/x", respond(200))
    ONCE.run("body", attachments=[path])
    [attached] = json.loads(server.requests[-1].body)["attachments"]
    assert (attached["filename"], attached["base64"]) == ("rows of ü?.csv", "YSxi")
    with raises_saying(ServiceInvalid, "no such file"):
        ONCE.run("body", attachments=[tmp_path / "missing"])
    to("d7sms://token@15551234567", respond(200))
    with raises_saying(ServiceInvalid, "attaches no files"):
        ONCE.run("body", attachments=[path])


@pytest.mark.parametrize(
    ("status", "retryable"), [(500, True), (503, True), (429, True), (401, False), (404, False), (400, False)]
)
def test_a_refusal_says_what_apprise_saw(to: Any, status: int, retryable: bool) -> None:
    to("json://{}/x", respond(status))
    with pytest.raises(NotifyFailed, match=f"error={status}") as caught:
        ONCE.run("body")
    assert (caught.value.retryable, caught.value.uncertain) == (retryable, False)


def test_what_may_have_arrived_is_uncertain_and_not_sent_again(to: Any) -> None:
    for handler in (hang_up, stall):
        server = to("json://{}/x?rto=0.2", handler)
        before = len(server.requests)
        task = AppriseNotify(url=URL, retries=2, retry_delay=Exponential(base=0.01, cap=0.02))
        with pytest.raises(NotifyFailed) as caught:
            task("body")
        assert caught.value.uncertain
        assert len(server.requests) == before + 1
        with pytest.raises(LongshoreError):
            task.replace(repeatable=True)("body")
        assert len(server.requests) == before + 4


def test_nobody_there_is_worth_another_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("APPRISE_TEST_URL", f"json://127.0.0.1:{taken.getsockname()[1]}/a/secret-path")
        with pytest.raises(NotifyFailed, match="refused") as caught:
            ONCE.run("body")
    assert (caught.value.retryable, caught.value.uncertain) == (True, False)
    assert "secret-path" not in str(caught.value)


def test_an_optional_service_that_fails_has_failed_and_apprise_tries_once(to: Any) -> None:
    server = to("json://{}/x?optional=yes&retry=5&wait=0", respond(503))
    with pytest.raises(NotifyFailed):
        ONCE.run("body")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "url", ["nosuch://token-abcdef", "slack://token-abcdef", "token-abcdef", "://", "json://"]
)
def test_a_url_that_names_no_service_is_refused_without_being_shown(
    url: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("APPRISE_TEST_URL", url)
    with pytest.raises(ServiceInvalid) as caught:
        ONCE.run("body")
    assert "abcdef" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.gate("S1")
@pytest.mark.parametrize("status", [200, 403, 500])
def test_no_part_of_the_url_shows_anywhere(
    to: Any, status: int, canary: Canary, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """In errors with their causes, in the logs of Apprise and urllib3 at level DEBUG, on the console."""
    caplog.set_level(logging.DEBUG)
    token = f"{canary.value}-path"
    url = f"json://ann:{canary.value}@{{}}/x/{token}?+X-Key={canary.value}2&:field={canary.value}3"
    to(url, respond(status, f"wrong: {token} {canary.value}".encode()), path=f"/x/{token}")
    channel = AppriseChannel("pager", url=URL)
    seen: list[object] = [channel, channel.address, ONCE]
    try:
        seen.append(ONCE.run("body"))
    except NotifyFailed as error:
        seen += ["".join(traceback.format_exception(error)), error, error.__dict__]
    canary.assert_absent(*seen, caplog.text, *capfd.readouterr())
    assert not [
        r for r in caplog.records if r.name.startswith(("apprise", "urllib3")) and "Language" not in r.msg
    ]


def test_others_who_use_apprise_hear_what_they_heard_before(
    to: Any, caplog: pytest.LogCaptureFixture
) -> None:
    import apprise

    server = to("json://{}/x", respond(500))
    level = logging.getLogger("apprise").level
    with pytest.raises(NotifyFailed):
        ONCE.run("body")
    assert logging.getLogger("apprise").level == level
    assert logging.getLogger("apprise").filters == []
    assert caplog.records == []
    theirs = apprise.Apprise()
    theirs.add(f"json://127.0.0.1:{server.port}/x")
    assert not theirs.notify("body")
    assert "error=500" in caplog.text


def test_nothing_of_apprises_own_configuration_is_read(
    to: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And nothing is kept on disk."""
    server = to("json://{}/x", respond(200))
    other = server.on("/other", respond(200)).replace("http", "json")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("APPRISE_URLS", "APPRISE_CONFIG_PATH", "APPRISE_PLUGIN_PATH"):
        monkeypatch.setenv(name, other)
    monkeypatch.setenv("APPRISE_STORAGE_PATH", str(tmp_path / "store"))
    (tmp_path / ".apprise").write_text(other)
    ONCE.run("body")
    assert [request.path for request in server.requests] == ["/x"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".apprise"]


def test_importing_it_imports_no_library() -> None:
    code = (
        "import sys, longshore_apprise, longshore_apprise.plugin\n"
        "found = {'apprise', 'requests', 'urllib3', 'yaml'} & set(sys.modules)\n"
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_plugin_offers_its_task_and_its_channel() -> None:
    assert host().tasks()["apprise.AppriseNotify"] is AppriseNotify
    assert host().channels()["apprise"] is AppriseChannel
    from longshore_apprise.plugin import longshore_doctor

    assert list(longshore_doctor()) == [("apprise", True, "installed")]


def test_a_url_in_plain_text_is_refused_without_being_shown() -> None:
    for make in (lambda: AppriseNotify(url="json://token"), lambda: AppriseChannel("x", url="json://token")):  # type: ignore[arg-type]
        with pytest.raises(ConfigurationError, match="takes a Secret") as caught:
            make()
        assert "token" not in str(caught.value)


def test_every_error_travels_and_is_public() -> None:
    for kind in (AppriseError, ServiceInvalid, NotifyFailed):
        assert_portable(kind("cannot notify JSON: because"))
        assert kind.__name__ in longshore_apprise.__all__
    assert_portable(NotifyFailed("cannot", retryable=False, uncertain=True))
