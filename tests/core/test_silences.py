"""The dead man's switch: a flow of which no success was heard is told to be silent, once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from alert_channels import FileChannel

from longshore import Alert, Flow, flow, flush_alerts, open_store, task
from longshore.alerts.silences import judge, last_success, look_for_silence
from longshore.alerts.waiting import deliver_waiting
from longshore.stores.interface import RunStore


@task
def load() -> int:
    return 1


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    opened = open_store(tmp_path / "runs.db")
    yield opened
    opened.close()


@pytest.fixture
def channel(tmp_path: Path) -> FileChannel:
    return FileChannel(str(tmp_path / "told.txt"))


def served(alert: Alert) -> Flow:
    @flow(name="nightly", state_handlers=[alert])
    def nightly() -> None:
        load()

    return nightly


@pytest.mark.parametrize(
    ("success", "told", "verdict"),
    [
        (950.0, None, "heard"),
        (899.0, None, "silent"),
        (None, None, "silent"),
        (899.0, 920.0, "told"),
        (None, 920.0, "told"),
        (950.0, 940.0, "recovered"),
        (899.0, 800.0, "silent"),
    ],
)
def test_a_flow_is_judged_by_its_last_success_and_by_what_was_told(
    success: float | None, told: float | None, verdict: str
) -> None:
    assert judge(success, since=850.0, told=told, after=100.0, now=1_000.0) == verdict


def test_serving_that_has_just_begun_waits_for_the_first_success() -> None:
    assert judge(None, since=950.0, told=None, after=100.0, now=1_000.0) == "heard"


def test_a_silence_is_written_down_once_and_is_critical(store: RunStore, channel: FileChannel) -> None:
    nightly = served(Alert(channel, silent_after=60.0))
    assert [look_for_silence(store, nightly, 0.0)[0].verdict for _ in range(3)] == ["silent", "told", "told"]
    [(_, alert)] = store.alerts(channel.address, 10)
    assert (alert.kind, alert.severity, alert.flow, alert.step) == ("silent", "critical", "nightly", "")
    assert alert.text.startswith("no success for ")
    assert alert.text.endswith("; none is on record")


def test_another_server_does_not_repeat_a_silence_that_was_told(
    store: RunStore, channel: FileChannel
) -> None:
    nightly = served(Alert(channel, silent_after=0.0))
    nightly.run(store=store)
    time.sleep(0.01)
    look_for_silence(store, nightly, time.time())
    deliver_waiting(store, 10)
    assert [line["status"] for line in channel.told("send")] == ["silent"]
    assert look_for_silence(store, nightly, time.time())[0].verdict == "told"
    assert store.waiting_channels() == []


def test_the_first_success_afterwards_ends_a_silence(store: RunStore, channel: FileChannel) -> None:
    nightly = served(Alert(channel, silent_after=60.0))
    look_for_silence(store, nightly, 0.0)
    nightly.run(store=store)
    flush_alerts()
    assert channel.lines()[-1]["status"] == "recovered"
    assert [one.flow for one in store.incidents(channel.address, open_only=True) if one.flow] == []
    assert look_for_silence(store, nightly, 0.0)[0].verdict == "heard"
    assert look_for_silence(store, nightly, 0.0, time.time() + 61)[0].verdict == "silent"


def test_a_run_that_began_before_its_silence_was_told_ends_it_too(
    store: RunStore, channel: FileChannel
) -> None:
    alert = Alert(channel, silent_after=60.0)
    look_for_silence(store, served(alert), 0.0, time.time() - 10)
    served(Alert(FileChannel("/dev/null"))).run(store=store)  # one that knew nothing of it
    verdicts = [look_for_silence(store, served(alert), 0.0)[0].verdict for _ in range(2)]
    assert verdicts == ["recovered", "heard"]


def test_failed_runs_are_no_sign_of_life(store: RunStore, channel: FileChannel) -> None:
    @task
    def fail() -> None:
        raise ValueError("no")

    @flow(name="nightly", state_handlers=[Alert(channel, on=(), silent_after=60.0)])
    def nightly() -> None:
        fail()

    nightly.run(store=store)
    assert last_success(store, "nightly") is None
    assert look_for_silence(store, nightly, 0.0)[0].verdict == "silent"


def test_an_alert_of_a_step_listens_for_nothing(store: RunStore, channel: FileChannel) -> None:
    @flow(step_handlers=[Alert(channel, silent_after=1.0)])
    def hourly() -> None:
        load.replace(state_handlers=(Alert(channel, silent_after=1.0),))()

    assert look_for_silence(store, hourly, 0.0) == []
