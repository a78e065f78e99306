"""A channel that asks to be left alone is left alone for so long, also by later processes (row N2)."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from alert_book import BookChannel, Rig
from alert_channels import FileChannel

from longshore import Alert, Flow, InlineExecutor, SQLiteStore, flush_alerts, parse_retry_after, task
from longshore.alerts import deliveries
from longshore.alerts.couriers import Courier
from longshore.alerts.errors import DeliveryError


@pytest.fixture(autouse=True)
def own_deliveries(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(deliveries, "_here", deliveries.Deliveries())
    monkeypatch.setattr(FileChannel, "fault", None)
    deliveries.memory.cache_clear()
    yield
    flush_alerts(0)


def in_a_while(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


ASKED = {
    "3": (3.0, 5.0),
    "30": (30.0, 35.0),
    "3600": (3_600.0, 3_610.0),
    "a date": (115.0, 125.0),
    "": (1.0, 3.0),
    "-1": (1.0, 3.0),
    "0": (1.0, 3.0),
}
"""Seconds that may pass until the next call, at least and at most."""


@pytest.mark.gate("N2")
@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("what", ["send", "edit", "reply", "digest"])
def test_the_next_call_comes_when_the_channel_has_said_and_never_sooner(asked: str, what: str) -> None:
    rig = Rig(BookChannel("patient"))
    calls: list[float] = []
    refused: list[float] = []
    answer = rig.book.answer
    text = in_a_while(120) if asked == "a date" else asked

    def note(kind: str, message: object) -> str:
        calls.append(rig.now)
        wanted = kind == what or (what == "digest" and len(calls) == 5)
        if wanted and not refused:
            refused.append(rig.now)
            raise DeliveryError("429", retry_after=parse_retry_after(text or None))
        return answer(kind, message)  # type: ignore[arg-type]

    rig.book.answer = note  # type: ignore[method-assign]
    for number in range(9 if what == "digest" else 1):
        rig.happen(step=f"step {number}", body='{"tail": ["a line"]}' if what == "reply" else "")
    rig.pass_time(20 if what == "edit" else 0)
    if what == "edit":
        rig.happen("recovered", step="step 0", severity="info")
    rig.pass_time(60)
    rig.restart()  # another process knows of it too
    rig.happen(step="another")
    rig.pass_time(4_000)
    least, most = ASKED[asked]
    after = next(time for time in calls if time > refused[0])
    assert least - 0.01 <= after - refused[0] <= most
    assert min(b - a for a, b in itertools.pairwise(calls)) >= 0.99
    assert rig.courier.waiting == []


@task
def load() -> None:
    raise ValueError("boom")


@pytest.mark.gate("N2")
def test_what_has_to_wait_for_more_than_a_minute_stays_in_the_store_and_the_process_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel, path = FileChannel(str(tmp_path / "told")), tmp_path / "runs.db"
    monkeypatch.setattr(
        FileChannel, "fault", staticmethod(lambda what, number: DeliveryError("429", retry_after=3_600.0))
    )
    with Flow("nightly", state_handlers=(Alert(channel),)) as nightly:
        load()
    nightly.run(executor=InlineExecutor(), store=SQLiteStore(path))
    began = time.monotonic()
    [standing] = flush_alerts(10)
    assert time.monotonic() - began < 5
    assert (standing.waiting, standing.why) == (1, "429")
    assert len(channel.lines(refused=True)) == 1
    monkeypatch.setattr(FileChannel, "fault", None)

    store = SQLiteStore(path)
    assert store.waiting_channels() == [channel.address]
    early = Courier(channel, store, clock=lambda: time.time() + 3_500)
    wait = early.work(hurry=True)
    assert wait is not None
    assert 90 < wait < 101
    early.close()
    late = Courier(channel, store, clock=lambda: time.time() + 3_601)
    late.work(hurry=True)
    late.close()
    [message] = channel.told("send")
    assert message["status"] == "failed"
    assert message["notes"] == ["Told 1 h 00 min late: 429"]
    store.close()
