"""Ten thousand failures are a handful of messages, whose counts add up (row N3)."""

from __future__ import annotations

import contextlib
import itertools
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alert_book import BookChannel, Rig
from alert_channels import FileChannel, every_second

from longshore import Alert, InlineExecutor, SQLiteStore, flow, flush_alerts, task
from longshore.alerts import deliveries
from longshore.alerts.errors import DeliveryError
from longshore.alerts.messages import Message
from longshore.alerts.spools import MemorySpool
from longshore.stores.errors import StoreError
from longshore.stores.records import AlertRecord


@pytest.fixture(autouse=True)
def own_deliveries(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(deliveries, "_here", deliveries.Deliveries())
    monkeypatch.setattr(FileChannel, "fault", None)
    deliveries.memory.cache_clear()
    yield
    flush_alerts(0)


def too_many() -> Exception:
    return DeliveryError("429", retry_after=1.0)


@task
def load(n: int) -> None:
    raise ValueError(f"boom {n}")


@pytest.mark.gate("N3")
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("can_edit", "busy", "recorded"), [(True, False, True), (False, True, True), (True, True, False)]
)
def test_ten_thousand_mapped_failures_are_one_message_whose_count_adds_up(
    can_edit: bool,
    busy: bool,
    recorded: bool,
    tmp_path: Path,
    gate_count: Callable[[int, int], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    count = gate_count(2_000, 10_000)
    channel = FileChannel(str(tmp_path / "told"), can_edit=can_edit, can_thread=can_edit)
    if busy:
        monkeypatch.setattr(FileChannel, "fault", staticmethod(every_second(too_many)))

    @flow(step_handlers=[Alert(channel)])
    def nightly() -> None:
        load.map(list(range(count)))

    began = time.monotonic()
    nightly.run(executor=InlineExecutor(), store=SQLiteStore(tmp_path / "runs.db") if recorded else None)
    [standing] = flush_alerts(30)
    assert standing.waiting == 0
    calls = channel.lines(refused=True)
    assert min((b["now"] - a["now"] for a, b in itertools.pairwise(calls)), default=1.0) >= 0.95
    assert len(calls) <= 2 + time.monotonic() - began
    messages = [line for line in channel.lines() if line["what"] != "edit"]
    assert len(messages) <= 5
    last = [line for line in channel.lines() if line["what"] != "reply" or can_edit is False][-1]
    assert last["title"] == f"nightly failed: load, {count:,} times"
    assert last["fields"]["Failures"] == f"{count:,}"
    assert last["fields"]["First failure"] == "load[0]: ValueError: boom 0"
    assert last["fields"]["Last failure"] == f"load[{count - 1}]: ValueError: boom {count - 1}"


@pytest.mark.gate("N3")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("can_edit", [True, False])
@pytest.mark.parametrize("busy", [True, False])
def test_ten_thousand_steps_that_fail_are_five_messages_in_five_minutes_and_none_is_left_out(
    can_edit: bool, busy: bool, gate_count: Callable[[int, int], int]
) -> None:
    count = gate_count(1_000, 10_000)
    rig = Rig(BookChannel("storm", can_edit=can_edit, can_thread=can_edit))
    rig.spool.add_alerts(
        [
            AlertRecord(
                channel=rig.channel.address, flow=f"flow {number % 97}", step=f"step {number}", kind="failed",
                severity="error", time=rig.now + number * 10 / count, run_id=f"run {number % 97}", text="x",
            )
            for number in range(count)
        ]
    )  # fmt: skip
    rig.now += 10.0
    times: list[float] = []
    answer = rig.book.answer

    def note(what: str, message: Message) -> str:
        times.append(rig.now)
        if busy and len(times) % 2:
            raise too_many()
        return answer(what, message)

    rig.book.answer = note  # type: ignore[method-assign]
    began = rig.now
    rig.pass_time(300)
    assert min(b - a for a, b in itertools.pairwise(times)) >= 0.99
    assert len(rig.book.did("send")) + len(rig.book.did("reply")) <= 5
    rig.pass_time(1_200)
    assert rig.courier.waiting == []
    posts = [time for what, time, _ in rig.book.calls if what != "edit"]
    assert all(sum(1 for post in posts if start <= post < start + 299) <= 5 for start in posts)
    assert rig.book.calls[0][1] - began < 3
    alone = [m for m in rig.book.did("send") if m.title.startswith("flow ")]
    [digest] = {m.key: m for _, _, m in rig.book.calls if "more incidents" in m.title}.values()
    [others] = re.findall(r"^([\d,]+) more incidents", digest.title)
    assert len({m.title for m in alone}) == len(alone)
    assert int(others.replace(",", "")) + len(alone) == count
    assert digest.text == f"{others} failed"
    assert f"step {count - 1}:" in digest.plain
    assert "step 0" in rig.book.did("send")[0].title


@pytest.mark.gate("N3")
def test_a_storm_that_recovers_is_told_to_have_recovered_once(tmp_path: Path) -> None:
    rig = Rig(BookChannel("storm"))
    for number in range(50):
        rig.happen(index=number)
    rig.pass_time(30)
    for _ in range(5):
        rig.happen("recovered", severity="info")
        rig.pass_time(30)
    assert [m.status for _, _, m in rig.book.calls] == ["failed", "recovered"]


class FullSpool(MemorySpool):
    """Cannot be written now and then."""

    writes = 0

    def write_incidents(self, *arguments: Any) -> None:
        self.writes += 1
        if self.writes % 3:
            raise StoreError("the disk is full")
        super().write_incidents(*arguments)


@pytest.mark.gate("N3")
def test_what_cannot_be_written_for_a_while_is_counted_once() -> None:
    rig = Rig(BookChannel("storm"), spool=FullSpool())
    for number in range(30):
        rig.happen(index=number)
        with contextlib.suppress(StoreError):
            rig.pass_time(1)
    for _ in range(30):
        with contextlib.suppress(StoreError):
            rig.pass_time(20)
    assert len(rig.book.did("send")) == 1
    assert dict(rig.book.calls[-1][2].fields)["Failures"] == "30"
