"""Progress: counts with their rate and the time left, from every executor to whoever watches."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from longshore import (
    Flow,
    InlineExecutor,
    ProcessExecutor,
    ThreadExecutor,
    current,
    hookimpl,
    plugins,
    progress,
    task,
)
from longshore.handlers import Subject
from longshore.lanes import drain
from longshore.progress import Pace, Progress
from longshore.quantities import amount, speed

MIB = 1 << 20


@pytest.mark.parametrize(
    ("done", "total", "unit", "shown"),
    [
        (312 * MIB, 1024 * MIB, "B", "312 of 1,024 MiB"),
        (MIB // 2, 5 * MIB, "B", "0.5 of 5.0 MiB"),
        (12 << 30, 40 << 30, "B", "12 of 40 GiB"),
        (100, 900, "B", "100 of 900 bytes"),
        (0, 0, "B", "0 of 0 bytes"),
        (3 * MIB, None, "B", "3.0 MiB"),
        (1_200, 2_000, "objects", "1,200 of 2,000 objects"),
        (1_200, None, "objects", "1,200 objects"),
        (3, 4, "", "3 of 4"),
    ],
)
def test_amounts_are_shown_in_the_unit_of_the_whole(
    done: int, total: int | None, unit: str, shown: str
) -> None:
    assert amount(done, total, unit) == shown


@pytest.mark.parametrize(
    ("rate", "unit", "shown"),
    [
        (410e6, "B", "410 MB/s"),
        (4.1e6, "B", "4.1 MB/s"),
        (1.25e9, "B", "1.2 GB/s"),
        (640.0, "B", "640 B/s"),
        (12_300.0, "B", "12 kB/s"),
        (1_250.0, "objects", "1,250 objects/s"),
        (0.5, "objects", "0.5 objects/s"),
    ],
)
def test_speeds_are_shown_as_people_say_them(rate: float, unit: str, shown: str) -> None:
    assert speed(rate, unit) == shown


def test_progress_reads_as_a_sentence() -> None:
    counted = Progress(
        fraction=0.3, message="x.csv", done=312 * MIB, total=2000 * MIB, unit="B", rate=410e6, left=2.2
    )
    assert str(counted) == "312 of 2,000 MiB, 410 MB/s, 2 s left, x.csv"
    assert str(Progress(fraction=0.3, message="reading")) == "reading"
    assert str(Progress(done=7, unit="objects", rate=0.0)) == "7 objects"
    assert str(Progress(done=7, total=9_000, unit="objects", rate=1.0, left=8993.0)).endswith(
        "2 h 29 min left"
    )


class Clock:
    """A clock that a test turns."""

    now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_the_rate_is_that_of_the_last_ten_seconds(clock: Clock) -> None:
    pace = Pace()
    assert pace.count(0, 1_000, "objects") == (None, None)
    clock.now += 0.1
    assert pace.count(10, 1_000, "objects") == (None, None), "too early to tell"
    clock.now += 0.9
    assert pace.count(100, 1_000, "objects") == (100.0, 9.0)
    for _ in range(40):  # it stalls
        clock.now += 0.5
        pace.count(100, 1_000, "objects")
    assert pace.count(100, 1_000, "objects") == (0.0, None)


def test_what_begins_anew_is_measured_anew(clock: Clock) -> None:
    pace = Pace()
    pace.count(0, 100, "B")
    clock.now += 1
    assert pace.count(50, 100, "B") == (50.0, 1.0)
    clock.now += 1
    assert pace.count(10, 100, "B") == (None, None), "the attempt began anew"
    clock.now += 1
    assert pace.count(20, 400, "B") == (None, None), "another file"
    clock.now += 1
    assert pace.count(40, 400, "B") == (20.0, 18.0)


class Watcher:
    """A plugin that watches progress."""

    def __init__(self) -> None:
        self.seen: list[tuple[Subject, Progress]] = []

    @hookimpl
    def longshore_progress(self, subject: Subject, progress: Progress) -> None:
        self.seen.append((subject, progress))
        if progress.message == "raise":
            raise ValueError("no luck")


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    watcher = Watcher()
    name = plugins.host().register(watcher)
    yield watcher
    plugins.host().unregister(name)


@task
def transfer(n: int) -> None:
    current.progress(done=0, total=4 * MIB, unit="B")
    time.sleep(0.5)
    current.progress(done=MIB, total=4 * MIB, unit="B", message="x.csv")
    current.progress(done=7, unit="objects")
    current.progress(0.5, "half")


@pytest.mark.parametrize("executor", [InlineExecutor(), ThreadExecutor(2), ProcessExecutor(1)], ids=repr)
def test_plugins_watch_progress_as_data_wherever_the_step_runs(watcher: Watcher, executor: Any) -> None:
    with Flow("moving", tags=("eu",)) as moving:
        transfer.map([1])
    run = moving.run(executor=executor)
    drain(5)
    assert {(s.label, s.run_id, s.flow, s.tags) for s, _ in watcher.seen} == {
        ("transfer[0]", run.run_id, "moving", ("eu",))
    }
    first, second, third, last = (told for _, told in watcher.seen)
    assert first == Progress(fraction=0.0, done=0, total=4 * MIB, unit="B")
    assert (second.fraction, second.done, second.message) == (0.25, MIB, "x.csv")
    assert second.rate == pytest.approx(2 * MIB, rel=0.3)
    assert second.left == pytest.approx(1.5, rel=0.5)
    assert (third.fraction, third.done, third.total, third.rate) == (None, 7, None, None)
    assert last == Progress(fraction=0.5, message="half")


def test_a_plugin_that_raises_is_named_once_and_changes_nothing(
    watcher: Watcher, caplog: pytest.LogCaptureFixture
) -> None:
    @task
    def tell() -> int:
        for _ in range(3):
            current.progress(0.5, "raise")
        return 1

    with Flow("telling") as telling:
        tell()
    assert telling.run().results["tell"] == 1
    drain(5)
    assert len(watcher.seen) == 3
    assert len([text for text in caplog.messages if "longshore_progress" in text]) == 1


def test_the_log_has_a_line_now_and_then_of_what_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    @task
    def count() -> None:
        for done in range(1, 101):
            current.progress(done=done, total=100, unit="objects")
        current.progress(1.0, "all are there")

    caplog.set_level("INFO", "longshore.run")
    with Flow("counting") as counting:
        count()
    counting.run(executor=InlineExecutor())
    told = [text for text in caplog.messages if "%" in text]
    assert told == ["count |   1 % 1 of 100 objects", "count | 100 % all are there"]
