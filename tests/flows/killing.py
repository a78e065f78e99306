"""Runs of `resumable.py` that are killed at random moments and resumed, with what must hold looked at."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import resumable

from longshore.stores.errors import RunNotFoundError
from longshore.stores.locations import open_store

_SETTLES = 120.0
_KILLED_WITHIN = {"inline": 0.8, "threads": 0.8, "processes": 1.6}
"""Seconds after its start in which a process is killed: before it has begun anything, or while it works."""


@dataclass
class Figures:
    """What happened over all kills.

    Args:
        kills: Processes that were killed before their run had ended.
        runs: Runs that were started.
        extra: Executions of steps that were in flight when their process was killed, and ran again.
        overheads: Seconds from the start of a resuming process to the start of the first step that it ran.
    """

    kills: int = 0
    runs: int = 0
    extra: int = 0
    overheads: list[float] = field(default_factory=list)


class KilledRun:
    """One run, in one process after the other.

    Args:
        folder: Where its store and its effects are.
        shape: Which flow of `resumable.py`.
        executor: `inline`, `threads` or `processes`.
        url: Where the job server listens.
    """

    def __init__(self, folder: Path, shape: str, executor: str, url: str = "") -> None:
        self.run_id = uuid.uuid4().hex
        self.shape, self.executor = shape, executor
        self.store = str(folder / "runs.db")
        self.effects = folder / f"effects-{self.run_id}.txt"
        self._command = [
            sys.executable, "-m", "resumable", shape, executor, self.store, self.run_id, str(self.effects),
            *([url] if url else []),
        ]  # fmt: skip
        self._said = folder / f"said-{self.run_id}.txt"

    def _start(self) -> subprocess.Popen[str]:
        path = os.pathsep.join(sys.path)
        with self._said.open("a") as said:
            return subprocess.Popen(
                self._command, env={**os.environ, "PYTHONPATH": path}, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=said, text=True, start_new_session=True,
            )  # fmt: skip

    def live_for(self, seconds: float) -> bool:
        """Start or resume the run and kill all its processes after a while; return whether it had ended."""
        process = self._start()
        try:
            process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            return False
        else:
            return True
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

    def finish(self) -> dict[str, Any]:
        """Resume the run to its end, and return its state and results."""
        process = self._start()
        try:
            said, _ = process.communicate(timeout=_SETTLES)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise AssertionError(f"{self.shape} on {self.executor} hangs: {self.said()}") from None
        assert said.strip(), f"{self.shape} on {self.executor}: {self.said()}"
        ended: dict[str, Any] = json.loads(said.splitlines()[-1])
        return ended

    def said(self) -> str:
        """Return the end of what the processes said on standard error."""
        return self._said.read_text()[-4000:]

    def executions(self) -> Counter[str]:
        """Return how often each step was executed."""
        return Counter(name for name, _ in self._lines())

    def _lines(self) -> list[tuple[str, float]]:
        text = self.effects.read_text() if self.effects.exists() else ""
        return [(line.split()[0], float(line.split()[1])) for line in text.splitlines()]

    def first_effect_after(self, moment: float) -> float | None:
        """Return the seconds from a moment to the next step's effect."""
        return next((at - moment for _, at in self._lines() if at > moment), None)

    def acknowledged(self) -> set[str]:
        """Return the names of the steps that are recorded as done."""
        store = open_store(self.store)
        try:
            steps = store.steps(self.run_id)
        except RunNotFoundError:
            return set()
        finally:
            store.close()
        done = [step for step in steps if step.state == "Success"]
        return {step.step if step.map_index < 0 else f"{step.step}-{step.map_index}" for step in done}


def kill_and_resume(
    folder: Path, shape: str, executor: str, kills: int, seed: int, url: str = ""
) -> tuple[Figures, list[KilledRun]]:
    """Kill runs of a flow at random moments, resume them each time, and check after each what must hold.

    No step that is recorded as done runs again; others only if they were in flight when their process was
    killed, of which there are no more than workers; no result is lost. A new run is begun when one has ended.
    """
    moments = random.Random(seed)
    figures, runs = Figures(), []
    workers = resumable.WORKERS[executor]
    while figures.kills < kills:
        run = KilledRun(folder, shape, executor, url)
        runs.append(run)
        figures.runs += 1
        killed, ended = 0, False
        done: dict[str, int] = {}
        while not ended and figures.kills < kills:
            began = time.time()
            ended = run.live_for(moments.uniform(0.05, _KILLED_WITHIN[executor]))
            executed = run.executions()
            again = {name: executed[name] for name, before in done.items() if executed[name] > before}
            assert again == {}, f"seed {seed}: recorded as done, and executed again: {again}"
            done = {name: executed[name] for name in run.acknowledged()}
            if killed and (overhead := run.first_effect_after(began)) is not None:
                figures.overheads.append(overhead)
            killed += not ended
            figures.kills += not ended
        answer = run.finish()
        assert answer["state"] == "Success", f"seed {seed}: {answer} {run.said()}"
        assert answer["results"] == resumable.expected(shape), f"seed {seed}: {answer}"
        executed = run.executions()
        assert all(executed[name] == count for name, count in done.items()), f"seed {seed}"
        extra = executed.total() - len(executed)
        assert extra <= workers * killed, f"seed {seed}: {extra} extra executions after {killed} kills"
        figures.extra += extra
    return figures, runs
