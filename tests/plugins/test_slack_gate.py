"""Slack down in every way, busy, and deaf: no run is harmed, and every alert is told (rows N1 to N5, S1)."""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import pickle
import socket
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from certificates import make_certificate, server_context

from longshore import (
    Failed,
    Flow,
    InlineExecutor,
    ProcessExecutor,
    Secret,
    SQLiteStore,
    Success,
    ThreadExecutor,
    current,
    flow,
    flush_alerts,
    task,
)
from longshore.alerts import deliveries
from longshore.alerts.couriers import Courier
from longshore.alerts.spools import MemorySpool
from longshore.alerts.waiting import deliver_waiting
from longshore.stores.records import AlertRecord

pytest.importorskip("slack_sdk", reason="needs longshore[slack]")

from longshore_slack import SlackAlert, SlackChannel
from longshore_slack.testing import SlackServer

TOKEN = Secret("env:GATE_SLACK_TOKEN")
WEBHOOK = Secret("env:GATE_SLACK_WEBHOOK")
AGAIN = "may have been told before"
EXECUTORS = [InlineExecutor(), ThreadExecutor(2), ProcessExecutor(1)]


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackServer]:
    with SlackServer() as server:
        server.add_channel("gate")
        monkeypatch.setenv("GATE_SLACK_TOKEN", server.token)
        monkeypatch.setenv("GATE_SLACK_WEBHOOK", server.webhook("gate"))
        monkeypatch.setattr(deliveries, "_here", deliveries.Deliveries())
        deliveries.memory.cache_clear()
        yield server
    flush_alerts(0.5)  # nobody is there any more


@task
def load(wrong: bool, n: int = 0) -> int:
    current.log.warning("loading %d", n)
    if wrong:
        raise ValueError(f"boom {n}")
    return n


# N1


@pytest.fixture(scope="module")
def untrusted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlackServer]:
    """A server with a certificate that nobody trusts."""
    certificate = make_certificate(tmp_path_factory.mktemp("tls"), "untrusted")
    with SlackServer(tls=server_context(certificate)) as server:
        yield server


def closed_port() -> int:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])


def alert_for(way: str, slack: SlackServer, untrusted: SlackServer) -> SlackAlert:
    """Return an alert whose Slack is down in a way."""
    address = {
        "name": "https://slack.invalid/api/",
        "refused": f"http://127.0.0.1:{closed_port()}/api/",
        "TLS": untrusted.base_url,
    }.get(way, slack.base_url)
    kind = {"404": "no_service", "never": "hang"}.get(way, way)
    if address == slack.base_url:
        slack.fail(kind=kind, times=None, retry_after=30)
    if way in ("404", "500"):
        return SlackAlert("gate", webhook=WEBHOOK)
    return SlackAlert("gate", token=TOKEN, base_url=address)


@pytest.mark.gate("N1")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("way", ["name", "refused", "reset", "TLS", "500", "404", "429", "never"])
@pytest.mark.parametrize("wrong", [False, True], ids=["success", "failure"])
def test_a_run_is_what_it_is_without_slack_however_slack_is_down(
    way: str, wrong: bool, slack: SlackServer, untrusted: SlackServer
) -> None:
    alert = alert_for(way, slack, untrusted)
    every = SlackAlert("gate", token=TOKEN, base_url=alert.channels[0].base_url, on=("failed", "succeeded"))  # type: ignore[attr-defined]
    for executor in EXECUTORS:
        seen, seconds = list[Any](), list[float]()
        for given in ((), (alert, every)):

            @flow(state_handlers=given, step_handlers=given)
            def nightly() -> None:
                load(wrong, after=load.replace(name="first")(False))  # type: ignore[call-overload]

            began = time.monotonic()
            run = nightly.run(executor=executor)
            seconds.append(time.monotonic() - began)
            seen.append(
                ({n: (type(s), s.message) for n, s in run.states.items()}, type(run.state), run.results)
            )
        assert seen[0] == seen[1]
        assert seen[1][1] is (Failed if wrong else Success)
        assert seconds[1] < seconds[0] + 1
    began = time.monotonic()
    standings = flush_alerts(0.5)
    assert time.monotonic() - began < 10
    assert sum(standing.waiting for standing in standings) >= 1
    assert slack.messages("gate") == [] or way == "reset"


# N2


class Told:
    """A courier with a clock of its own, and when it called the server by that clock."""

    def __init__(self, slack: SlackServer, channel: SlackChannel, spool: Any = None) -> None:
        self.now = time.time()
        self.spool = MemorySpool() if spool is None else spool
        self.channel = channel
        self.times: list[float] = []
        self.courier = Courier(channel, self.spool, clock=lambda: self.now)
        self._slack = slack

    def happen(self, step: str = "load", kind: str = "failed", **more: Any) -> None:
        values: dict[str, Any] = {"severity": "error", "text": "boom", "run_id": "run-1"}
        self.spool.add_alerts(
            [
                AlertRecord(
                    channel=self.channel.address, flow="nightly", step=step, kind=kind, time=self.now,
                    **(values | more),
                )
            ]
        )  # fmt: skip

    def pass_time(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now <= end:
            before = len(self._posts())
            wait = self.courier.work()
            self.times += [self.now] * (len(self._posts()) - before)
            if wait is None:
                break
            self.now += max(0.01, min(wait, end - self.now + 0.001))
        self.now = max(end, self.now)

    def _posts(self) -> list[Any]:
        return [call for call in self._slack.calls if call.method.startswith(("chat.", "webhook"))]


ASKED: dict[str, tuple[float, float]] = {
    "3": (3, 5), "30": (30, 35), "3600": (3_600, 3_610), "a date": (55, 65), "none": (1, 65), "-1": (1, 65),
}  # fmt: skip


@pytest.mark.gate("N2")
@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("by", ["token", "webhook"])
def test_slack_is_left_alone_for_as_long_as_it_asks(asked: str, by: str, slack: SlackServer) -> None:
    method = "chat.postMessage" if by == "token" else "webhook"
    after = {"a date": formatdate(time.time() + 60, usegmt=True), "none": None}.get(asked, asked)
    slack.fail(method, kind="429", retry_after=after)
    settings: Any = {by: TOKEN if by == "token" else WEBHOOK}
    told = Told(slack, SlackChannel("gate", base_url=slack.base_url, **settings))
    told.happen()
    told.pass_time(4_000)
    least, most = ASKED[asked]
    assert least - 0.5 <= told.times[1] - told.times[0] <= most
    assert len(slack.messages("gate")) == 1


# N3


@pytest.mark.gate("N3")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("by", ["token", "webhook"])
def test_a_storm_of_failures_is_five_messages_while_slack_refuses_every_second_call(
    by: str, slack: SlackServer, tmp_path: Path, gate_count: Callable[[int, int], int]
) -> None:
    count = gate_count(1_000, 10_000)
    method = "chat.*" if by == "token" else "webhook"
    slack.fail(method, kind="429", times=1)
    slack.fail(method, kind="429", times=None, every=2)
    settings: Any = {by: TOKEN if by == "token" else WEBHOOK}
    alert = SlackAlert("gate", base_url=slack.base_url, **settings)

    @flow(step_handlers=[alert])
    def nightly() -> None:
        load.map([True] * count, list(range(count)))

    began = len(slack.calls)
    nightly.run(executor=InlineExecutor(), store=SQLiteStore(tmp_path / "runs.db"))
    [standing] = flush_alerts(20)
    assert standing.waiting == 0
    posts = [call for call in slack.calls[began:] if call.method.startswith(("chat.", "webhook"))]
    assert min(b.time - a.time for a, b in itertools.pairwise(posts)) >= 0.95
    messages = slack.messages("gate")
    assert 1 <= len(messages) <= 5
    shown = json.dumps([[m.blocks, m.text] for m in messages])
    assert f"{count:,} times" in shown
    assert "boom 0" in shown
    assert f"boom {count - 1}" in shown


# N5


@pytest.mark.gate("N5")
@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update"])
@pytest.mark.parametrize("times", [1, 2])
def test_with_a_token_a_reset_after_sending_leaves_one_message(
    method: str, times: int, slack: SlackServer
) -> None:
    slack.fail(method, kind="reset", times=times)
    told = Told(slack, SlackChannel("gate", token=TOKEN, base_url=slack.base_url))
    told.happen()
    told.pass_time(120)
    told.happen(kind="recovered", severity="info")
    told.pass_time(1_200)
    [message] = slack.messages("gate")
    assert "recovered" in json.dumps(message.blocks)
    assert AGAIN not in json.dumps(message.blocks)
    assert told.courier.waiting == []


@pytest.mark.gate("N5")
@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("by", ["token without history", "webhook"])
def test_where_the_channel_cannot_be_searched_it_is_told_twice_at_most_and_marked(
    by: str, times: int, slack: SlackServer
) -> None:
    if by == "webhook":
        place = SlackChannel("gate", webhook=WEBHOOK)
        slack.fail("webhook", kind="reset", times=times)
    else:
        place = SlackChannel("gate", token=TOKEN, base_url=slack.base_url)
        slack.fail("conversations.history", kind="missing_scope", times=None)
        slack.fail("chat.postMessage", kind="reset", times=times)
    told = Told(slack, place)
    told.happen()
    told.pass_time(1_200)
    first, second = slack.messages("gate")
    assert AGAIN not in json.dumps(first.blocks)
    assert AGAIN in json.dumps(second.blocks)
    assert told.courier.waiting == []


@pytest.mark.gate("N5")
@pytest.mark.parametrize("times", [1, 2])
def test_details_in_the_thread_are_told_twice_at_most_and_marked(times: int, slack: SlackServer) -> None:
    told = Told(slack, SlackChannel("gate", token=TOKEN, base_url=slack.base_url))
    told.happen(body=json.dumps({"tail": ["a line"]}))
    while not slack.messages("gate"):
        told.pass_time(1)
    slack.fail("chat.postMessage", kind="reset", times=times)
    told.pass_time(1_200)
    replies = [message for message in slack.messages("gate") if message.is_reply]
    assert [AGAIN in json.dumps(reply.blocks) for reply in replies] == [False, True]


# S1


@pytest.mark.gate("S1")
@pytest.mark.parametrize("kind", ["500", "invalid_auth", "closed", "html", "no_service", "429"])
def test_neither_token_nor_webhook_is_seen_anywhere_when_slack_fails(
    kind: str,
    slack: SlackServer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    hidden = "xoxb-31415926-quite-a-secret", slack.url + "/services/T0TEST/B0TEST/aVerySecretWebhookPath"
    monkeypatch.setenv("GATE_SLACK_TOKEN", hidden[0])
    monkeypatch.setenv("GATE_SLACK_WEBHOOK", hidden[1])
    slack.fail(kind=kind, times=None)
    alerts = [
        SlackAlert("gate", token=TOKEN, base_url=slack.base_url), SlackAlert("gate", webhook=WEBHOOK)
    ]  # fmt: skip
    with Flow("leaks", state_handlers=alerts) as leaks:
        load(True)
    store = SQLiteStore(tmp_path / "runs.db")
    leaks.run(executor=InlineExecutor(), store=store)
    end = time.monotonic() + 30
    standings = flush_alerts(1.5)
    while not all(one.why for one in standings) and time.monotonic() < end:
        standings = flush_alerts(1.5)  # a busy machine has not tried each of them yet
    seen = caplog.text + repr((standings, alerts, [alert.channels for alert in alerts], store.incidents()))
    store.close()
    data = seen.encode() + pickle.dumps(alerts)
    data += b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert all(standing.waiting and standing.why for standing in standings)
    for part in (hidden[0], hidden[1], "quite-a-secret", "aVerySecretWebhookPath"):
        assert part.encode() not in data


# N7


@pytest.mark.gate("N7")
def test_what_waits_in_a_store_is_delivered_once_when_slack_is_back(
    slack: SlackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SQLiteStore(tmp_path / "runs.db")
    slack.stop()
    with Flow(
        "nightly", state_handlers=(SlackAlert("gate", token=TOKEN, base_url=slack.base_url),)
    ) as nightly:
        load(True)
    nightly.run(executor=InlineExecutor(), store=store)
    [standing] = flush_alerts(0.5)
    assert standing.waiting == 1
    slack.start()
    monkeypatch.setattr(deliveries, "_here", deliveries.Deliveries())  # as another process would begin
    assert [standing.waiting for standing in deliver_waiting(store, 20)] == [0]
    assert deliver_waiting(store, 1) == []
    told = [message for message in slack.messages("gate") if not message.is_reply]
    assert ["nightly failed" in json.dumps(message.blocks) for message in told] == [True]
    store.close()
