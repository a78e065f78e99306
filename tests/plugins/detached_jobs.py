"""What the tests of detached jobs share: waiting for an end, watchers found and killed, other processes."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

from longshore import Job, JobFailed, JobFinished

PROGRAM = """
    import json, os, sys, time
    from pathlib import Path
    sys.path.append({here!r})
    from detached_jobs import *
    from longshore import *
    from longshore_shell import *
"""


def new_key() -> str:
    """Return a key that no job has."""
    return str(uuid.uuid4())


def wait_for_end(job: Job[Any], handle: Any, seconds: float = 20.0) -> JobFailed | None:
    """Wait until a job has ended; return why it failed."""
    until = time.monotonic() + seconds
    while not isinstance(status := job.poll(handle), JobFinished):
        assert time.monotonic() < until, f"the job still runs after {seconds:g} s"
        time.sleep(0.01)
    return status.failure


def lines_of(job: Job[Any], handle: Any, since: str | None = None) -> list[str]:
    """Return the texts of a job's log."""
    return [line.text for line in job.logs(handle, since)]


def watchers_of(job_folder: Path | str) -> list[int]:
    """The processes that watch the job of a folder, or are about to."""
    found: list[int] = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if os.fsencode(job_folder) in words and b"-I" in words:
                found.append(int(folder.name))
    return found


def wait_for(path: Path, seconds: float = 15.0) -> None:
    """Wait until a file is there."""
    until = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < until, f"{path.name} did not come"
        time.sleep(0.01)


def open_gate(fifo: Path, seconds: float = 30.0) -> None:
    """Let a command go on that reads from a named pipe, once it has come to that."""
    until = time.monotonic() + seconds
    while True:
        try:
            os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            assert time.monotonic() < until, f"nobody reads from {fifo.name}"
            time.sleep(0.01)
        else:
            return


def start_program(body: str, *args: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """Start a Python program of its own that has Longshore's names and these."""
    text = textwrap.dedent(PROGRAM).format(here=str(Path(__file__).parent)) + textwrap.dedent(body)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **(env or {})}
    return subprocess.Popen(
        [sys.executable, "-c", text, *args],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_program(body: str, *args: str, env: dict[str, str] | None = None) -> str:
    """Run such a program to its end; return what it printed."""
    with start_program(body, *args, env=env) as program:
        out, err = program.communicate(timeout=100)
    assert program.returncode == 0, err
    return out
