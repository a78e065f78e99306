"""Processes that run a job and die where they are told to, as `JobContract` starts them."""

from __future__ import annotations

import pickle
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from longshore.jobs.tasks import Job

POINTS: Final = (
    "before submit",
    "after submit",
    "while it runs",
    "after it ended",
    "before result",
    "after result",
    "before discard",
    "after discard",
    "before cancel",
    "after cancel",
)
"""Where a process may die: around the calls of a job's methods. `after submit` is before it is recorded."""
WAYS: Final = ("SIGKILL", "SIGTERM", "SIGSEGV", "exit")
"""How a process may die; SIGTERM asks it to end in order."""
_SUBMIT: Final = "before submit "
_SETTLES: Final = 60.0
"""Seconds within which a run of the contract must have come to its end."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a process is to do.

    Args:
        job: The job of the only step.
        inputs: Its inputs.
        store: The run store's file; None to run without one.
        run_id: The run's id.
        resume: Resume that run instead of starting it.
        point: Where to die: one of `POINTS`, or `before commit 2`, what it records counted from 1; nowhere
            when empty.
        way: How.
        folder: Where the process writes down what it did.
    """

    job: Job[Any]
    inputs: Mapping[str, Any]
    store: str | None
    run_id: str
    folder: Path
    resume: bool = False
    point: str = ""
    way: str = "SIGKILL"


@dataclass(frozen=True)
class Outcome:
    """What a run came to: the names of its states, why, and its result."""

    state: str
    step: str
    message: str
    result: Any = None


class JobProcess:
    """A process that runs the job as the only step of a flow.

    Args:
        plan: What it is to do.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        place = plan.folder / "plan.pickle"
        with place.open("wb") as file:
            pickle.dump([str(folder) for folder in sys.path], file)
            pickle.dump(plan, file)
        self._errors = (plan.folder / "errors.txt").open("wb")
        code = "import sys; from longshore.contracts.dying import main; main(sys.argv[1])"
        self.process = subprocess.Popen(  # noqa: S603 - this interpreter
            [sys.executable, "-c", code, str(place)], stdin=subprocess.DEVNULL, stdout=self._errors,
            stderr=self._errors,
        )  # fmt: skip

    def wait(self) -> int:
        """Wait for the end and return the exit code; kill what does not end."""
        try:
            return self.process.wait(_SETTLES)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the process did not end: {self.said()}") from None
        finally:
            self.process.kill()
            self.process.wait()
            self._errors.close()

    def wait_until(self, event: str) -> None:
        """Wait until the process has written an event down."""
        end = time.monotonic() + _SETTLES
        while event not in self.events():
            assert time.monotonic() < end, f"no {event!r}: {self.events()} {self.said()}"
            assert self.process.poll() is None, f"ended before {event!r}: {self.events()} {self.said()}"
            time.sleep(0.01)

    def events(self) -> list[str]:
        """Return what the process wrote down, in order."""
        return read_events(self._plan.folder)

    def said(self) -> str:
        """Return the end of what the process printed."""
        return (self._plan.folder / "errors.txt").read_text(errors="replace")[-3000:]

    def outcome(self) -> Outcome:
        """Return what its run came to."""
        place = self._plan.folder / "outcome.pickle"
        assert place.exists(), f"the run came to no end: {self.events()} {self.said()}"
        found: Outcome = pickle.loads(place.read_bytes())  # noqa: S301 - from a process of our own
        return found


def read_events(folder: Path) -> list[str]:
    """Return the events that processes wrote down in a folder, in order."""
    place = folder / "events.txt"
    return place.read_text().splitlines() if place.exists() else []


def keys_of(folder: Path) -> list[str]:
    """Return the keys under which processes asked for a job to be submitted."""
    submits = [event for event in read_events(folder) if event.startswith(_SUBMIT)]
    return list(dict.fromkeys(event.removeprefix(_SUBMIT) for event in submits))
