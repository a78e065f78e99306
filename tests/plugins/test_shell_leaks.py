"""A thousand commands leave nothing, many at once wait for each other, what was killed is replaced."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from longshore_shell import Shell, ShellLastLine, Subprocess, workers
from longshore_shell.trees import descendants


def test_a_supervisor_that_was_killed_is_replaced() -> None:
    assert Shell("true")().exit_code == 0
    supervisor = workers._worker.supervisor
    assert supervisor is not None
    os.kill(supervisor.pid, 9)
    assert ShellLastLine("echo again")() == "again"
    assert ShellLastLine("echo again")() == "again"


def test_a_folder_that_somebody_cleaned_away_is_made_again() -> None:
    Shell("true")()
    Path(workers.folder().path).rmdir()
    assert ShellLastLine("echo again")() == "again"


@pytest.mark.gate("P7")
def test_a_thousand_in_a_row_leave_no_zombie_and_no_descriptor(gate_count: Callable[[int, int], int]) -> None:
    task = Subprocess(("true",))
    task()
    before = descriptors()
    for _ in range(gate_count(200, 1000)):
        task()
    assert descriptors() <= before  # one of an earlier test may have been closed meanwhile
    assert zombies() == []


@pytest.mark.gate("P7")
def test_two_hundred_at_once_run_with_256_descriptors() -> None:
    program = """
        import resource, threading
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
        from longshore import flow, ThreadExecutor
        from longshore_shell import ShellLastLine
        import os
        results, task = [], ShellLastLine("sleep 0.05; echo $N")
        run = lambda n: results.append(task(env={"N": n}))
        threads = [threading.Thread(target=run, args=(n,)) for n in range(200)]
        before = len(os.listdir("/proc/self/fd"))
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        assert sorted(map(int, results)) == list(range(200)), results
        print(len(os.listdir("/proc/self/fd")) - before <= 1)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("True\n", "", 0)


def descriptors() -> set[str]:
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


def zombies() -> list[str]:
    """The ended children of this process, and of its descendants, that nobody has collected."""
    ours = {os.getpid(), *descendants(os.getpid())}
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        if fields[0] == "Z" and int(fields[1]) in ours:
            found.append(entry.parent.name)
    return found
