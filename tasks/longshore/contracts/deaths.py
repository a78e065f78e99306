"""Runs of a job in processes that die where they are told to: what `JobContract` starts, what runs there."""

from __future__ import annotations

import ctypes
import functools
import os
import pickle
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from longshore.errors import LongshoreError
from longshore.flows import Flow
from longshore.jobs.protocol import JobFinished, JobRunning
from longshore.stores.locations import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
        point: Where to die; nowhere when empty.
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
        code = "import sys; from longshore.contracts.deaths import main; main(sys.argv[1])"
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


def main(place: str) -> None:
    """Do what a plan says; the entry point of the process."""
    with Path(place).open("rb") as file:
        sys.path[:] = pickle.load(file)  # noqa: S301 - from the process that started us
        plan: Plan = pickle.load(file)  # noqa: S301 - the same
    (plan.folder / "outcome.pickle").unlink(missing_ok=True)
    _arm(plan)
    outcome = (_recorded(plan) if plan.resume else None) or _run(plan)
    (plan.folder / "outcome.pickle").write_bytes(pickle.dumps(outcome))


def _recorded(plan: Plan) -> Outcome | None:
    """Return what a run came to that has succeeded before: there is nothing to resume."""
    store = open_store(str(plan.store))
    try:
        if store.run(plan.run_id).state != "Success":
            return None
        [step] = store.steps(plan.run_id)
        assert step.result is not None
        return Outcome("Success", step.state, step.message, store.results.get(step.result))
    finally:
        store.close()


def _run(plan: Plan) -> Outcome:
    with Flow("contract") as flow:
        plan.job.replace(name="job")(**plan.inputs)
    try:
        if plan.resume:
            run = flow.resume(plan.run_id, store=str(plan.store))
        else:
            run = flow.run(run_id=plan.run_id, store=plan.store)
    except KeyboardInterrupt as interrupt:  # told to stop, and stopped in order
        run = interrupt.__dict__["flow_run"]
    except LongshoreError as error:
        traceback.print_exc()
        return Outcome("refused", type(error).__name__, str(error))
    step = run.states["job"]
    return Outcome(type(run.state).__name__, type(step).__name__, step.message, run.results["job"])


def _arm(plan: Plan) -> None:
    """Have the job's methods write down that they are called, and die at the plan's point."""
    kind = type(plan.job)
    watch = _Witness(plan)
    for name in ("submit", "poll", "result", "discard", "cancel"):
        setattr(kind, name, watch.around(name, getattr(kind, name)))


class _Witness:
    """Writes down what happens, and dies where it is told to."""

    def __init__(self, plan: Plan) -> None:
        self._point, self._way, self._folder = plan.point, plan.way, plan.folder
        self._asked_to_stop = False

    def around(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        """Return a method that does the same, between two points."""

        @functools.wraps(method)
        def witnessed(job: Job[Any], *args: Any, **inputs: Any) -> Any:
            subject = f" {args[0]}" if name == "submit" else ""
            self._passes(f"before {name}", subject)
            answer = method(job, *args, **inputs)
            if isinstance(answer, JobRunning):
                self._runs()
            elif isinstance(answer, JobFinished):
                self._passes("after it ended")
            self._passes(f"after {name}")
            return answer

        return witnessed

    def _runs(self) -> None:
        self._passes("while it runs")
        if self._point.endswith("cancel") and not self._asked_to_stop:
            self._asked_to_stop = True
            os.kill(os.getpid(), signal.SIGTERM)

    def _passes(self, point: str, more: str = "") -> None:
        place = os.open(self._folder / "events.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(place, f"{point}{more}\n".encode())
        os.close(place)
        if point == self._point:
            die(self._way)


def die(way: str) -> None:
    """End this process in one of the ways."""
    if way == "exit":
        os._exit(7)
    if way == "SIGSEGV":
        ctypes.string_at(0)
    os.kill(os.getpid(), signal.Signals[way])
