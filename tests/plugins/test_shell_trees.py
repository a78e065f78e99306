"""A command ends when it ends, and its tree dies as a tree."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from process_trees import MARK, TREES, alive, new_mark, wait_until_gone, wait_until_there

from longshore import (
    AttemptTimedOut,
    InlineExecutor,
    ProcessExecutor,
    TaskCancelled,
    ThreadExecutor,
    TimedOut,
    flow,
)
from longshore.context import Attempt, active
from longshore_shell import CommandFailed, Shell, ShellLastLine, ShellLines, workers
from longshore_shell.trees import descendants

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the whole tree is found on Linux alone")


@pytest.fixture
def mark() -> Iterator[str]:
    value = new_mark()
    yield value
    for pid in alive(value):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.gate("P4")
@pytest.mark.parametrize("kind", TREES)
def test_a_timeout_ends_the_whole_tree(kind: str, mark: str) -> None:
    began = time.monotonic()
    with pytest.raises(AttemptTimedOut):
        Shell(TREES[kind], timeout=0.5, grace=0.5)(env={MARK: mark})
    assert time.monotonic() - began < 10
    assert alive(mark) == {}


@pytest.mark.gate("P4")
@pytest.mark.parametrize("executor", [InlineExecutor(), ThreadExecutor(6), ProcessExecutor(2)], ids=repr)
def test_a_timeout_ends_the_whole_tree_under_every_executor(executor: Any, mark: str) -> None:
    kinds = list(TREES.values()) if isinstance(executor, ThreadExecutor) else [TREES["double fork"]]

    @flow
    def trees() -> None:
        for number, script in enumerate(kinds):
            Shell(script, name=f"tree {number}", timeout=1.0, grace=0.5)(env={MARK: mark})

    run = trees.run(executor=executor)
    for number in range(len(kinds)):
        state = run.states[f"tree {number}"]
        assert isinstance(state, TimedOut), state
    assert alive(mark) == {}


@pytest.mark.gate("P4")
def test_the_grace_is_for_cleaning_up_and_is_used(mark: str, tmp_path: Any) -> None:
    script = f"trap 'sleep 0.3; touch {tmp_path}/cleaned; exit 1' TERM; sleep 300 & wait"
    with pytest.raises(AttemptTimedOut):
        Shell(script, timeout=0.3, grace=3)(env={MARK: mark})
    assert (tmp_path / "cleaned").exists()
    assert alive(mark) == {}


def test_a_cancelled_attempt_ends_its_tree(mark: str) -> None:
    attempt = Attempt("x")
    failures: list[BaseException] = []

    def work() -> None:
        active.set(attempt)
        try:
            Shell(TREES["own session"], grace=0.3).run(env={MARK: mark})
        except CommandFailed as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    wait_until_there(mark, 4)
    attempt.cancel("the test says so")
    assert alive(mark) == {}
    thread.join(2)
    assert not thread.is_alive()
    assert "was ended by SIGTERM" in str(failures[0])


def test_an_attempt_that_is_cancelled_before_it_starts_ends_at_once(mark: str) -> None:
    attempt = Attempt("x")
    attempt.cancel("before")
    token = active.set(attempt)
    try:
        began = time.monotonic()
        with pytest.raises((CommandFailed, TaskCancelled)):
            Shell("sleep 300", grace=0.3).run(env={MARK: mark})
        assert time.monotonic() - began < 10
    finally:
        active.reset(token)
    assert alive(mark) == {}


def test_processes_that_replace_themselves_are_stopped_before_they_are_killed(mark: str) -> None:
    """Twenty chains of processes, each of which starts the next one and ends: the number stays the same."""
    chains = (
        "trap '' TERM; f() { sleep 0.02; f & }; n=0; while [ $n -lt 20 ]; do f & n=$((n+1)); done; sleep 300"
    )
    with pytest.raises(AttemptTimedOut):
        Shell(chains, timeout=0.3, grace=0.1)(env={MARK: mark})
    assert wait_until_gone(mark, 5) == {}


@pytest.mark.gate("P6")
def test_a_background_child_that_holds_the_pipe_is_not_waited_for_and_is_reported(
    mark: str, caplog: pytest.LogCaptureFixture
) -> None:
    began = time.monotonic()
    result = Shell("sleep 300 & echo done")(env={MARK: mark})
    assert time.monotonic() - began < 10
    assert result.stdout_tail == "done\n"
    [left] = result.leftovers
    assert left.startswith("sleep (")
    assert any("left running: sleep (" in record.getMessage() for record in caplog.records)
    assert len(alive(mark)) == 1


@pytest.mark.gate("P6")
def test_a_leftover_that_never_stops_writing_is_not_waited_for_and_lives_on(mark: str) -> None:
    began = time.monotonic()
    assert ShellLines("(while :; do echo y; done) & echo done; sleep 0.1; exit 0", log_level=None)(
        env={MARK: mark}
    )
    assert time.monotonic() - began < 10
    [pid] = alive(mark)
    before = written(pid)
    time.sleep(0.3)
    assert written(pid) > before, "what it writes is not read any more"


def written(pid: int) -> int:
    """The bytes that a process has written in all."""
    return int(Path(f"/proc/{pid}/io").read_text().partition("wchar: ")[2].split()[0])


@pytest.mark.gate("P6")
def test_a_child_that_ends_soon_after_its_parent_is_heard_and_no_leftover(mark: str) -> None:
    result = Shell("(sleep 0.1; echo late) & echo soon")(env={MARK: mark})
    assert result.leftovers == ()
    assert result.stdout_tail == "soon\nlate\n"


def test_what_a_failed_command_leaves_is_ended(mark: str) -> None:
    with pytest.raises(CommandFailed, match="exited with 3"):
        Shell("setsid -f sleep 300; sleep 300 & exit 3", grace=0.3)(env={MARK: mark})
    assert alive(mark) == {}


def test_what_wrote_more_than_allowed_is_ended(mark: str) -> None:
    with pytest.raises(ValueError, match="more than 1000 bytes"):
        ShellLines("yes & yes", max_output=1000, grace=0.3)(env={MARK: mark})
    assert alive(mark) == {}


def test_a_killed_keeper_takes_its_tree_along_and_the_error_says_so(mark: str) -> None:
    failures: list[BaseException] = []

    def work() -> None:
        try:
            Shell(TREES["TERM and INT ignored"])(env={MARK: mark})
        except CommandFailed as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    wait_until_there(mark, 2)
    supervisor = workers._worker.supervisor
    assert supervisor is not None
    keepers = [pid for pid in descendants(supervisor.pid) if alive(mark).keys() & descendants(pid).keys()]
    os.kill(min(keepers, key=lambda pid: -len(descendants(pid))), signal.SIGKILL)
    thread.join(5)
    assert "was lost: the process that watched it was killed" in str(failures[0])
    assert wait_until_gone(mark, 5) == {}
    assert ShellLastLine("echo fine")() == "fine"


def test_many_commands_at_once_are_told_apart(mark: str) -> None:
    results: dict[int, object] = {}

    def work(number: int) -> None:
        try:
            results[number] = Shell("sleep 0.2; sleep 300 & exit $N", grace=0.2)(
                env={"N": number % 3, MARK: mark}
            ).leftovers
        except CommandFailed as error:
            results[number] = error.exit_code

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    codes = [results[n] for n in range(12) if n % 3]
    assert codes == [n % 3 for n in range(12) if n % 3]
    assert all(len(results[n]) == 1 for n in range(0, 12, 3))  # type: ignore[arg-type]
    assert len(alive(mark)) == 4
