"""The next runs of a flow in the store: made once, kept, removed when they no longer fit; and missed ones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from longshore import ConfigurationError, Dates, Flow, Interval, ParameterError, Schedule, flow, task
from longshore.serving.agendas import AHEAD, Agenda
from longshore.serving.marks import end_run
from longshore.stores.interface import RunStore
from longshore.stores.locations import open_store
from longshore.stores.serializers import decode

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@task
def note(n: int) -> int:
    return n


def nightly(schedule: Schedule | list[Schedule] | None, **settings: Any) -> Flow:
    @flow(name="nightly", schedule=schedule, **settings)
    def made(n: int = 0) -> None:
        note(n)

    return made


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    opened = open_store(tmp_path / "runs.db")
    yield opened
    opened.close()


def dues(store: RunStore, *states: str) -> list[float]:
    """The hours after noon at which the runs of a schedule are due."""
    runs = store.runs(flow="nightly", states=states or ("Scheduled",))
    return sorted((run.due - NOON.timestamp()) / 3600 for run in runs if run.due is not None)


def test_the_next_ten_runs_stand_in_the_store_and_one_more_as_each_time_comes(store: RunStore) -> None:
    agenda = Agenda(nightly(Interval(HOUR, parameters={"n": 3})), store)
    agenda.keep(NOON)
    assert dues(store) == [*range(1, AHEAD + 1)]
    agenda.keep(NOON + HOUR / 2)
    assert len(dues(store)) == AHEAD
    agenda.keep(NOON + HOUR)
    assert dues(store) == [*range(1, AHEAD + 2)]
    run = store.runs(flow="nightly")[0]
    assert (run.state, run.schedule, decode(run.parameters)) == ("Scheduled", "every 3600 s", {"n": 3})


def test_any_number_of_processes_make_each_run_once(store: RunStore) -> None:
    for _ in range(3):
        Agenda(nightly(Interval(HOUR)), store).keep(NOON)
    assert len(store.runs()) == AHEAD


def test_runs_of_several_schedules_share_the_ten_and_equal_ones_are_one(store: RunStore) -> None:
    both: list[Schedule] = [Interval(HOUR), Interval(2 * HOUR), Interval(2 * HOUR, parameters={"n": 1})]
    Agenda(nightly(both), store).keep(NOON)
    found = sorted((run.due or 0.0, decode(run.parameters)["n"]) for run in store.runs())
    assert [n for _, n in found] == [0, 0, 1, 0, 0, 1, 0, 0, 1, 0]


def test_a_schedule_with_an_end_has_fewer_and_a_flow_without_one_has_none(store: RunStore) -> None:
    agenda = Agenda(nightly(Interval(HOUR, end=NOON + 2 * HOUR)), store)
    agenda.keep(NOON)
    assert dues(store) == [1, 2]
    assert agenda.next is not None
    agenda.keep(NOON + 2 * HOUR)
    assert agenda.next is None
    Agenda(nightly(None), store).keep(NOON)
    assert dues(store) == []


def test_when_the_schedule_changes_runs_that_no_longer_fit_go_and_others_stay(store: RunStore) -> None:
    Agenda(nightly(Interval(HOUR)), store).keep(NOON)
    before = {run.run_id for run in store.runs()}
    submitted = nightly(None).submit(store=store, at=NOON + HOUR / 2)
    Agenda(nightly(Interval(2 * HOUR)), store).keep(NOON)
    assert dues(store) == [0.5, *range(2, 2 * AHEAD + 2, 2)]
    after = {run.run_id for run in store.runs()}
    assert len(before & after) == 5
    assert submitted in after


def test_when_the_parameters_change_the_runs_are_made_anew(store: RunStore) -> None:
    Agenda(nightly(Interval(HOUR, parameters={"n": 1})), store).keep(NOON)
    Agenda(nightly(Interval(HOUR, parameters={"n": 2})), store).keep(NOON)
    assert {decode(run.parameters)["n"] for run in store.runs()} == {2}


def test_a_cancelled_run_does_not_come_back(store: RunStore) -> None:
    agenda = Agenda(nightly(Interval(HOUR)), store)
    agenda.keep(NOON)
    store.request_cancel(store.runs()[-1].run_id, "not tonight")
    agenda.keep(NOON + HOUR / 2)
    Agenda(nightly(Interval(HOUR)), store).keep(NOON)
    assert dues(store) == [*range(2, AHEAD + 1)]
    assert dues(store, "Cancelled") == [1]


@pytest.mark.parametrize(
    ("missed", "made_up", "left_out"),
    [("last", [15], 10), ("all", [*range(1, 16)], 0), ("none", [], 10)],
)
def test_what_was_missed_while_nothing_served_is_made_up_for_as_the_flow_says(
    store: RunStore, missed: Any, made_up: list[int], left_out: int
) -> None:
    """Ten of the fifteen missed times were in the store already."""
    Agenda(nightly(Interval(HOUR)), store).keep(NOON)
    now = NOON + 15.5 * HOUR
    said = Agenda(nightly(Interval(HOUR), missed=missed), store).keep(now)
    assert [due for due in dues(store) if due < 15.5] == made_up
    assert [due for due in dues(store) if due > 15.5] == [*range(16, 16 + AHEAD)]
    assert len(dues(store, "Skipped")) == left_out
    [line] = said
    assert line.endswith(f"runs to make up for them: {len(made_up)}")
    assert Agenda(nightly(Interval(HOUR), missed=missed), store).keep(now) == []


def test_a_run_that_is_less_than_a_minute_late_was_not_missed(store: RunStore) -> None:
    Agenda(nightly(Interval(HOUR)), store).keep(NOON)
    said = Agenda(nightly(Interval(HOUR), missed="none"), store).keep(NOON + HOUR + timedelta(seconds=50))
    assert said == []
    assert dues(store)[0] == 1


def test_runs_that_wait_behind_a_long_one_were_not_missed_when_another_process_joins(store: RunStore) -> None:
    first = Agenda(nightly(Interval(HOUR)), store)
    for hours in range(6):
        first.keep(NOON + hours * HOUR)
    joined = Agenda(nightly(Interval(HOUR), missed="none"), store)
    assert joined.keep(NOON + 5.5 * HOUR) == []
    assert dues(store)[:5] == [1, 2, 3, 4, 5]


def test_a_machine_that_slept_missed_what_came_meanwhile(store: RunStore) -> None:
    agenda = Agenda(nightly(Interval(HOUR)), store)
    agenda.keep(NOON)
    assert agenda.keep(NOON + 30.5 * HOUR) != []
    assert dues(store) == [30, *range(31, 31 + AHEAD)]


def test_each_schedule_has_its_own_last_missed_time(store: RunStore) -> None:
    both: list[Schedule] = [Interval(HOUR, parameters={"n": 1}), Interval(4 * HOUR, parameters={"n": 2})]
    Agenda(nightly(both), store).keep(NOON)
    Agenda(nightly(both), store).keep(NOON + 9.5 * HOUR)
    waiting = [
        run for run in store.runs(states=("Scheduled",)) if (run.due or 0) < (NOON + 9.5 * HOUR).timestamp()
    ]
    assert sorted((run.due or 0.0, decode(run.parameters)["n"]) for run in waiting) == [
        ((NOON + 8 * HOUR).timestamp(), 2),
        ((NOON + 9 * HOUR).timestamp(), 1),
    ]


def test_a_flow_that_was_never_served_has_missed_nothing(store: RunStore) -> None:
    assert Agenda(nightly(Interval(HOUR), missed="all"), store).keep(NOON) == []
    assert dues(store)[0] == 1


def test_many_missed_times_are_found_without_going_through_them_all(store: RunStore) -> None:
    Agenda(nightly(Interval(1)), store).keep(NOON)
    Agenda(nightly(Interval(1)), store).keep(NOON + timedelta(days=400, seconds=0.5))
    late = timedelta(days=400, seconds=-60).total_seconds() / 3600
    assert min(dues(store)) == pytest.approx(late)


def test_parameters_that_do_not_fit_are_told_at_once(store: RunStore) -> None:
    with pytest.raises(ParameterError, match="no parameter 'm'"):
        Agenda(nightly(Dates([NOON + HOUR], parameters={"m": 1})), store).keep(NOON)
    with pytest.raises(ConfigurationError, match="ZeroDivisionError"):
        Agenda(nightly(Dates([NOON + HOUR], parameters=lambda due: {"n": 1 // 0})), store).keep(NOON)


def test_only_a_run_that_nobody_drives_and_that_goes_on_can_be_ended_from_outside(store: RunStore) -> None:
    run_id = nightly(None).submit(store=store)
    store.claim(run_id, "somebody")
    assert not end_run(store, run_id, "Skipped", "no")
    store.release(run_id, "somebody")
    assert end_run(store, run_id, "Skipped", "no")
    assert not end_run(store, run_id, "Failed", "no")
    assert not end_run(store, "nothing like it", "Failed", "no")
    assert (store.run(run_id).state, store.run(run_id).message) == ("Skipped", "no")
