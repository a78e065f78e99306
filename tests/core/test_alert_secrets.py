"""No secret is in what a channel is told, in what is kept of it, or in what is logged (rows S1 and S2)."""

from __future__ import annotations

import base64
import functools
import json
import logging
import pickle
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from alert_channels import FileChannel
from test_redaction_forms import CANARIES, ENCODINGS, longest_run

from longshore import (
    Alert,
    DeliveryError,
    Flow,
    InlineExecutor,
    ProcessExecutor,
    Secret,
    SQLiteStore,
    State,
    Subject,
    ThreadExecutor,
    current,
    flush_alerts,
    task,
)
from longshore.alerts import deliveries
from longshore.alerts.couriers import Courier
from longshore.alerts.messages import Message
from longshore.testing import isolated_process_state

SECRETS = {f"ALERT_CANARY_{number}": canary for number, canary in enumerate(CANARIES) if "\n" not in canary}


@pytest.fixture(autouse=True)
def own_deliveries(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(deliveries, "_here", deliveries.Deliveries())
    monkeypatch.setattr(FileChannel, "fault", None)
    monkeypatch.setattr(deliveries, "Courier", functools.partial(Courier, gap=0.0))
    deliveries.memory.cache_clear()
    yield
    flush_alerts(0)


@pytest.fixture(autouse=True)
def canaries(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Secret]]:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    with isolated_process_state():
        yield [Secret(f"env:{name}") for name in SECRETS]


def sightings(data: bytes) -> list[str]:
    """Name each canary that can be seen, in whatever spelling."""
    return [
        f"{value!r} as {name}"
        for value in SECRETS.values()
        for name, encode in ENCODINGS.items()
        if len(value) > 6 and encode(value).encode() in data
    ]


@task(retries=1, retry_delay=0.0)
def leak(given: Any, more: list[Any], spelled: str) -> None:
    for encode in ENCODINGS.values():
        current.log.warning("log %s", encode(spelled))
    error = ValueError(f"cannot log in with {spelled}: {urllib.parse.quote(spelled)}")
    error.add_note(f"it was {spelled}")
    raise error from KeyError(base64.b64encode(spelled.encode()).decode())


@pytest.mark.gate("S1")
@pytest.mark.parametrize("executor", [InlineExecutor(), ThreadExecutor(2), ProcessExecutor(1)], ids=str)
def test_no_message_store_log_receipt_or_pickle_of_an_alert_shows_a_secret(
    canaries: list[Secret], executor: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    channel = FileChannel(str(tmp_path / "told"), can_thread=False)
    alert = Alert(channel, on=("failed", "retrying"), link="https://runs.example/{run_id}/{step}")
    with Flow("leaks", state_handlers=(alert,), step_handlers=(alert,)) as leaks:
        for number, secret in enumerate(canaries):
            leak.replace(name=f"leak {number}")(secret, [secret.get(), {secret.get(): 1}], secret.get())
    store = SQLiteStore(tmp_path / "runs.db")
    leaks.run(executor=executor, store=store)
    flush_alerts(15)
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"***" in (tmp_path / "told").read_bytes()
    assert len(channel.told("send")) == 5
    assert sightings((tmp_path / "told").read_bytes()) == []
    assert sightings(caplog.text.encode()) == []
    assert sightings(repr((alert, channel, channel.address, store.incidents())).encode()) == []
    assert sightings(pickle.dumps(alert)) == []
    assert sightings(b"".join(pickle.dumps(r) for r in store.incidents())) == []
    store.close()
    assert sightings(kept) == []


@dataclass(frozen=True)
class LeakyChannel(FileChannel):
    """Has a token of its own, and errors of a library that say it."""

    scheme = "leaky"

    token: Secret = field(kw_only=True)

    def send(self, message: Message) -> str:
        url = f"https://hooks.example/{self.token.get()}?again={urllib.parse.quote(self.token.get())}"
        raise DeliveryError(f"cannot POST to {url}: refused")


class SpellingChannel(LeakyChannel):
    """Says it in an error of another library's."""

    scheme = "spelling"

    def send(self, message: Message) -> str:
        raise OSError(11, f"Basic {base64.b64encode(self.token.get().encode()).decode()}", self.token.get())


@pytest.mark.gate("S1")
@pytest.mark.parametrize("kind", [LeakyChannel, SpellingChannel])
def test_a_channels_own_token_is_in_no_log_store_late_note_or_address(
    kind: type[LeakyChannel],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    channel = kind(str(tmp_path / "told"), token=Secret("env:ALERT_CANARY_2"))
    with Flow("leaks", state_handlers=(Alert(channel),)) as leaks:
        leak(1, [], "harmless")
    store = SQLiteStore(tmp_path / "runs.db")
    leaks.run(executor=InlineExecutor(), store=store)
    end = time.monotonic() + 30
    while not (standing := flush_alerts(0.5)[0]).why and time.monotonic() < end:
        continue  # a busy machine has not tried it yet
    assert "***" in standing.why
    assert "ALERT_CANARY_2" in channel.address
    seen = caplog.text + repr(standing) + repr(channel) + channel.address
    seen += "".join(repr(record) for record in store.incidents())
    assert sightings(seen.encode() + pickle.dumps(channel)) == []
    monkeypatch.setattr(kind, "send", FileChannel.send)
    courier = Courier(channel, store, clock=lambda: time.time() + 3_600)
    courier.work(hurry=True)
    courier.close()
    [line] = channel.told("send")
    assert "***" in line["notes"][0]
    store.close()
    assert sightings(b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())) == []


@pytest.mark.gate("S2")
@pytest.mark.parametrize("executor", [InlineExecutor(), ProcessExecutor(1)], ids=str)
def test_a_secret_across_any_cut_of_an_alert_leaves_no_six_characters(
    executor: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "".join(chr(0x4E00 + number) for number in range(150))
    monkeypatch.setenv("ALERT_LONG", secret)
    channel = FileChannel(str(tmp_path / "told"), can_thread=False)
    with Flow("cuts", step_handlers=(Alert(channel),)) as cuts:
        for number, lead in enumerate((390, 440, 470, 920, 3_900)):
            cut.replace(name=f"cut {number}")(Secret("env:ALERT_LONG"), lead)
    cuts.run(executor=executor, store=SQLiteStore(tmp_path / "runs.db"))
    flush_alerts(15)
    told = json.dumps(channel.lines(), ensure_ascii=False)
    assert "***" in told
    assert longest_run(secret, told) < 6


@task
def cut(given: Secret, lead: int) -> None:
    text = given.get()
    for before in range(lead - 60, lead + 60, 7):
        current.log.warning("%s%s%s", "x" * before, text, "y" * 50)
    raise ValueError(f"{'x' * lead}{text}{'y' * 5_000}")


@pytest.mark.gate("S1")
def test_what_a_rule_or_template_of_the_users_says_of_a_secret_is_masked_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    value = Secret("env:ALERT_CANARY_1").get()

    def when(subject: Subject, old: State, new: State) -> bool:
        raise RuntimeError(f"rule {value}")

    def template(message: Message, incident: Any) -> Message:
        raise RuntimeError(f"template {value}")

    channel = FileChannel(str(tmp_path / "told"))
    with Flow("leaks", state_handlers=(Alert(channel, when=when, template=template, on="failed"),)) as leaks:
        leak(1, [], "harmless")
    leaks.run(executor=InlineExecutor())
    flush_alerts(10)
    assert "template ***" in caplog.text
    assert "rule ***" in caplog.text
    assert sightings(caplog.text.encode() + (tmp_path / "told").read_bytes()) == []
    assert len(channel.told("send")) == 1
