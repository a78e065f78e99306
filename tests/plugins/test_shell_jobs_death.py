"""Workers and watchers are killed at any moment: a job is started once at most and its result not lost."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from detached_jobs import (
    lines_of,
    new_key,
    open_gate,
    run_program,
    start_program,
    wait_for,
    wait_for_end,
    watchers_of,
)
from process_trees import MARK, TREES, alive, new_mark, wait_until_gone, wait_until_there

from longshore import JobUnreachableError
from longshore.testing import raises_saying
from longshore_shell import ShellJob

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="jobs need Linux")


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    return tmp_path / "jobs"


@pytest.fixture
def mark() -> Iterator[str]:
    yield (value := new_mark())
    for pid in alive(value):
        os.kill(pid, signal.SIGKILL)


WORKERS = """
    import random, signal
    folder, count, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    moments = random.Random(seed)
    job = ShellJob('echo x >> "$STARTS"; echo one; echo two >&2; echo n=$N >> $LONGSHORE_OUTPUTS',
                   jobs_folder=folder)
    found = 0
    for number in range(count):
        key, starts = new_key(), folder.parent / f"starts-{number}"
        inputs = {"env": {"STARTS": starts, "N": number}}
        worker = os.fork()
        if worker == 0:
            job.submit(key, **inputs)
            time.sleep(60)
        time.sleep(moments.uniform(0, 0.06))
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)
        handle = job.find(key)
        found += handle is not None
        if handle is None:
            time.sleep(moments.choice((0, 0, 0.05)))
            assert not starts.exists(), "it was started after it was said that it was not"
            handle = job.submit(key, **inputs)
        assert wait_for_end(job, handle) is None
        assert job.result(handle) == {"n": str(number)}
        assert sorted(lines_of(job, handle)) == ["one", "two"]
        assert starts.read_text() == "x\\n", (number, starts.read_text())
        job.discard(handle)
    print(found)
"""


@pytest.mark.gate("D2")
def test_a_worker_killed_at_any_moment_of_a_submission_leaves_one_start_and_its_result(
    jobs: Path, gate_count: Callable[[int, int], int]
) -> None:
    count, seed = gate_count(25, 200), time.time_ns()
    found = int(run_program(WORKERS, str(jobs), str(count), str(seed)))
    assert 0 < found < count, f"{found} of {count} were found, with seed {seed}: the moments are not spread"
    assert [path for path in jobs.iterdir() if path.is_dir()] == []


WATCHERS = """
    import random, signal
    from process_trees import MARK, alive
    folder, count, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    moments = random.Random(seed)
    job = ShellJob('echo x >> "$STARTS"; setsid -f sleep 60; sleep 0.05; echo n=$N >> $LONGSHORE_OUTPUTS',
                   jobs_folder=folder, grace=0.05)
    ends = {}
    for number in range(count):
        key, starts = new_key(), folder.parent / f"starts-{number}"
        inputs = {"env": {"STARTS": starts, "N": number, MARK: key}}
        worker = os.fork()
        if worker == 0:
            try:
                job.submit(key, **inputs)
            finally:
                os._exit(0)
        while not (watchers := watchers_of(folder / key)):
            time.sleep(0.001)
        time.sleep(moments.uniform(0, 0.15))
        for watcher in watchers_of(folder / key):
            try:
                os.kill(watcher, signal.SIGKILL)
            except ProcessLookupError:
                pass
        os.waitpid(worker, 0)
        handle = job.find(key)
        how = "found" if handle else "not started"
        if handle is None:
            handle = job.submit(key, **inputs)
        failure = wait_for_end(job, handle)
        if failure is None:
            assert job.result(handle) == {"n": str(number)}
            assert starts.read_text() == "x\\n", (number, starts.read_text())
        else:
            how = "lost"
            assert failure.reason == "evicted" and failure.retryable, failure
            assert not starts.exists() or starts.read_text() == "x\\n", (number, starts.read_text())
        assert alive(key) == {}, alive(key)
        ends[how] = ends.get(how, 0) + 1
        assert job.submit(key, **inputs) == handle
        job.discard(handle)
    print(json.dumps(ends))
"""


@pytest.mark.gate("D2")
def test_a_watcher_killed_at_any_moment_leaves_one_start_at_most_and_nothing_running(
    jobs: Path, gate_count: Callable[[int, int], int]
) -> None:
    count, seed = gate_count(15, 200), time.time_ns()
    ends = json.loads(run_program(WATCHERS, str(jobs), str(count), str(seed)))
    assert sum(ends.values()) == count
    assert ends.get("lost", 0) > 0, f"{ends}, with seed {seed}: the moments are not spread"


@pytest.mark.gate("D2")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_job_goes_on_when_its_worker_dies_and_is_found_with_its_whole_log(
    jobs: Path, tmp_path: Path, number: signal.Signals
) -> None:
    body = """
        job = ShellJob("echo one; echo two; while [ ! -e go ]; do sleep 0.02; done; echo three; "
                       "echo rows=3 >> $LONGSHORE_OUTPUTS", jobs_folder=sys.argv[1], cwd=sys.argv[2])
        handle = job.submit("k")
        while len(lines := list(job.logs(handle, None))) < 2:
            time.sleep(0.01)
        print(json.dumps([handle, lines[0].cursor]), flush=True)
        time.sleep(60)
    """
    worker = start_program(body, str(jobs), str(tmp_path))
    assert worker.stdout is not None
    handle, cursor = json.loads(worker.stdout.readline())
    worker.send_signal(number)
    worker.communicate(timeout=10)  # nobody holds its pipes
    assert worker.returncode == -number
    job = ShellJob("true", jobs_folder=jobs)
    assert job.find("k") == handle
    (tmp_path / "go").touch()
    assert wait_for_end(job, handle) is None
    assert job.result(handle) == {"rows": "3"}
    assert lines_of(job, handle, cursor) == ["two", "three"]


def test_a_job_has_no_terminal_and_nothing_of_its_worker(jobs: Path, tmp_path: Path) -> None:
    """No descriptor, no session, no place in its tree."""
    read, write = os.pipe()
    os.set_inheritable(write, True)
    script = "ls -l /proc/self/fd | wc -l; echo >/dev/tty || echo none; cat fifo"
    job = ShellJob(script, jobs_folder=jobs, cwd=tmp_path, strict=False)
    os.mkfifo(tmp_path / "fifo")
    handle = job.submit("k")
    os.close(write)
    assert os.read(read, 1) == b""  # it does not hold our pipe
    os.close(read)
    [watcher] = watchers_of(jobs / "k")
    assert os.getsid(watcher) != os.getsid(0)
    assert os.getpgid(watcher) != os.getpgid(0)
    parent = int(Path(f"/proc/{watcher}/stat").read_text().rpartition(") ")[2].split()[1])
    assert parent != os.getpid()
    assert Path(f"/proc/{watcher}/cwd").readlink() == Path("/")
    assert {Path(f"/proc/{watcher}/fd/{n}").readlink() for n in range(3)} == {Path(os.devnull)}
    open_gate(tmp_path / "fifo")
    assert wait_for_end(job, handle) is None
    assert lines_of(job, handle)[0] == "5"
    assert "none" in lines_of(job, handle)


@pytest.mark.gate("D2")
def test_a_key_that_eight_processes_submit_at_once_is_started_once(
    jobs: Path, gate_count: Callable[[int, int], int]
) -> None:
    body = """
        job = ShellJob('echo x >> "$STARTS"; sleep 0.05; echo n=1 >> $LONGSHORE_OUTPUTS',
                       jobs_folder=sys.argv[1])
        for number in range(int(sys.argv[2])):
            starts, go = Path(f"{sys.argv[1]}.starts-{number}"), time.time() + 0.1
            children = []
            for _ in range(8):
                if not (child := os.fork()):
                    time.sleep(max(0, go - time.time()))
                    handle = job.submit(f"k{number}", env={"STARTS": starts})
                    assert wait_for_end(job, handle) is None
                    os._exit(0 if job.result(handle) == {"n": "1"} else 1)
                children.append(child)
            assert [os.waitpid(child, 0)[1] for child in children] == [0] * 8
            assert starts.read_text() == "x\\n", starts.read_text()
        print("done")
    """
    assert run_program(body, str(jobs), str(gate_count(3, 30))) == "done\n"


# The watcher


@pytest.mark.gate("P5")
def test_a_killed_watcher_is_seen_and_its_tree_ended_by_whoever_looks(
    jobs: Path, tmp_path: Path, mark: str
) -> None:
    script = "echo up\n" + "\n".join(f"({tree}) &" for tree in TREES.values()) + "\nwait"
    job = ShellJob(script, jobs_folder=jobs, cwd=tmp_path)
    handle = job.submit("k", env={MARK: mark})
    wait_until_there(mark, 12)
    while not lines_of(job, handle):
        time.sleep(0.02)
    for watcher in watchers_of(jobs / "k"):
        os.kill(watcher, signal.SIGKILL)
    failure = wait_for_end(job, handle)
    assert failure is not None
    assert (failure.reason, failure.retryable) == ("evicted", True)
    assert "was lost: the process that watched it was killed" in str(failure)
    assert failure.log_tail == ("up",)
    assert wait_until_gone(mark, 10) == {}
    assert str(job.poll(handle).failure) == str(failure)  # type: ignore[union-attr]


def test_cancelling_a_job_whose_watcher_was_killed_ends_its_tree(jobs: Path, mark: str) -> None:
    job = ShellJob("sleep 300", jobs_folder=jobs)
    handle = job.submit("k", env={MARK: mark})
    for watcher in watchers_of(jobs / "k"):
        os.kill(watcher, signal.SIGKILL)
    until = time.monotonic() + 10
    while alive(mark) and time.monotonic() < until:
        job.cancel(handle)
    assert alive(mark) == {}


def test_a_watcher_that_is_told_to_end_gives_the_command_its_grace(jobs: Path, tmp_path: Path) -> None:
    """As when the machine goes down."""
    script = "trap 'touch clean; exit 0' TERM; touch up; while :; do sleep 0.05; done"
    job = ShellJob(script, jobs_folder=jobs, cwd=tmp_path)
    handle = job.submit("k")
    wait_for(tmp_path / "up")
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        os.kill(watchers_of(jobs / "k")[0], number)
    failure = wait_for_end(job, handle)
    assert failure is not None
    assert (failure.reason, failure.retryable) == ("evicted", True)
    assert "was told to end (SIGTERM)" in str(failure)
    assert (tmp_path / "clean").exists()


# The machine


def changed_start(handle: Any, **changes: str) -> None:
    """Have a job's watcher killed, and its start have been elsewhere."""
    path = Path(handle["folder"]) / "start"
    start = json.loads(path.read_text())
    for watcher in watchers_of(path.parent):
        os.kill(watcher, signal.SIGKILL)
    while watchers_of(path.parent):
        time.sleep(0.01)
    path.write_text(json.dumps({**start, **changes}))


def test_a_job_that_went_down_with_the_machine_is_lost_and_kills_nothing(jobs: Path, mark: str) -> None:
    job = ShellJob("sleep 300", jobs_folder=jobs)
    handle = job.submit("k", env={MARK: mark})
    changed_start(handle, boot="another")
    assert job.find("k") == job.submit("k") == handle
    failure = wait_for_end(job, handle)
    assert failure is not None
    assert (failure.reason, failure.retryable) == ("evicted", True)
    assert "was lost: the machine was restarted" in str(failure)
    assert len(alive(mark)) == 2, "after a restart the recorded processes are somebody else's"


def test_the_result_of_a_job_that_ended_before_a_restart_is_there(jobs: Path) -> None:
    job = ShellJob("echo rows=3 >> $LONGSHORE_OUTPUTS", jobs_folder=jobs)
    handle = job.submit(new_key())
    assert wait_for_end(job, handle) is None
    changed_start(handle, boot="another", host="another")
    assert wait_for_end(job, handle) is None
    assert job.result(handle) == {"rows": "3"}


def test_a_job_of_another_host_is_neither_ended_nor_taken_for_lost(jobs: Path, mark: str) -> None:
    job = ShellJob("sleep 300", jobs_folder=jobs)
    handle = job.submit("k", env={MARK: mark})
    changed_start(handle, boot="another", host="node7")
    assert job.find("k") == handle
    for ask in (job.poll, job.cancel):
        with raises_saying(JobUnreachableError, "it was started on host 'node7'; go on there"):
            ask(handle)
    assert len(alive(mark)) == 2
