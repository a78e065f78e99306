"""Who tells a channel, as the SQLite store judges it: by clocks and processes, as for runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from stores_at_work import RUN, SetClock, claimed, success

from longshore import LeaseLostError, SQLiteStore
from longshore.stores.leases import LEASE
from longshore.stores.records import AlertRaised, AlertRecord, Change, IncidentRecord

OPS = "slack:#ops"
HOUR = 3600.0


def alert(number: int = 0) -> AlertRecord:
    return AlertRecord(
        channel=OPS, flow="nightly", step="load", kind="failed", severity="error", time=1.0, run_id=RUN,
        map_index=number, text="OSError: the disk is full " * 4, body='{"attempt": 1, "of": 3}' * 4,
    )  # fmt: skip


def incident(body: str) -> IncidentRecord:
    return IncidentRecord(
        incident="i", channel=OPS, flow="nightly", step="load", open=True, waiting=True, opened=1.0,
        updated=1.0, body=body,
    )  # fmt: skip


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def mine(tmp_path: Path) -> Iterator[SQLiteStore]:
    store = SQLiteStore(tmp_path / "runs.db")
    yield store
    store.close()


@pytest.fixture
def yours(tmp_path: Path, clock: SetClock) -> Iterator[SQLiteStore]:
    """The same store, judged by a clock that is set."""
    store = SQLiteStore(tmp_path / "runs.db", clock=clock)
    yield store
    store.close()


@pytest.mark.parametrize("moved", [-HOUR, HOUR])
def test_a_channel_changes_hands_when_the_lease_ends_and_not_when_the_wall_clock_moves(
    mine: SQLiteStore, yours: SQLiteStore, clock: SetClock, moved: float
) -> None:
    assert mine.take_channel(OPS, "me")
    clock.wall_moved = moved
    clock.boot_moved = LEASE - 1
    assert not yours.take_channel(OPS, "you")
    clock.boot_moved = LEASE
    assert yours.take_channel(OPS, "you")


def test_a_channel_is_kept_by_taking_it_again(yours: SQLiteStore, clock: SetClock) -> None:
    for _ in range(3):
        assert yours.take_channel(OPS, "me")
        clock.boot_moved += LEASE - 1
        assert not yours.take_channel(OPS, "you")
    clock.boot_moved += HOUR
    assert yours.take_channel(OPS, "me")  # late, but nobody else came


def test_one_that_was_stopped_for_too_long_writes_nothing_over_what_another_told(
    mine: SQLiteStore, yours: SQLiteStore, clock: SetClock
) -> None:
    assert mine.take_channel(OPS, "me")
    mine.add_alerts([alert()])
    [(number, _)] = mine.alerts(OPS, 10)
    clock.boot_moved = LEASE
    assert yours.take_channel(OPS, "you")
    yours.write_incidents(OPS, "you", [incident("told by you")], [])
    with pytest.raises(LeaseLostError, match="cannot go on telling 'slack:#ops'"):
        mine.write_incidents(OPS, "me", [incident("what I knew")], [number])
    mine.give_channel(OPS, "me")
    assert [found.body for found in yours.incidents()] == ["told by you"]
    assert len(yours.alerts(OPS, 10)) == 1


def test_one_that_lost_its_channel_is_told_so_although_nobody_has_it_now(
    mine: SQLiteStore, yours: SQLiteStore, clock: SetClock
) -> None:
    """Else it would go on with what it knew of the incidents before another process told them."""
    assert mine.take_channel(OPS, "me")
    clock.boot_moved = LEASE
    assert yours.take_channel(OPS, "you")
    yours.give_channel(OPS, "you")
    assert not mine.take_channel(OPS, "me")
    assert mine.take_channel(OPS, "me")


def test_a_channel_that_was_told_by_the_machine_before_it_started_anew_is_free(tmp_path: Path) -> None:
    before = SQLiteStore(tmp_path / "runs.db", clock=SetClock(boot="another boot"))
    assert before.take_channel(OPS, "me")
    before.close()
    after = SQLiteStore(tmp_path / "runs.db")
    assert after.take_channel(OPS, "you")
    after.close()


def test_ten_thousand_alerts_cost_little_beside_the_transactions_that_they_are_part_of(
    mine: SQLiteStore,
) -> None:
    """Microseconds each; the bound is far above what is usual, for machines that do other things."""
    claimed(mine)
    changes: list[Change] = [AlertRaised(alert=alert(number)) for number in range(10_000)]
    mine.write(RUN, "me", [success("load")])
    began = time.process_time()
    for start in range(0, len(changes), 200):
        mine.write(RUN, "me", changes[start : start + 200])
    each = (time.process_time() - began) / len(changes)
    assert each < 100e-6
    assert [one.map_index for _, one in mine.alerts(OPS, 20_000)] == list(range(10_000))
