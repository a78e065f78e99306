"""What runs in a process that is to die: the flow of one job, with a witness around each call."""

from __future__ import annotations

import ctypes
import functools
import itertools
import os
import pickle
import signal
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from longshore.contracts.deaths import Outcome, Plan
from longshore.errors import LongshoreError
from longshore.flows import Flow
from longshore.jobs.protocol import JobFinished, JobRunning
from longshore.stores.locations import open_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore.jobs.tasks import Job


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
    """Have the job's methods, and the store's, write down their calls, and die at the plan's point."""
    kind = type(plan.job)
    watch = _Witness(plan)
    for name in ("submit", "poll", "result", "discard", "cancel"):
        setattr(kind, name, watch.around(name, getattr(kind, name)))
    if plan.store is not None:
        recorder: Any = type(open_store(plan.store))
        recorder.write = watch.around_commit(recorder.write)


class _Witness:
    """Writes down what happens, and dies where it is told to."""

    def __init__(self, plan: Plan) -> None:
        self._point, self._way, self._folder = plan.point, plan.way, plan.folder
        self._asked_to_stop = False
        self._commits = itertools.count(1)

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

    def around_commit(self, write: Callable[..., None]) -> Callable[..., None]:
        """Return what does the same as a store's `write`, between two points that are counted."""

        @functools.wraps(write)
        def witnessed(*args: Any) -> None:
            number = next(self._commits)
            self._passes(f"before commit {number}")
            write(*args)
            self._passes(f"after commit {number}")

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
