"""`flow.run()` of a flow that has a schedule: it waits, runs, and goes on until the schedule ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from longshore import Dates, FlowError, FlowRun, Interval, ParameterError, flow, task
from longshore.schedules.loops import run_on_schedule

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


class TurnedClock:
    """A clock that shows at once what is waited for, and that runs of a flow move on."""

    def __init__(self) -> None:
        self.time = NOON
        self.waited: list[datetime] = []

    def now(self) -> datetime:
        return self.time

    def wait_until(self, moment: datetime) -> None:
        self.waited.append(moment)
        self.time = max(self.time, moment)


@task
def note(n: int) -> int:
    return n


def times(*minutes: float) -> list[datetime]:
    return [NOON + timedelta(minutes=minute) for minute in minutes]


def run(
    made: Any, clock: TurnedClock, takes: list[float], **given: Any
) -> tuple[FlowRun, list[tuple[float, int]]]:
    """Run a flow on its schedule; return the last run, and when, in minutes, each began with which n."""
    began: list[tuple[float, int]] = []

    def once(parameters: Any, due: datetime) -> FlowRun:
        assert due <= clock.time
        began.append(((clock.time - NOON).total_seconds() / 60, parameters["n"]))
        finished: FlowRun = made.run(on_schedule=False, **parameters)
        clock.time += timedelta(minutes=takes.pop(0) if takes else 0.0)
        return finished

    return run_on_schedule(made, given, once, clock), began


def test_each_time_is_waited_for_and_run_until_the_schedule_ends() -> None:
    @flow(schedule=Interval(600, end=NOON + timedelta(minutes=30), parameters={"n": 7}))
    def often(n: int) -> Any:
        return note(n)

    clock = TurnedClock()
    last, began = run(often, clock, [])
    assert clock.waited == times(10, 20, 30)
    assert began == [(10, 7), (20, 7), (30, 7)]
    assert last.succeeded
    assert last.result == 7


@pytest.mark.parametrize(
    ("overlap", "expected"),
    [("queue", [10, 35, 35, 40]), ("together", [10, 35, 35, 40]), ("skip", [10, 40])],
)
def test_a_time_that_comes_during_a_run_is_made_up_for_or_left_out_as_the_flow_says(
    overlap: Any, expected: list[float]
) -> None:
    @flow(schedule=Interval(600, end=NOON + timedelta(minutes=40), parameters={"n": 1}), overlap=overlap)
    def slow(n: int) -> None:
        note(n)

    assert [minute for minute, _ in run(slow, TurnedClock(), [25.0])[1]] == expected


def test_several_schedules_have_parameters_of_their_own_and_those_that_are_given_count_more() -> None:
    schedules = [
        Dates(times(5, 15), parameters={"n": 1}),
        Dates(times(10, 15), parameters=lambda due: {"n": due.minute}),
    ]

    @flow(schedule=schedules)
    def mixed(n: int) -> None:
        note(n)

    assert run(mixed, TurnedClock(), [])[1] == [(5, 1), (10, 10), (15, 1), (15, 15)]
    assert [n for _, n in run(mixed, TurnedClock(), [], n=3)[1]] == [3, 3, 3, 3]


def test_parameters_that_do_not_fit_are_told_before_anything_is_waited_for() -> None:
    @flow(schedule=Interval(600, parameters={"m": 1}))
    def nightly(n: int) -> None:
        note(n)

    clock = TurnedClock()
    with pytest.raises(ParameterError, match="no parameter 'm'"):
        run(nightly, clock, [])
    with pytest.raises(ParameterError, match="no parameter 'm'"):
        nightly.run(n=1)
    assert clock.waited == []


def test_a_schedule_that_is_over_says_so_and_how_to_run_now() -> None:
    @flow(schedule=Dates([datetime(2013, 1, 1)]))
    def past() -> None:
        note(1)

    with pytest.raises(FlowError, match=r"no time is left of 1 date; .* past\.run\(on_schedule=False\)"):
        past.run()
    assert past.run(on_schedule=False).succeeded


def test_an_id_of_ones_own_is_for_one_run() -> None:
    @flow(schedule=Interval(60))
    def often() -> None:
        note(1)

    with pytest.raises(ParameterError, match="on_schedule=False"):
        often.run(run_id="mine")


def test_runs_on_a_schedule_are_recorded_each_under_an_id_of_its_own(tmp_path: Path) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=0.2)

    @flow(schedule=Dates([soon, soon + timedelta(seconds=0.1)]))
    def twice() -> None:
        note(1)

    from longshore.stores.locations import open_store

    last = twice.run(store=tmp_path / "runs.db")
    with_store = open_store(tmp_path / "runs.db")
    records = with_store.runs()
    with_store.close()
    assert [record.state for record in records] == ["Success", "Success"]
    assert records[0].run_id == last.run_id != records[1].run_id


WAITING = """
    from datetime import datetime, timedelta, UTC
    from longshore import Dates, flow, task

    @task
    def work():
        print("worked", flush=True)

    now = datetime.now(UTC)

    @flow(schedule=Dates([now + timedelta(seconds=0.1), now + timedelta(hours=1)]))
    def hourly():
        work()

    try:
        hourly.run()
    except KeyboardInterrupt as interrupt:
        print("interrupted after", interrupt.flow_run.state, flush=True)
        raise
"""


def test_ctrl_c_ends_the_waiting_and_hands_over_the_last_run() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WAITING)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "worked\n"
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert out == "interrupted after Success\n"
    assert process.returncode == -signal.SIGINT
    assert "Scheduled for" in err
