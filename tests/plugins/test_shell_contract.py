"""What every task promises, shown for each task of commands; their import; systems that offer less."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from process_trees import MARK, TREES, alive, new_mark

import longshore_shell
from longshore import LongshoreError, Task
from longshore.plugins import host
from longshore.testing import TaskContract, assert_portable
from longshore_shell import (
    CommandFailed,
    CommandNotFound,
    Shell,
    ShellBytes,
    ShellExitCode,
    ShellJson,
    ShellLastLine,
    ShellLines,
    Subprocess,
    SubprocessBytes,
    SubprocessExitCode,
    SubprocessJson,
    SubprocessLastLine,
    SubprocessLines,
)
from longshore_shell.errors import signal_name
from longshore_shell.linelogs import LineLog, Rate
from longshore_shell.output import Stream
from longshore_shell.processes import Process, Request, StartError

ECHO = ("echo", "[1]")


class TestShell(TaskContract):
    task = Shell('echo rows=$N >> "$LONGSHORE_OUTPUTS"', retries=1)
    inputs: ClassVar[Mapping[str, Any]] = {"env": {"N": 3}}
    expected: ClassVar[Any] = {"rows": "3"}


class TestShellLines(TaskContract):
    task = ShellLines("echo [1]")
    expected: ClassVar[Any] = ["[1]"]


class TestShellLastLine(TaskContract):
    task = ShellLastLine("echo [1]")
    expected = "[1]"


class TestShellJson(TaskContract):
    task = ShellJson("echo [1]")
    expected: ClassVar[Any] = [1]


class TestShellBytes(TaskContract):
    task = ShellBytes("echo [1]")
    expected = b"[1]\n"


class TestShellExitCode(TaskContract):
    task = ShellExitCode("exit 3")
    expected = 3


class TestSubprocess(TaskContract):
    task = Subprocess(("true",))
    expected: ClassVar[Any] = {}


class TestSubprocessLines(TaskContract):
    task = SubprocessLines(ECHO)
    expected: ClassVar[Any] = ["[1]"]


class TestSubprocessLastLine(TaskContract):
    task = SubprocessLastLine(ECHO)
    expected = "[1]"


class TestSubprocessJson(TaskContract):
    task = SubprocessJson(ECHO)
    expected: ClassVar[Any] = [1]


class TestSubprocessBytes(TaskContract):
    task = SubprocessBytes(ECHO)
    expected = b"[1]\n"


class TestSubprocessExitCode(TaskContract):
    task = SubprocessExitCode(("false",))
    expected = 1


PUBLIC = [getattr(longshore_shell, name) for name in longshore_shell.__all__]
TASKS = [each for each in PUBLIC if isinstance(each, type) and issubclass(each, Task)]
ERRORS = [each for each in PUBLIC if isinstance(each, type) and issubclass(each, LongshoreError)]


def test_the_plugin_offers_every_public_task() -> None:
    offered = {task for name, task in host().tasks().items() if name.startswith("shell.")}
    assert offered == set(TASKS)


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_pickles_with_all_that_it_knows(kind: type[LongshoreError]) -> None:
    error = kind("cannot run 'x': no; do y")
    assert_portable(error)
    failed = CommandFailed(
        "x", command=("a",), exit_code=3, duration=1.5, stdout_tail="o", stderr_tail="e", retryable=False
    )
    assert vars(pickle.loads(pickle.dumps(failed))) == vars(failed)


def test_importing_the_package_imports_no_third_party_and_starts_nothing() -> None:
    program = """
        import sys, os
        before = set(os.listdir("/proc/self/task"))
        import longshore_shell.plugin
        loaded = {name.split(".")[0] for name in sys.modules if not name.startswith("_")}
        foreign = loaded - sys.stdlib_module_names - {"longshore", "longshore_shell"}
        print(sorted(foreign), before == set(os.listdir("/proc/self/task")))
    """
    command = [sys.executable, "-S", "-c", textwrap.dedent(program)]
    roots = [
        str(Path(str(sys.modules[name].__file__)).parents[1])
        for name in ("longshore", "longshore_shell", "pluggy")
    ]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(roots)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert done.stdout in ("['pluggy'] True\n", "[] True\n")


def test_a_signal_without_a_name_is_told_by_its_number() -> None:
    assert signal_name(9) == "SIGKILL"
    assert signal_name(200) == "signal 200"


class Elsewhere:
    """Runs commands as on a system that is not Linux: with a thread and a process group."""

    def __init__(self, script: str, mark: str) -> None:
        rate = Rate(None)
        self.out = Stream(LineLog("stdout", None, rate))
        self.err = Stream(LineLog("stderr", None, rate))
        env = {os.fsencode(k): os.fsencode(v) for k, v in {**os.environ, MARK: mark}.items()}
        argv = tuple(os.fsencode(word) for word in ("bash", "-c", script))
        request = Request(argv, "/bin/bash", env, "/", 0o022)
        descriptor = os.open(os.devnull, os.O_RDONLY)
        self.process = Process(request, descriptor, self.out, self.err, supervised=False)
        os.close(descriptor)


@pytest.fixture
def mark() -> Iterator[str]:
    yield (value := new_mark())
    for pid in alive(value):
        os.kill(pid, 9)


def test_without_a_supervisor_a_command_runs_and_is_measured(mark: str) -> None:
    ran = Elsewhere("echo out; echo err >&2; exit 3", mark)
    ran.process.pump()
    ran.process.close()
    assert (ran.out.tail.text(), ran.err.tail.text()) == ("out\n", "err\n")
    assert ran.process.end is not None
    assert (ran.process.end.exit_code, ran.process.leftovers) == (3, {})
    assert ran.process.end.peak_memory > 1_000_000


@pytest.mark.parametrize("kind", ["TERM and INT ignored", "stopped", "busy loop"])
def test_without_a_supervisor_the_process_group_is_ended(kind: str, mark: str) -> None:
    ran = Elsewhere(TREES[kind], mark)
    time.sleep(0.3)
    ran.process.stop(0.3)
    ran.process.pump()
    ran.process.close()
    assert ran.process.end is not None
    assert ran.process.end.signal in (9, 15)
    assert alive(mark) == {}


def test_without_a_supervisor_a_background_child_is_reported_and_not_waited_for(mark: str) -> None:
    ran = Elsewhere("sleep 300 & echo done", mark)
    began = time.monotonic()
    ran.process.pump()
    assert time.monotonic() - began < 10
    assert list(ran.process.leftovers.values()) == ["process group"]
    ran.process.close()
    assert len(alive(mark)) == 1


def test_without_a_supervisor_what_cannot_start_says_why(mark: str) -> None:
    ran = Elsewhere("true", mark)
    ran.process.pump()
    ran.process.close()
    request = Request((b"x",), "/no/such/program", {}, "/", 0o022)
    process = Process(request, 0, ran.out, ran.err, supervised=False)
    with pytest.raises(StartError) as caught:
        process.pump()
    process.close()
    assert caught.value.number == 2
    assert issubclass(CommandNotFound, FileNotFoundError)
