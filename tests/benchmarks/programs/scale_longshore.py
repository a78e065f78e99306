"""Build a chain or run a map: `scale_longshore.py STEPS REPEATS chain|mapped`; CPU and peak memory."""

from __future__ import annotations

import gc
import json
import logging
import resource
import statistics
import sys

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


logging.basicConfig(level=logging.WARNING)
WORK = {"chain": chain, "mapped": mapped}[sys.argv[3]]
WORK()
# The memory of one run, before repeating leaves holes in the heap.
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
times: list[float] = []
for _ in range(REPEATS):
    gc.collect()
    times.append(cpu_of(WORK)[0])
print(json.dumps({"cpu": statistics.median(times), "rss": peak}))
