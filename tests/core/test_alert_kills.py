"""A final failure is told once, whenever the process dies that told it (rows N8 and D2)."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alert_channels import FileChannel
from dying_alerts import RUN, nightly

from longshore import InlineExecutor, SQLiteStore, flush_alerts
from longshore.alerts import deliveries
from longshore.alerts.couriers import Courier

AGAIN = "This may have been told before: an earlier try was not answered."
POINTS = (
    "before the transition is written",
    "after the transition is written",
    "before the fold",
    "after the fold",
    "before the intent is written",
    "before the call",
    "after the call",
    "after the receipt",
)
DEATHS = ("SIGKILL", "exit", "SIGSEGV", "SIGTERM")
WAYS = ("resume", "next run", "delivery")


@pytest.fixture(autouse=True)
def own_deliveries(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(deliveries, "_here", deliveries.Deliveries())
    monkeypatch.setattr(deliveries, "Courier", functools.partial(Courier, gap=0.0))
    monkeypatch.setattr(FileChannel, "fault", None)
    yield
    flush_alerts(0)


def die(folder: Path, channel: FileChannel, point: str, death: str) -> None:
    """Have a run fail in a process that dies while it tells so."""
    command = [sys.executable, "-m", "dying_alerts", str(folder / "runs.db"), channel.address, point, death]
    paths = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)}, timeout=60, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    codes = {"exit": (7,), "SIGTERM": (0, 1, 143, -signal.SIGTERM)}
    assert done.returncode in codes.get(death, (-getattr(signal, death, 0),)), done.stderr


def go_on(folder: Path, channel: FileChannel, way: str) -> None:
    """Do what comes after the death of a process: from now on nothing dies."""
    with closing(SQLiteStore(folder / "runs.db")) as store:
        flow = nightly(channel)
        if way == "resume":
            flow.resume(RUN, store=store, executor=InlineExecutor())
        elif way == "next run":
            flow.run(store=store, executor=InlineExecutor())
        flush_alerts(15)
        courier = Courier(channel, store, gap=0.0)  # what another process would still find to do
        while courier.work(hurry=True) is not None:
            pass
        courier.close()
        assert store.waiting_channels() == []


@pytest.mark.gate("N8")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("point", POINTS)
def test_a_final_failure_is_told_once_wherever_its_process_was_killed(
    point: str, tmp_path: Path, gate_count: Callable[[int, int], int]
) -> None:
    """And whatever comes next: the run is resumed, another one runs, or what waits is delivered."""
    chosen = POINTS.index(point)
    for number in range(gate_count(1, 2 * len(WAYS))):
        folder = tmp_path / str(number)
        folder.mkdir()
        way = WAYS[(chosen + number) % len(WAYS)]
        if point.startswith("before the transition") and way == "delivery":
            way = "resume"  # nothing is on record yet: the step failed only in the mind of a dead process
        can_find = number % 2 == 1
        channel = FileChannel(str(folder / "told"), can_find=can_find)
        die(folder, channel, point, "SIGKILL")
        go_on(folder, channel, way)
        assert_told_once(channel, marked=point == "after the call" and not can_find)


@pytest.mark.gate("D2")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("death", DEATHS)
def test_a_process_may_die_in_any_way_before_or_after_the_alert(
    death: str, tmp_path: Path, gate_count: Callable[[int, int], int]
) -> None:
    points = ["after the call", "before the call"]
    for point in points[: gate_count(1, 2)]:
        folder = tmp_path / point
        folder.mkdir()
        channel = FileChannel(str(folder / "told"), can_find=True)
        die(folder, channel, point, death)
        go_on(folder, channel, "resume")
        assert_told_once(channel)


@pytest.mark.gate("N8")
def test_processes_that_are_killed_again_and_again_tell_it_twice_at_most(tmp_path: Path) -> None:
    channel = FileChannel(str(tmp_path / "told"))
    for _ in range(2):
        die(tmp_path, channel, "after the call", "SIGKILL")
    go_on(tmp_path, channel, "delivery")
    sent = channel.told("send")
    assert len(sent) == 2
    assert AGAIN in sent[1]["notes"]


def assert_told_once(channel: FileChannel, *, marked: bool = False) -> None:
    """Or twice and marked, where nobody can see whether the first one arrived."""
    sent = channel.told("send")
    # A process that died before its call cannot be told from one that died after it.
    assert len(sent) == 1 + marked, [line["title"] for line in channel.lines()]
    assert len({line["key"] for line in sent}) == 1
    assert [AGAIN in line["notes"] for line in sent][1:] == [True] * marked
    assert sent[0]["title"].startswith("nightly failed: load")
