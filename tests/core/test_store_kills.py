"""Processes that are killed while they write a store, or hold its slots."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from stores_at_work import RUN, Counter, check_integrity, claimed, end, rest, start

from longshore import SQLiteStore
from longshore.stores.records import RunRecord
from longshore.stores.schema import MIGRATIONS, bring_up_to_date

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

WRITE = """
import itertools, sys
from stores_at_work import RUN, success
from longshore import SQLiteStore
from longshore.stores.records import AlertRaised, AlertRecord, JobIntended, JobRecord, Logged, LogRecord
path, run_round = sys.argv[1], sys.argv[2]
store = SQLiteStore(path)
store.claim(RUN, run_round)
print("ready", flush=True)
for number in itertools.count():
    job = JobRecord(
        run_id=RUN, step=run_round, map_index=number, attempt=1, serial=1, key=f"{run_round}-{number}"
    )
    line = LogRecord(step=run_round, map_index=-1, attempt=1, time=1.0, level=20, text="x" * 3000)
    alert = AlertRecord(
        channel="ops", flow="nightly", step=run_round, kind="failed", severity="error", time=1.0,
        map_index=number,
    )
    changes = [
        JobIntended(job=job), success(run_round, number), AlertRaised(alert=alert),
        Logged(lines=(line,), keep=50),
    ]
    store.write(RUN, run_round, changes)
    print(number, flush=True)
"""


@pytest.mark.gate("D4")
@pytest.mark.timeout(1800)
def test_what_was_acknowledged_survives_the_kill_of_its_writer(
    tmp_path: Path, gate_count: Callable[[int, int], int]
) -> None:
    """Killed at random, inside commits and checkpoints; at most the write under way is there beyond it."""
    chance = random.Random(4)
    path = tmp_path / "runs.db"
    store = SQLiteStore(path)
    store.create(RunRecord(run_id=RUN, flow="nightly"))
    kills = gate_count(10, 500)
    acknowledged: dict[str, int] = {}
    for number in range(kills):
        store.close()
        writer = start(WRITE, path, f"round {number}")
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0, 0.08))
        writer.kill()
        whole = [line for line in rest(writer).splitlines(keepends=True) if line.endswith("\n")]
        acknowledged[f"round {number}"] = len(whole)
        if number % 10 == 9:
            check_integrity(path)
    found: dict[str, list[int]] = {}
    for step in store.steps(RUN):
        assert (step.state, step.result is None) == ("Success", False)
        found.setdefault(step.step, []).append(step.map_index)
    keys = {job.key for job in store.jobs(RUN)}
    alerts = {(alert.step, alert.map_index) for _, alert in store.alerts("ops", 1_000_000)}
    assert alerts == {(step.step, step.map_index) for step in store.steps(RUN)}
    store.close()
    check_integrity(path)
    for name, count in acknowledged.items():
        numbers = found.get(name, [])
        assert numbers == list(range(len(numbers)))
        assert count <= len(numbers) <= count + 1
        assert {f"{name}-{number}" for number in numbers} <= keys
    assert sum(acknowledged.values()) > 10 * kills


# Migrations

NEXT = (
    "ALTER TABLE runs ADD COLUMN owner TEXT NOT NULL DEFAULT ''",
    "CREATE TABLE notes (run INTEGER NOT NULL, text TEXT NOT NULL)",
    "INSERT INTO notes SELECT id, flow FROM runs",
    "CREATE INDEX notes_by_run ON notes (run)",
)


def die_at_statement(path: Path, migrations: Sequence[tuple[str, ...]], number: int) -> bool:
    """Migrate in a child that kills itself when a statement of this number begins; tell whether it did."""
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            connection = sqlite3.connect(path, isolation_level=None)
            seen = 0

            def trace(statement: str) -> None:
                nonlocal seen
                seen += 1
                if seen == number:
                    os.kill(os.getpid(), signal.SIGKILL)

            connection.set_trace_callback(trace)
            bring_up_to_date(connection, str(path), migrations)
            os._exit(0)
        os._exit(1)
    ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert ended in (0, -signal.SIGKILL)
    return ended != 0


def version_and_tables(path: Path) -> tuple[int, set[str]]:
    connection = sqlite3.connect(path)
    [version] = connection.execute("PRAGMA user_version").fetchone()
    tables = {name for [name] in connection.execute("SELECT name FROM sqlite_master")}
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    return version, tables


@pytest.mark.gate("D9")
@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_a_kill_at_any_statement_of_a_migration_leaves_the_old_version_or_the_new(
    tmp_path: Path, journal: str
) -> None:
    """Never half of it; the next one to open the store finishes the work."""
    path = tmp_path / "runs.db"
    migrations = (*MIGRATIONS, NEXT)
    first = SQLiteStore(path)
    first.create(RunRecord(run_id=RUN, flow="nightly"))
    first.close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA journal_mode = {journal}")
    connection.close()
    old = version_and_tables(path)
    whole = path.read_bytes()
    deaths, number, died = 0, 1, True
    while died:
        path.write_bytes(whole)
        died = die_at_statement(path, migrations, number)
        version, tables = version_and_tables(path)
        assert (version, tables) == old or (version, tables - old[1]) == (
            len(migrations),
            {"notes", "notes_by_run"},
        )
        assert die_at_statement(path, migrations, 0) is False
        assert version_and_tables(path)[0] == len(migrations)
        connection = sqlite3.connect(path)
        assert connection.execute("SELECT text FROM notes").fetchall() == [("nightly",)]
        connection.close()
        deaths, number = deaths + died, number + 1
    assert deaths >= len(NEXT) + 4


@pytest.mark.gate("D9")
def test_a_kill_while_a_store_is_made_leaves_one_that_can_be_used(tmp_path: Path) -> None:
    number, died = 1, True
    while died:
        path = tmp_path / f"{number}.db"
        died = die_at_statement(path, MIGRATIONS, number)
        assert version_and_tables(path)[0] in (0, len(MIGRATIONS))
        store = SQLiteStore(path)
        assert store.create(RunRecord(run_id=RUN, flow="nightly"))
        store.close()
        number += 1
    assert number > len(MIGRATIONS[0])


@pytest.mark.gate("D9")
def test_processes_that_make_a_store_together_make_one(tmp_path: Path) -> None:
    """Each finds it whole, and what the others wrote."""
    path = tmp_path / "runs.db"
    code = """
        import sys
        from longshore import SQLiteStore
        from longshore.stores.records import RunRecord
        store = SQLiteStore(sys.argv[1])
        print("ready", flush=True)
        sys.stdin.readline()
        print(store.create(RunRecord(run_id="run of " + sys.argv[2], flow="nightly")))
    """
    makers = [start(code, path, number) for number in range(4)]
    for maker in makers:
        assert maker.stdout is not None
        assert maker.stdout.readline() == "ready\n"
    for maker in makers:
        assert maker.stdin is not None
        maker.stdin.write("go\n")
        maker.stdin.flush()
    assert [maker.communicate()[0] for maker in makers] == ["True\n"] * 4
    store = SQLiteStore(path)
    assert len(store.runs()) == 4
    store.close()


# Slots

WORK = """
import socket, sys, threading, time
from stores_at_work import claimed
from longshore import SQLiteStore
path, address, word = sys.argv[1:4]
run_id = f"run of {word}"
store = claimed(SQLiteStore(path), run_id, word)

def work(holder):
    counter = socket.socket(socket.AF_UNIX)
    counter.connect(address)
    while True:
        if not store.take_slot("dwh", 3, run_id, holder):
            time.sleep(0.001)
            continue
        counter.sendall(b"+")
        counter.recv(1)
        time.sleep(0.002)
        counter.sendall(b"-")
        counter.recv(1)
        store.give_slots(run_id, holder)

for number in range(3):
    threading.Thread(target=work, args=(f"step {number}",), daemon=True).start()
print("at work", flush=True)
sys.stdin.read()
"""


@pytest.mark.gate("C8")
@pytest.mark.timeout(600)
def test_three_processes_never_hold_more_slots_than_there_are(
    tmp_path: Path, gate_count: Callable[[int, int], int]
) -> None:
    """Counted outside of the store, while processes are killed at work.

    Afterwards the slots are there for others at once.
    """
    path = tmp_path / "runs.db"
    counter = Counter(tmp_path)
    with counter.counting():
        for number in range(gate_count(1, 20)):
            workers = [start(WORK, path, counter.address, f"{word}{number}") for word in "abc"]
            try:
                for worker in workers:
                    assert worker.stdout is not None
                    assert worker.stdout.readline() == "at work\n"
                time.sleep(0.2)
                workers[0].kill()
                time.sleep(0.2)
            finally:
                for worker in workers:
                    end(worker)
    assert len(counter.entered) > 50
    assert max(counter.entered) == 3
    store = claimed(SQLiteStore(path))
    began = time.monotonic()
    assert [store.take_slot("dwh", 3, RUN, holder) for holder in "wxyz"] == [True, True, True, False]
    assert time.monotonic() - began < 10
    store.close()
