"""Build a chain, or run a flow: `scale_longshore.py STEPS REPEATS SHAPE`; CPU and peak memory."""

from __future__ import annotations

import gc
import json
import logging
import resource
import statistics
import sys
from typing import Any

from clock import REPEATS, STEPS, cpu_of

from longshore import Flow, FlowRun, InlineExecutor, task


@task
def step(n: int) -> int:
    return n


def chain() -> Flow:
    with Flow("chain") as made:
        last = 0
        for _ in range(STEPS):
            last = step(last)
    made.check()
    return made


def mapped() -> FlowRun:
    with Flow("mapped") as made:
        step.map(range(STEPS))
    done = made.run(executor=InlineExecutor())
    assert done.succeeded
    return done


@task
def join(*numbers: int) -> int:
    return len(numbers)


def layered() -> FlowRun:
    """Run layers of a hundred steps, each of which takes two results of the layer before."""
    with Flow("layered") as made:
        layer: list[Any] = [step(n) for n in range(100)]
        for _ in range(STEPS // 100 - 1):
            layer = [join(layer[n], layer[(n + 1) % 100]) for n in range(100)]
    return _ran(made)


def diamond() -> FlowRun:
    """Run one step, as many behind it as asked for, and one behind all of those."""
    with Flow("diamond") as made:
        top = step(0)
        join(*[step(top) for _ in range(STEPS)])
    return _ran(made)


def chained() -> FlowRun:
    """Run a chain."""
    return _ran(chain())


def independent() -> FlowRun:
    """Run steps that have nothing to do with each other."""
    with Flow("independent") as made:
        for n in range(STEPS):
            step(n)
    return _ran(made)


def _ran(made: Flow) -> FlowRun:
    done = made.run(executor=InlineExecutor())
    assert done.succeeded
    return done


logging.basicConfig(level=logging.WARNING)
WORK = {work.__name__: work for work in (chain, mapped, layered, diamond, chained, independent)}[sys.argv[3]]
WORK()
# The memory of one run, before repeating leaves holes in the heap.
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
times: list[float] = []
for _ in range(REPEATS):
    gc.collect()
    times.append(cpu_of(WORK)[0])
print(json.dumps({"cpu": statistics.median(times), "rss": peak}))
