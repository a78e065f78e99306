"""The end of a process: what can be told is told within seconds, and the rest is kept (rows N1 and N7)."""

from __future__ import annotations

import functools
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alert_channels import FileChannel
from stranded_alerts import STEPS, StrandedChannel, stranded

from longshore import (
    Failed,
    InlineExecutor,
    ProcessExecutor,
    SQLiteStore,
    Success,
    ThreadExecutor,
    flush_alerts,
)
from longshore.alerts import deliveries
from longshore.alerts.couriers import Courier


@pytest.fixture(autouse=True)
def own_deliveries(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(deliveries, "_here", deliveries.Deliveries())
    monkeypatch.setattr(deliveries, "Courier", functools.partial(Courier, gap=0.0))
    deliveries.memory.cache_clear()
    yield
    flush_alerts(0)


@pytest.fixture
def flush(gate_count: Callable[[int, int], int]) -> int:
    """How many seconds the end of a process may take; ten, which the quick tests do not wait for."""
    return gate_count(2, 10)


def begin(*arguments: object) -> subprocess.Popen[str]:
    paths = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.Popen(
        [sys.executable, "-m", "stranded_alerts", *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def terminate(process: subprocess.Popen[str]) -> tuple[float, str]:
    """Send SIGTERM once all steps have failed; return how long the end took, and what was said."""
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=40)[1]
    return time.monotonic() - began, said


def tell_the_rest(folder: Path, way: str, channel: FileChannel) -> None:
    """Have what waits in the store told, five minutes and an hour later."""
    with closing(SQLiteStore(folder / "runs.db")) as store:
        if way == "next run":
            stranded(channel).run(store=store, executor=InlineExecutor())
            flush_alerts(10)
        for later in (3_700.0, 4_100.0, 4_500.0):
            moved = later - time.time()
            courier = Courier(channel, store, clock=lambda moved=moved: moved + 2 * time.time(), gap=0.0)
            while (wait := courier.work(hurry=True)) is not None and wait < 1:
                pass
            courier.close()
        assert store.waiting_channels() == []


def steps_told(channel: FileChannel) -> Counter[str]:
    """Count in how many messages each step that failed is shown; a digest is one."""
    shown = Counter[str]()
    for line in channel.told("send"):
        shown.update(set(re.findall(r"step \d+", line["plain"])))
    return shown


@pytest.mark.gate("N7")
@pytest.mark.timeout(120)
def test_at_sigterm_twenty_alerts_are_told_within_seconds(tmp_path: Path) -> None:
    channel = FileChannel(str(tmp_path / "told"), can_thread=False)
    seconds, said = terminate(begin(tmp_path / "runs.db", channel.address, "well", 10))
    assert seconds < 13
    assert steps_told(channel) == dict.fromkeys([f"step {number}" for number in range(STEPS)], 1), said
    assert len(channel.told("send")) == 5  # four of their own, and one of all the others
    with closing(SQLiteStore(tmp_path / "runs.db")) as store:
        assert store.waiting_channels() == []


@pytest.mark.gate("N7")
@pytest.mark.timeout(120)
@pytest.mark.parametrize(("fault", "way"), [("an hour", "delivery"), ("down", "next run")])
def test_what_could_not_be_told_at_sigterm_is_in_the_store_and_told_once_later(
    fault: str, way: str, tmp_path: Path, flush: int
) -> None:
    channel = FileChannel(str(tmp_path / "told"), can_thread=False)
    seconds, said = terminate(begin(tmp_path / "runs.db", channel.address, fault, flush))
    assert seconds < flush + 3
    told = len(channel.told("send"))
    assert told == (2 if fault == "an hour" else 0)
    assert f"{STEPS - told} alerts for {channel.address} wait in the store" in said
    tell_the_rest(tmp_path, way, channel)
    assert steps_told(channel) == dict.fromkeys([f"step {number}" for number in range(STEPS)], 1)


@pytest.mark.gate("N7")
@pytest.mark.timeout(120)
def test_without_a_store_what_is_lost_is_counted(tmp_path: Path) -> None:
    channel = FileChannel(str(tmp_path / "told"), can_thread=False)
    seconds, said = terminate(begin("-", channel.address, "an hour", 10))
    assert seconds < 8
    assert len(channel.told("send")) == 2
    assert f"{STEPS - 2} alerts for {channel.address} could not be told, and are lost: 429" in said


@pytest.mark.gate("N7")
def test_what_is_lost_is_counted_also_while_a_call_goes_on_for_ever() -> None:
    with StrandedChannel.listening() as channel:
        stranded(channel, count=1).run(executor=InlineExecutor())
        with channel.called():
            stranded(channel, count=7).run(executor=InlineExecutor())
            [standing] = flush_alerts(0.2)
    assert standing.waiting == 1 + 7


@pytest.mark.gate("N1")
@pytest.mark.timeout(120)
@pytest.mark.parametrize("executor", [InlineExecutor(), ThreadExecutor(2), ProcessExecutor(2)], ids=str)
@pytest.mark.parametrize("fails", [False, True])
def test_a_channel_that_never_answers_changes_and_delays_no_run(executor: Any, fails: bool) -> None:
    with StrandedChannel.listening() as channel:
        runs = [stranded(given, fails=fails, count=3) for given in (None, channel)]
        states, seconds = list[Any](), list[float]()
        for run in runs:
            run.run(executor=executor)  # which starts what the executor needs
            began = time.monotonic()
            done = run.run(executor=executor)
            seconds.append(time.monotonic() - began)
            states.append(
                (type(done.state), done.state.message, {n: type(s) for n, s in done.states.items()})
            )
        assert states[0] == states[1]
        assert states[0][0] is (Failed if fails else Success)
        assert seconds[1] < seconds[0] + 1
        began = time.monotonic()
        flush_alerts(0.5)
        assert time.monotonic() - began < 10


@pytest.mark.gate("N1")
@pytest.mark.timeout(120)
@pytest.mark.parametrize("recorded", [True, False])
def test_the_end_of_a_process_waits_so_long_for_a_channel_that_never_answers(
    recorded: bool, tmp_path: Path, flush: int
) -> None:
    with StrandedChannel.listening() as channel:
        process = begin(tmp_path / "runs.db" if recorded else "-", channel.address, "well", flush)
        seconds, said = terminate(process)
    assert flush - 1 < seconds < flush + 3
    assert f"{STEPS} alerts for {channel.address} {'wait' if recorded else 'could not be told'}" in said


IDLE = """
import functools, sys, threading, time
from alert_channels import FileChannel
from longshore import Alert, Flow, task
from longshore.alerts import deliveries
from longshore.alerts.couriers import Courier

deliveries._IDLE = 0.05
deliveries.Courier = functools.partial(Courier, gap=0.0)

@task
def work():
    raise ValueError("no flights")

with Flow("nightly", state_handlers=[Alert(FileChannel(sys.argv[1]))]) as nightly:
    work()
nightly.run()
until = time.monotonic() + 30
while any(thread.name == "longshore-alerts" for thread in threading.enumerate()):
    assert time.monotonic() < until
    time.sleep(0.02)
"""


def test_a_process_that_ends_long_after_its_last_alert_ends_quietly(tmp_path: Path) -> None:
    """Python 3.12 starts no threads when a process ends."""
    told = tmp_path / "told"
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(
        [sys.executable, "-c", IDLE, str(told)],
        env=env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "shutdown" not in done.stderr
    assert "atexit" not in done.stderr
    assert "no flights" in told.read_text()
    assert done.returncode == 0
