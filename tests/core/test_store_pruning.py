"""Removing old runs: the file shrinks, writers go on, files that nobody refers to go."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from stores_at_work import RUN, claimed, success

from longshore import SQLiteStore
from longshore.stores.records import Logged, LogRecord, RunChanged, RunRecord, StepChanged


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    store = SQLiteStore(tmp_path / "runs.db")
    yield store
    store.close()


def finish(store: SQLiteStore, run_id: str, size: int = 0) -> None:
    """Record a run that ended long ago, with a log of so many characters."""
    claimed(store, run_id)
    line = LogRecord(step="load", map_index=-1, attempt=1, time=1.0, level=20, text="x" * 1000)
    store.write(run_id, "me", [success("load"), Logged(lines=(line,) * (size // 1000), keep=size)])
    store.write(run_id, "me", [RunChanged(state="Success", message="", time=10.0, finished=True)])
    store.release(run_id, "me")


def files(store: SQLiteStore) -> list[Path]:
    return sorted(path for path in store.path.with_name("runs.db.results").rglob("*") if path.is_file())


def test_the_file_shrinks_when_runs_are_removed(store: SQLiteStore) -> None:
    """And so does the log of what was written last."""
    finish(store, "a large one", 20_000_000)
    finish(store, "a small one")
    assert store.prune(5.0).runs == 0
    before = store.path.stat().st_size
    assert store.prune(11.0).runs == 2
    assert before > 20_000_000
    assert store.path.stat().st_size < 500_000
    assert store.path.with_name("runs.db-wal").stat().st_size == 0


def test_runs_are_recorded_while_old_ones_are_removed(store: SQLiteStore) -> None:
    for number in range(100):
        finish(store, f"run {number}", 50_000)
    claimed(store)
    other = SQLiteStore(store.path)
    done = threading.Event()
    slowest = 0.0

    def write() -> None:
        nonlocal slowest
        number = 0
        while not done.is_set():
            began = time.monotonic()
            other.write(RUN, "me", [success("load", number)])
            slowest, number = max(slowest, time.monotonic() - began), number + 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert store.prune(11.0).runs == 100
    finally:
        done.set()
        writer.join()
    assert 0 < slowest < 5
    assert [run.run_id for run in store.runs()] == [RUN]
    assert [step.map_index for step in store.steps(RUN)] == list(range(len(store.steps(RUN))))
    other.close()


def test_a_result_that_no_run_refers_to_is_removed_once_it_is_old(store: SQLiteStore) -> None:
    """A young one may belong to a step whose end is about to be written."""
    claimed(store)
    kept = store.results.put(RUN, "load", "x" * 100_000)
    change = StepChanged(
        step="load",
        map_index=-1,
        attempt=1,
        state="Success",
        message="",
        time=1.0,
        finished=True,
        result=kept,
    )
    store.write(RUN, "me", [change])
    store.results.put(RUN, "young", "y" * 100_000)
    store.results.put("a run that is not there", "old", "z" * 100_000)
    assert len(files(store)) == 3
    for path in files(store):
        if "young" not in path.name:
            os.utime(path, (time.time() - 7_200, time.time() - 7_200))
    pruned = store.prune(11.0)
    assert (pruned.runs, pruned.files) == (0, 1)
    assert len(files(store)) == 2
    assert store.results.get(kept) == "x" * 100_000


def test_a_run_that_is_resumed_in_time_stays(store: SQLiteStore) -> None:
    finish(store, RUN)
    store.claim(RUN, "again")
    assert store.prune(11.0).runs == 0
    store.release(RUN, "again")
    assert store.prune(11.0).runs == 1


def test_a_run_that_was_removed_cannot_be_written_any_more(store: SQLiteStore) -> None:
    """Nor is the next one of its id mixed up with it."""
    finish(store, RUN)
    assert store.prune(11.0).runs == 1
    store.create(RunRecord(run_id=RUN, flow="nightly"))
    store.claim(RUN, "me")
    store.write(RUN, "me", [success("clean")])
    assert [step.step for step in store.steps(RUN)] == ["clean"]
    assert store.logs(RUN) == []


def test_a_log_is_cut_to_its_last_lines_as_it_grows(store: SQLiteStore) -> None:
    """Each attempt's on its own; never to fewer than were asked for."""
    claimed(store)
    for number in range(1000):
        lines = tuple(
            LogRecord(step="load", map_index=-1, attempt=attempt, time=1.0, level=20, text=str(number))
            for attempt in (1, 2)
        )
        store.write(RUN, "me", [Logged(lines=lines, keep=100)])
        if number > 100:
            assert 200 <= len(store.logs(RUN)) <= 2 * 202
    kept = [int(line.text) for line in store.logs(RUN) if line.attempt == 2]
    assert kept == list(range(1000 - len(kept), 1000))
