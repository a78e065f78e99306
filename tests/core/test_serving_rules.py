"""Which runs may start: the rules for runs that overlap, as every serving process applies them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longshore.serving.rules import TRIES, choose
from longshore.stores.records import Lease, RunRecord

LEASE = Lease(token="t", host="h", boot="b", namespace="n", pid=1, pid_started=1, until=9e9, until_wall=9e9)


def record(run_id: str, state: str = "Scheduled", due: float | None = 10.0, **more: Any) -> RunRecord:
    more.setdefault("schedule", "every 10 s")
    return RunRecord(run_id=run_id, flow="nightly", state=state, due=due, **more)


def running(run_id: str, due: float | None = 5.0, started: float = 5.0) -> RunRecord:
    return record(run_id, "Running", due, started=started, lease=LEASE)


def ids(records: Any) -> list[str]:
    return [item.run_id for item in records]


def test_what_is_not_due_waits_and_what_is_starts() -> None:
    choice = choose([record("a", due=10), record("b", due=30)], 20, "queue")
    assert ids(choice.start) == ["a"]


@pytest.mark.parametrize(
    ("overlap", "started", "skipped"),
    [("queue", [], []), ("skip", [], ["b", "c"]), ("together", ["b", "c"], [])],
)
def test_while_a_run_goes_on_those_that_come_due_wait_or_are_left_out_or_start(
    overlap: Any, started: list[str], skipped: list[str]
) -> None:
    choice = choose([running("a"), record("b", due=10), record("c", due=15)], 20, overlap)
    assert ids(choice.start) == started
    assert ids(skip for skip, _ in choice.skip) == skipped
    assert {other.run_id for _, other in choice.skip} <= {"a"}


@pytest.mark.parametrize("overlap", ["queue", "skip"])
def test_of_several_that_wait_the_oldest_starts_and_the_others_wait_for_it(overlap: Any) -> None:
    choice = choose([record("c", due=15), record("a", due=5), record("b", due=10)], 20, overlap)
    assert ids(choice.start) == ["a"]
    assert choice.skip == ()


def test_a_late_run_is_not_left_out_for_one_that_began_after_its_time() -> None:
    choice = choose([running("a", due=5, started=18), record("b", due=10)], 20, "skip")
    assert choice.start == ()
    assert choice.skip == ()


@pytest.mark.parametrize("overlap", ["queue", "skip"])
def test_submitted_runs_start_whatever_runs_and_hold_nobody_up_before_they_run(overlap: Any) -> None:
    choice = choose([running("a"), record("s", due=10, schedule="")], 20, overlap)
    assert ids(choice.start) == ["s"]
    choice = choose([record("s", due=10, schedule=""), record("b", due=15)], 20, overlap)
    assert ids(choice.start) == ["s", "b"]


def test_a_run_that_was_started_by_hand_counts_as_one_that_goes_on() -> None:
    choice = choose([running("hand", due=None), record("b", due=10)], 20, "skip")
    assert ids(skip for skip, _ in choice.skip) == ["b"]


def test_crashed_runs_are_resumed_before_others_start_and_those_of_other_people_are_left_alone() -> None:
    crashed = record("a", "Crashed", 5.0, started=6.0, tries=1)
    by_hand = record("hand", "Crashed", None, started=6.0, tries=1)
    choice = choose([crashed, by_hand, record("b", due=10)], 20, "queue")
    assert ids(choice.start) == ["a"]


def test_a_run_is_resumed_a_stated_number_of_times_and_then_holds_nobody_up() -> None:
    crashed = record("a", "Crashed", 5.0, started=6.0, tries=TRIES)
    never_began = record("z", due=5.0, tries=TRIES)
    choice = choose([crashed, never_began, record("b", due=10)], 20, "queue")
    assert ids(choice.start) == ["b"]
    assert ids(choice.hopeless) == ["z"]


def test_what_was_started_here_is_not_started_again_before_it_shows() -> None:
    choice = choose([record("a", due=5), record("b", due=10)], 20, "queue", starting={"a"})
    assert choice.start == ()
    assert ids(choose([record("a", due=5)], 20, "together", starting={"a"}).start) == []


RECORDS = st.lists(
    st.builds(
        record,
        st.uuids().map(str),
        st.sampled_from(["Scheduled", "Running", "Crashed"]),
        st.floats(0, 40),
        schedule=st.sampled_from(["", "every 10 s"]),
        tries=st.integers(0, 4),
        started=st.one_of(st.none(), st.floats(0, 40)),
        lease=st.sampled_from([None, LEASE]),
    ),
    max_size=8,
    unique_by=lambda r: r.run_id,
)


@given(RECORDS, st.sampled_from(["queue", "skip"]))
def test_of_what_a_schedule_made_never_more_than_one_is_started_at_once(
    records: list[RunRecord], overlap: Any
) -> None:
    """Whoever looks: the decision does not depend on the order of the records."""
    choice = choose(records, 20, overlap)
    fresh = [r for r in choice.start if r.state == "Scheduled" and r.schedule]
    assert len(fresh) <= 1
    if fresh:
        assert not any(r.lease for r in records)
    assert choose(records[::-1], 20, overlap) == choice
    assert not {r.run_id for r in choice.start} & {r.run_id for r, _ in choice.skip}
    assert all(r.lease is None and r.tries < TRIES for r in choice.start)
