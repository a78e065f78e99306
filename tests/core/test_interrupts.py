"""Ctrl-C and SIGTERM: nothing new starts, clean-up and handlers run, once is enough and twice is at once."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """
import json, sys, threading, time
from longshore import *

out = open(sys.argv[2], "a", buffering=1)

@task
def nap(seconds):
    out.write(f"start {time.time()}\\n")
    time.sleep(seconds)

@task
def polite(seconds):
    stop = threading.Event()
    with current.on_cancel(stop.set):
        out.write("waiting\\n")
        stop.wait(seconds)
    if current.cancelled:
        out.write("stopped politely\\n")
        raise RuntimeError("stopped")

class Room(Resource[str]):
    def setup(self):
        return "room"
    def cleanup(self, value):
        out.write(f"cleaned {value}\\n")

def heard(subject, old, new):
    out.write(f"{subject.kind} {subject.name} {type(new).__name__}\\n")

@flow(state_handlers=[heard])
def work():
    with Room() as room:
        first = nap(0.05)
        polite.replace(state_handlers=[heard])(30.0, after=[first, room])
        nap.map([0.05] * 100, after=first)
        nap(30.0, after=first)

if __name__ == "__main__":
    executors = {"inline": InlineExecutor(), "threads": ThreadExecutor(3), "processes": ProcessExecutor(3)}
    executor = executors[sys.argv[1]]
    try:
        work.run(executor=executor)
    except KeyboardInterrupt as interrupt:
        run = interrupt.flow_run
        unfinished = [str(s) for s in run.states.values() if not s.finished]
        print(json.dumps({"state": str(run.state), "signal": interrupt.signal, "unfinished": unfinished}))
        sys.exit(128 + interrupt.signal)
"""


class Program:
    """A flow in a process of its own, with a record of what it did."""

    def __init__(self, folder: Path, executor: str) -> None:
        script = folder / "work.py"
        script.write_text(PROGRAM)
        self.record = folder / "record.txt"
        self.record.touch()
        self.process = subprocess.Popen(
            [sys.executable, str(script), executor, str(self.record)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for(self, text: str, seconds: float = 20.0) -> None:
        end = time.monotonic() + seconds
        while text not in self.record.read_text():
            assert time.monotonic() < end, f"no {text!r}: {self.record.read_text()} {self.process.poll()}"
            time.sleep(0.01)

    def end(self, seconds: float = 20.0) -> tuple[int, dict[str, Any], str]:
        stdout, stderr = self.process.communicate(timeout=seconds)
        said = json.loads(stdout) if stdout.strip().startswith("{") else {}
        return self.process.returncode, said, self.record.read_text() + stderr


@pytest.fixture
def program(tmp_path: Path) -> Any:
    started: list[Program] = []

    def start(executor: str) -> Program:
        started.append(Program(tmp_path, executor))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
        each.process.communicate()


@pytest.mark.gate("C5")
@pytest.mark.parametrize("executor", ["inline", "threads", "processes"])
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_stops_the_run_cleans_up_and_tells_the_handlers(
    program: Callable[[str], Program], executor: str, signum: signal.Signals
) -> None:
    work = program(executor)
    work.wait_for("waiting")
    sent = time.time()
    work.process.send_signal(signum)
    code, said, record = work.end()

    assert code == 128 + signum
    assert said["state"].startswith(f"Cancelled: received {signum.name}")
    assert said["unfinished"] == []
    assert "cleaned room" in record
    assert "flow work Cancelled" in record
    if executor == "threads":
        assert "stopped politely" in record
        assert "task polite Cancelled" in record
    late = [
        line for line in record.splitlines() if line.startswith("start ") and float(line[6:]) > sent + 0.5
    ]
    assert late == []


STUBBORN_WORKER = """
import sys, time
from longshore import Flow, ProcessExecutor, task

@task
def nap(seconds):
    if seconds > 1:
        print("napping", flush=True)
    time.sleep(seconds)

with Flow("stubborn") as stubborn:
    nap.map([0.01, 60.0])  # one worker is idle again, the other is busy

if __name__ == "__main__":
    try:
        stubborn.run(executor=ProcessExecutor(2))
    except KeyboardInterrupt as interrupt:
        print(interrupt.flow_run.mapped_states["nap"][1])
"""


@pytest.mark.gate("C5")
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
def test_no_worker_process_idle_or_stubborn_is_left_behind(tmp_path: Path, signum: signal.Signals) -> None:
    script = tmp_path / "stubborn_worker.py"
    script.write_text(STUBBORN_WORKER)
    process = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "napping\n"
    time.sleep(0.1)
    process.send_signal(signum)
    # The pipe ends when the last process that holds it has ended, workers included.
    stdout, _ = process.communicate(timeout=15)
    if signum == signal.SIGTERM:
        assert "it did not stop, and is left behind" in stdout


@pytest.mark.gate("C5")
def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    script = tmp_path / "stubborn.py"
    script.write_text(
        "import sys, time\nfrom longshore import *\n"
        "class Slow(Resource[int]):\n"
        "    def setup(self): return 1\n"
        "    def cleanup(self, value):\n"
        "        print('cleaning', flush=True)\n"
        "        time.sleep(30)\n"
        "@task\ndef nap():\n    print('napping', flush=True)\n    time.sleep(30)\n"
        "with Flow('stubborn') as f:\n    with Slow() as s:\n        nap()\n"
        "try:\n    f.run()\n"
        "except KeyboardInterrupt as i:\n    print(i.flow_run.state, flush=True)\n    sys.exit(130)\n"
    )
    process = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "napping\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "cleaning\n"
    time.sleep(0.4)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    stdout, _ = process.communicate(timeout=10)
    assert process.returncode == 130
    assert stdout == "Cancelled: interrupted twice\n"
    assert time.monotonic() - began < 10


@pytest.mark.gate("C5")
def test_signals_at_random_moments_never_hang_or_lose_the_clean_up(
    program: Callable[[str], Program], gate_count: Callable[[int, int], int]
) -> None:
    chance = random.Random(5)
    for _ in range(gate_count(6, 200)):
        work = program(chance.choice(["inline", "threads"]))
        work.wait_for("start")
        time.sleep(chance.random() * 0.5)
        signum = chance.choice([signal.SIGINT, signal.SIGTERM])
        work.process.send_signal(signum)
        code, said, record = work.end(10)
        assert code == 128 + signum
        assert said["unfinished"] == []
        assert "cleaned room" in record
        work.record.write_text("")


def test_a_signal_that_the_program_ignores_stays_ignored(tmp_path: Path) -> None:
    script = tmp_path / "ignores.py"
    script.write_text(
        "import signal, time, os\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "from longshore import *\n"
        "@task\ndef hang_up():\n    os.kill(os.getpid(), signal.SIGHUP)\n"
        "    time.sleep(0.2)\n    return 'done'\n"
        "with Flow('ignores') as f:\n    hang_up()\n"
        "print(f.run().results['hang_up'])\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=20, check=True
    )
    assert done.stdout == "done\n"


def test_the_program_gets_its_own_signal_handlers_back() -> None:
    from longshore import Flow, task

    @task
    def nothing() -> None:
        return None

    with Flow("handlers") as handlers:
        nothing()
    before = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    handlers.run()
    assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


def test_ctrl_c_in_a_call_outside_a_flow_is_a_keyboard_interrupt(tmp_path: Path) -> None:
    script = tmp_path / "call.py"
    script.write_text(
        "import time\nfrom longshore import task\n"
        "@task(retries=3)\ndef nap():\n    print('napping', flush=True)\n    time.sleep(30)\n"
        "try:\n    nap()\nexcept KeyboardInterrupt:\n    print('interrupted')\n"
    )
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "napping\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=10)[0] == "interrupted\n"
