"""Flows that are killed and resumed: `python -m resumable SHAPE EXECUTOR STORE RUN_ID EFFECTS [URL]`.

Each step appends its name and the time to the file of effects as it begins.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from typing import Any

from sample_jobs import RemoteJob

from longshore import Flow, InlineExecutor, ProcessExecutor, ThreadExecutor, task
from longshore.executors import ExecutorLike
from longshore.stores.errors import RunNotFoundError
from longshore.stores.interface import RunStore
from longshore.stores.locations import open_store

WORKERS = {"inline": 1, "threads": 4, "processes": 2}
EXECUTORS: dict[str, ExecutorLike] = {
    "inline": InlineExecutor(),
    "threads": ThreadExecutor(WORKERS["threads"]),
    "processes": ProcessExecutor(WORKERS["processes"]),
}
STEPS = 100
JOBS = 40
LANES, LONG, EVERY = 4, 50, 5
"""The mixed flow: four chains of 50 steps, of which every fifth is a job: 200 steps, 40 of them jobs."""
_WORK = 0.01
"""Seconds that a step takes."""


@task
def work(n: int, name: str, effects: str) -> int:
    """Have an effect, and take a little while."""
    place = os.open(effects, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(place, f"{name} {time.time()}\n".encode())
    os.close(place)
    time.sleep(_WORK)
    return n + 1


def chain(effects: str, url: str) -> Flow:
    with Flow("chain") as flow:
        value: Any = 0
        for n in range(STEPS):
            value = work.replace(name=f"step-{n}")(value, f"step-{n}", effects)
    return flow


def wide(effects: str, url: str) -> Flow:
    with Flow("wide") as flow:
        work.replace(name="wide").map(range(STEPS), [f"wide-{n}" for n in range(STEPS)], [effects] * STEPS)
    return flow


def fan(effects: str, url: str) -> Flow:
    with Flow("fan") as flow:
        RemoteJob(url=url, name="fan", poll_interval=0.1).map(
            seconds=[0.05 * (n % 7) for n in range(JOBS)],
            value=list(range(JOBS)),
            lines=[[f"{effects} {n}"] for n in range(JOBS)],
        )
    return flow


def mixed(effects: str, url: str, retries: int = 0) -> Flow:
    job = RemoteJob(url=url, poll_interval=0.1, retries=retries)
    with Flow("mixed") as flow:
        for lane in range(LANES):
            value: Any = 1000 * lane
            for n in range(LONG):
                name = f"lane-{lane}-{n}"
                if n % EVERY == EVERY - 1:
                    value = job.replace(name=name)(
                        seconds=0.02 * (n % 7), value=value, lines=[f"{effects} {name}"]
                    )
                else:
                    value = work.replace(name=name)(value, name, effects)
    return flow


def flaky(effects: str, url: str) -> Flow:
    return mixed(effects, url, retries=1)


SHAPES = {"chain": chain, "wide": wide, "fan": fan, "mixed": mixed, "flaky": flaky}


def expected(shape: str) -> dict[str, Any]:
    """Return the results that the last steps of a flow must have."""
    if shape == "chain":
        return {f"step-{STEPS - 1}": STEPS}
    if shape == "wide":
        return {"wide": [n + 1 for n in range(STEPS)]}
    if shape == "fan":
        return {"fan": list(range(JOBS))}
    counted = LONG - LONG // EVERY
    return {f"lane-{lane}-{LONG - 1}": 1000 * lane + counted for lane in range(LANES)}


def recorded(shape: str, store: RunStore, run_id: str) -> dict[str, Any]:
    """Return the results that a run left in its store."""
    found: dict[str, Any] = {}
    for step in store.steps(run_id):
        if step.step in expected(shape) and step.result is not None:
            value = store.results.get(step.result)
            if step.map_index < 0:
                found[step.step] = value
            else:
                found.setdefault(step.step, [None] * len(expected(shape)[step.step]))[step.map_index] = value
    return found


def main() -> None:
    """Start the run, go on with it, or only look at it when it has ended; print its state and results."""
    shape, executor, place, run_id, effects, *url = sys.argv[1:]
    logging.basicConfig(level=logging.WARNING)
    flow, store = SHAPES[shape](effects, *(url or [""])), open_store(place)
    try:
        state = store.run(run_id).state
    except RunNotFoundError:
        state = type(flow.run(run_id=run_id, store=store, executor=EXECUTORS[executor]).state).__name__
    else:
        if state != "Success":
            state = type(flow.resume(run_id, store=store, executor=EXECUTORS[executor]).state).__name__
    print(json.dumps({"state": state, "results": recorded(shape, store, run_id)}))
    store.close()


if __name__ == "__main__":
    main()
