"""Who drives a run, judged by clocks and processes: never too early, never too late."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from stores_at_work import RUN, SetClock, claimed, end, start, success

from longshore import LeaseLostError, RunTakenError, SQLiteStore
from longshore.stores.leases import LEASE, MARGIN, Clock, grant, is_gone, lives
from longshore.stores.records import RunChanged, RunRecord

HOUR = 3600.0


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def store(tmp_path: Path, clock: SetClock) -> Iterator[SQLiteStore]:
    store = SQLiteStore(tmp_path / "runs.db", clock=clock)
    yield store
    store.close()


# Judging a lease


@pytest.mark.gate("D8")
@pytest.mark.parametrize("moved", [-HOUR, 0.0, HOUR])
def test_a_lease_holds_for_its_time_whatever_is_done_to_the_wall_clock(clock: SetClock, moved: float) -> None:
    lease = grant("me", clock)
    clock.wall_moved = moved
    assert lives(lease, clock)
    clock.boot_moved = LEASE - 1
    assert lives(lease, clock)
    clock.boot_moved = LEASE
    assert not lives(lease, clock)


@pytest.mark.gate("D8")
@pytest.mark.parametrize("moved", [-HOUR, HOUR])
def test_a_run_changes_hands_when_the_lease_ends_and_not_when_the_wall_clock_moves(
    store: SQLiteStore, clock: SetClock, moved: float
) -> None:
    claimed(store)
    store.write(RUN, "me", [RunChanged(state="Running", message="", time=1.0)])
    clock.wall_moved = moved
    clock.boot_moved = LEASE - 1
    assert store.run(RUN).state == "Running"
    with pytest.raises(RunTakenError):
        store.claim(RUN, "you")
    assert store.renew(RUN, "me") == ""
    clock.boot_moved = 2 * LEASE - 2
    assert store.run(RUN).state == "Running"
    clock.boot_moved = 2 * LEASE
    assert store.run(RUN).state == "Crashed"
    assert store.claim(RUN, "you").tries == 2


def test_an_owner_that_comes_late_goes_on_while_nobody_took_its_run(
    store: SQLiteStore, clock: SetClock
) -> None:
    claimed(store)
    clock.boot_moved = HOUR
    store.write(RUN, "me", [success("load")])
    assert store.renew(RUN, "me") == ""
    with pytest.raises(RunTakenError):
        store.claim(RUN, "you")


def test_an_owner_that_comes_too_late_writes_nothing_any_more(store: SQLiteStore, clock: SetClock) -> None:
    claimed(store)
    clock.boot_moved = LEASE
    store.claim(RUN, "you")
    for write in (
        lambda: store.write(RUN, "me", [success("load")]),
        lambda: store.renew(RUN, "me"),
    ):
        with pytest.raises(LeaseLostError, match=f"longshore show {RUN}"):
            write()
    store.release(RUN, "me")
    assert store.steps(RUN) == []
    assert store.renew(RUN, "you") == ""


def test_one_whose_slot_was_given_to_another_does_not_go_on(store: SQLiteStore, clock: SetClock) -> None:
    """Else a limit would be exceeded when it wakes up."""
    claimed(store)
    assert store.take_slot("dwh", 1, RUN, "load")
    clock.boot_moved = LEASE
    claimed(store, "another run", "you")
    assert store.take_slot("dwh", 1, "another run", "load")
    with pytest.raises(LeaseLostError):
        store.write(RUN, "me", [success("load")])


def test_who_drives_a_run_and_since_when_is_told(store: SQLiteStore) -> None:
    claimed(store)
    with pytest.raises(RunTakenError) as caught:
        store.claim(RUN, "you")
    today = time.strftime("%Y-%m-%d", time.gmtime())
    said = f"process {os.getpid()} on {os.uname().nodename!r} has driven it since {today}"
    assert said in str(caught.value)
    assert f"longshore cancel {RUN}" in str(caught.value)


@pytest.mark.gate("D8")
def test_a_lease_of_a_boot_before_this_one_is_over(clock: SetClock) -> None:
    """Even if its time on that boot's clock is still to come on this one's."""
    old = SetClock(boot="another boot")
    old.boot_moved = HOUR
    assert not lives(grant("me", old), clock)


@pytest.mark.gate("D8")
def test_a_lease_of_another_machine_is_judged_by_the_wall_clock_with_a_margin(clock: SetClock) -> None:
    lease = grant("me", SetClock(boot="another boot", host="another host", pid=2**22 + 1))
    clock.boot_moved = 100 * HOUR
    clock.wall_moved = LEASE + MARGIN - 1
    assert lives(lease, clock)
    clock.wall_moved = LEASE + MARGIN
    assert not lives(lease, clock)


@pytest.mark.parametrize("who", [{"pid": 2**22 + 1}, {"pid_started": 1}])
def test_an_owner_whose_process_is_gone_is_dead_at_once(clock: SetClock, who: dict[str, int]) -> None:
    """Also when another process has its id by now."""
    assert not lives(grant("me", SetClock(**who)), clock)


def test_a_process_of_another_container_is_not_looked_for_here(clock: SetClock) -> None:
    """Its id means nothing here: what counts is the time."""
    lease = grant("me", SetClock(namespace="pid:[1]", pid=2**22 + 1))
    assert lives(lease, clock)
    clock.boot_moved = LEASE
    assert not lives(lease, clock)


def test_where_a_boot_has_no_id_the_process_and_the_wall_clock_decide() -> None:
    """As on macOS."""
    here = SetClock(boot="", namespace="")
    assert not lives(grant("me", SetClock(boot="", namespace="", pid=2**22 + 1)), here)
    lease = grant("me", here)
    here.boot_moved = 100 * HOUR
    here.wall_moved = LEASE
    assert lives(lease, here)
    here.wall_moved = LEASE + MARGIN
    assert not lives(lease, here)


def test_a_zombie_is_gone_and_a_stopped_process_is_not() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        process.send_signal(signal.SIGSTOP)
        assert not is_gone(process.pid, 0)
        process.kill()
        deadline = time.monotonic() + 10
        while not is_gone(process.pid, 0):
            assert time.monotonic() < deadline
    finally:
        process.kill()
        process.communicate()
    assert is_gone(process.pid, 0)


def test_somebody_elses_process_is_there_and_knows_when_it_was_started() -> None:
    here = Clock().here()
    assert not is_gone(here.pid, here.pid_started)
    assert is_gone(here.pid, here.pid_started + 1)
    assert not is_gone(1, 0)


def test_the_name_of_a_program_does_not_hide_when_it_was_started(tmp_path: Path) -> None:
    """A command may be called anything, such as `a) R 1`."""
    program = tmp_path / "a) R 1 2"
    program.symlink_to("/bin/sleep")
    process = subprocess.Popen([str(program), "60"])
    try:
        stat = Path(f"/proc/{process.pid}/stat").read_text()
        started = int(stat.rpartition(")")[2].split()[19])
        assert not is_gone(process.pid, started)
        assert is_gone(process.pid, started + 1)
    finally:
        process.kill()
        process.wait()


# Processes that claim one run

CLAIM = """
import sys, threading, time
from stores_at_work import RUN
from longshore import SQLiteStore, RunTakenError
stores = [SQLiteStore(sys.argv[1]) for _ in range(2)]
together, took = threading.Barrier(8), []

def claim(number):
    together.wait()
    began = time.monotonic()
    try:
        stores[number % 2].claim(RUN, f"{sys.argv[2]}-{number}")
        took.append(f"won {time.monotonic() - began}")
    except RunTakenError:
        took.append(f"lost {time.monotonic() - began}")

threads = [threading.Thread(target=claim, args=(number,)) for number in range(8)]
for store in stores:
    store.runs()
print("ready", flush=True)
sys.stdin.readline()
for thread in threads: thread.start()
for thread in threads: thread.join()
print(*took, sep="\\n", flush=True)
sys.stdin.read()
"""


@pytest.mark.gate("D6")
def test_of_eight_threads_in_each_of_two_processes_one_gets_the_run(store: SQLiteStore) -> None:
    """The others are told within a second."""
    store.create(RunRecord(run_id=RUN, flow="nightly"))
    processes = [start(CLAIM, store.path, word) for word in ("a", "b")]
    outcomes: list[str] = []
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            assert process.stdout is not None
            outcomes += [process.stdout.readline() for _ in range(8)]
    finally:
        for process in processes:
            end(process)
    assert sorted(line.split()[0] for line in outcomes) == ["lost"] * 15 + ["won"]
    assert max(float(line.split()[1]) for line in outcomes) < 1
    assert store.claim(RUN, "the next one").tries == 2


DRIVE = """
import sys, time
from stores_at_work import RUN, success
from longshore import LeaseLostError, SQLiteStore
store = SQLiteStore(sys.argv[1])
store.claim(RUN, "the first")
print("mine", flush=True)
for number, line in enumerate(sys.stdin):
    try:
        store.write(RUN, "the first", [success("load", number)])
        print("written", flush=True)
    except LeaseLostError as error:
        print(error, flush=True)
"""


@pytest.mark.gate("D6")
def test_a_stopped_owner_keeps_its_run_while_the_lease_lasts_and_is_fenced_afterwards(
    store: SQLiteStore, clock: SetClock
) -> None:
    """The clock here is moved on by the lease instead of waiting for it."""
    store.create(RunRecord(run_id=RUN, flow="nightly"))
    owner = start(DRIVE, store.path)
    try:
        assert owner.stdout is not None
        assert owner.stdin is not None
        assert owner.stdout.readline() == "mine\n"
        owner.stdin.write("go on\n")
        owner.stdin.flush()
        assert owner.stdout.readline() == "written\n"
        owner.send_signal(signal.SIGSTOP)
        _wait_until_stopped(owner.pid)
        for moved in (0.0, LEASE - 5):
            clock.boot_moved = moved
            with pytest.raises(RunTakenError, match=f"process {owner.pid}"):
                store.claim(RUN, "the second")
        clock.boot_moved = LEASE
        assert store.claim(RUN, "the second").tries == 2
        owner.send_signal(signal.SIGCONT)
        said, _ = owner.communicate("go on\n", timeout=10)
    finally:
        end_if_alive(owner)
    assert "does not drive it any more" in said
    assert [step.map_index for step in store.steps(RUN)] == [0]
    assert store.renew(RUN, "the second") == ""


def _wait_until_stopped(pid: int) -> None:
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        assert time.monotonic() < deadline


def end_if_alive(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        end(process)


@pytest.mark.gate("D6")
def test_a_killed_owner_is_followed_at_once(store: SQLiteStore, clock: SetClock) -> None:
    """Its lease would have held for another twenty seconds."""
    store.create(RunRecord(run_id=RUN, flow="nightly"))
    owner = start(DRIVE, store.path)
    try:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "mine\n"
        lease = store.run(RUN).lease
        assert lease is not None
        assert lease.pid == owner.pid
        assert lease == replace(lease, boot=clock.here().boot, host=clock.here().host)
    finally:
        end(owner)
    began = time.monotonic()
    assert store.claim(RUN, "the second").tries == 2
    assert time.monotonic() - began < 10
    assert lease.until - clock.boot_time() > LEASE - 10


# Fork

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def in_a_child(work: Callable[[], None]) -> int:
    """Fork, call `work` in the child and return how it ended: 0 when it returned."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes can fork")
def test_a_forked_child_opens_the_store_for_itself(store: SQLiteStore) -> None:
    """What either writes the other sees, and the parent's lease is not the child's process's."""
    claimed(store)

    def work() -> None:
        store.write(RUN, "me", [success("from the child")])
        assert Clock().here().pid == os.getpid()
        assert store.claim(RUN, "me").lease is not None
        lease = store.run(RUN).lease
        assert lease is not None
        assert lease.pid == os.getpid()

    assert in_a_child(work) == 0
    store.write(RUN, "me", [success("from the parent")])
    assert [step.step for step in store.steps(RUN)] == ["from the child", "from the parent"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="only where processes can fork")
def test_processes_may_fork_while_threads_write(store: SQLiteStore) -> None:
    """Neither hangs; every write that returned is there, whoever made it."""
    claimed(store)
    stop = threading.Event()
    written = [0, 0]

    def write(worker: int) -> None:
        while not stop.is_set():
            store.write(RUN, "me", [success(f"thread {worker}", written[worker])])
            written[worker] += 1

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(2)]
    for thread in threads:
        thread.start()
    try:
        for number in range(20):
            assert in_a_child(partial(store.write, RUN, "me", [success("child", number)])) == 0
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    steps = store.steps(RUN)
    assert len(steps) == sum(written) + 20
    assert [step.map_index for step in steps if step.step == "child"] == list(range(20))
