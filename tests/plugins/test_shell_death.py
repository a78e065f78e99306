"""A worker dies, by anything, and none of its commands lives on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from process_trees import MARK, TREES, alive, new_mark, wait_until_gone, wait_until_there

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the worker's death is seen on Linux alone")

WORKER = """
    import os, sys
    from longshore import On, Cancelled, flow, ThreadExecutor, ProcessExecutor, InlineExecutor
    from longshore_shell import Shell

    def note(subject, old, new):
        with open(os.environ["NOTES"], "a") as file:
            file.write(f"{subject.name} {type(new).__name__}\\n")

    @flow(state_handlers=(On(Cancelled, note),))
    def long():
        for name, script in __TREES__.items():
            Shell(script, name=name, grace=0.5, state_handlers=(On(Cancelled, note),))()

    if __name__ == "__main__":
        long.run(executor=eval(sys.argv[1]))
"""


@pytest.fixture
def mark() -> Iterator[str]:
    value = new_mark()
    yield value
    for pid in alive(value):
        os.kill(pid, signal.SIGKILL)


@contextmanager
def running_worker(
    folder: Path, mark: str, executor: str, kinds: tuple[str, ...], *how: str
) -> Iterator[subprocess.Popen[str]]:
    """A process that runs a flow of commands; killed at the end, if it is still there."""
    trees = {kind: TREES[kind] for kind in kinds}
    (folder / "flows.py").write_text(textwrap.dedent(WORKER).replace("__TREES__", repr(trees)))
    command = [sys.executable, *(how or ("flows.py", executor))]
    env = {**os.environ, MARK: mark, "NOTES": str(folder / "notes"), "PYTHONPATH": os.pathsep.join(sys.path)}
    (folder / "notes").touch()
    options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, cwd=folder, env=env, **options) as worker:
        try:
            yield worker
        finally:
            worker.kill()


HARD = ("TERM and INT ignored", "own session", "double fork", "stopped")


@pytest.mark.gate("P5")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT], ids=lambda n: n.name)
def test_no_command_survives_a_worker_that_dies_at_once(
    number: signal.Signals, mark: str, tmp_path: Path
) -> None:
    with running_worker(tmp_path, mark, "ThreadExecutor(6)", HARD) as worker:
        wait_until_there(mark, 10)
        worker.send_signal(number)
        assert worker.wait(5) == -number
        assert wait_until_gone(mark, 10) == {}


@pytest.mark.gate("P5")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda n: n.name)
@pytest.mark.parametrize("executor", ["ThreadExecutor(6)", "InlineExecutor()", "ProcessExecutor(2)"])
def test_a_signal_ends_the_commands_records_the_state_and_runs_the_handlers(
    number: signal.Signals, executor: str, mark: str, tmp_path: Path
) -> None:
    kinds = HARD if executor.startswith("Thread") else HARD[1:2]
    with running_worker(tmp_path, mark, executor, kinds) as worker:
        wait_until_there(mark, 9 if executor.startswith("Thread") else 6)
        worker.send_signal(number)
        output, _ = worker.communicate(timeout=12)
    assert worker.returncode != 0
    assert "KeyboardInterrupt" in output
    assert wait_until_gone(mark, 10) == {}
    notes = (tmp_path / "notes").read_text().splitlines()
    assert "long Cancelled" in notes
    assert all(f"{kind} Cancelled" in notes for kind in kinds)


@pytest.mark.gate("P5")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)]
)
def test_the_command_line_ends_the_commands_and_exits_with_the_signals_code(
    number: signal.Signals, code: int, mark: str, tmp_path: Path
) -> None:
    pytest.importorskip("click", reason="needs longshore[cli]")
    cli = (
        "-c",
        "import sys; from longshore.cli import main; sys.exit(main())",
        "run",
        "flows.py:long",
        "--executor",
        "threads:6",
    )
    with running_worker(tmp_path, mark, "", HARD, *cli) as worker:
        wait_until_there(mark, 9)
        worker.send_signal(number)
        output, _ = worker.communicate(timeout=12)
    assert worker.returncode == code, output
    assert wait_until_gone(mark, 10) == {}
    assert "long Cancelled" in (tmp_path / "notes").read_text()


@pytest.mark.gate("P5")
def test_the_death_of_a_pools_process_ends_its_commands(mark: str, tmp_path: Path) -> None:
    with running_worker(tmp_path, mark, "ProcessExecutor(1)", HARD[1:2]) as worker:
        wait_until_there(mark, 6)
        before = set(alive(mark)) - {worker.pid}
        ours = supervisors_and_keepers(mark)
        [process] = {parent_of(pid) for pid in ours} - set(ours)
        os.kill(process, signal.SIGKILL)
        worker.wait(20)
        assert not before & set(wait_until_gone(mark, 10))


@pytest.mark.gate("P5")
def test_a_killed_driver_of_a_pool_leaves_no_command(mark: str, tmp_path: Path) -> None:
    with running_worker(tmp_path, mark, "ProcessExecutor(2)", HARD[1:3]) as worker:
        wait_until_there(mark, 8)
        worker.kill()
        worker.wait(5)
        until = time.monotonic() + 10
        while (left := commands(mark)) and time.monotonic() < until:
            time.sleep(0.1)
        assert left == {}


def commands(mark: str) -> dict[int, str]:
    """What of the commands themselves is alive, the pool's own processes left out."""
    return {pid: line for pid, line in alive(mark).items() if "multiprocessing" not in line}


def supervisors_and_keepers(mark: str) -> list[int]:
    return [pid for pid, line in alive(mark).items() if "longshore_shell" in line and "-I -S" in line]


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])


ONE = """
    import os, sys, threading, multiprocessing, time
    from longshore_shell import Shell, ShellLastLine
    {body}
"""


def run_program(body: str, mark: str) -> subprocess.CompletedProcess[str]:
    text = textwrap.dedent(ONE).replace("{body}", textwrap.dedent(body))
    env = {**os.environ, MARK: mark, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-c", text], env=env, capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.gate("P6")
def test_leftovers_end_with_a_worker_that_ends_in_order_and_so_does_its_folder(mark: str) -> None:
    body = """
        Shell("setsid -f sleep 300; (trap '' TERM; sleep 300) & true")()
        print(ShellLastLine('dirname "$0"')())
    """
    done = run_program(body, mark)
    assert done.returncode == 0, done.stderr
    assert alive(mark) == {}
    assert not Path(done.stdout.strip()).exists()


def test_an_idle_worker_ends_at_once_and_quietly(mark: str) -> None:
    done = run_program("Shell('true')(); began = time.monotonic(); import atexit; "
                       "atexit._run_exitfuncs(); print(time.monotonic() - began < 9)", mark)  # fmt: skip
    assert (done.stdout, done.stderr, done.returncode) == ("True\n", "", 0)
    assert wait_until_gone(mark, 2) == {}


@pytest.mark.gate("C11")
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_forked_child_has_a_supervisor_of_its_own(method: str, mark: str) -> None:
    body = f"""
        assert ShellLastLine("echo parent")() == "parent"
        context = multiprocessing.get_context("{method}")
        if "{method}" == "fork":
            said = lambda: ShellLastLine("echo child")()
            child = context.Process(target=lambda: os._exit(0 if said() == "child" else 1))
        else:
            child = context.Process(target=ShellLastLine("echo child; exit 0"))
        child.start(); child.join(20)
        print(child.exitcode)
        assert ShellLastLine("echo parent")() == "parent"
    """
    done = run_program(body, mark)
    assert (done.stdout, done.returncode) == ("0\n", 0), done.stderr
    assert wait_until_gone(mark, 5) == {}


def test_a_worker_whose_forked_child_lives_on_is_seen_to_die(mark: str) -> None:
    """The child holds copies of the worker's descriptors, so it is the worker's pidfd that tells."""
    body = """
        if os.fork() == 0:
            time.sleep(8); os._exit(0)
        threading.Thread(target=Shell("sleep 300")).start()
        time.sleep(0.5)
        if os.fork() == 0:
            time.sleep(8); os._exit(0)
        os.kill(os.getpid(), 9)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(ONE).replace("{body}", textwrap.dedent(body))],
        env={**os.environ, MARK: mark, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert process.wait(20) == -9
    until = time.monotonic() + 5
    while sleeping(mark) and time.monotonic() < until:
        time.sleep(0.1)
    assert sleeping(mark) == []


def sleeping(mark: str) -> list[int]:
    return [pid for pid, line in alive(mark).items() if line.startswith("sleep")]
