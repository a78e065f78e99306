"""What the programs share: CPU time per step, as one line of JSON. Runs on every peer's Python."""

from __future__ import annotations

import gc
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

STEPS = int(sys.argv[1]) if sys.argv[1:] and sys.argv[1].isdigit() else 100
REPEATS = int(sys.argv[2]) if sys.argv[2:] and sys.argv[2].isdigit() else 3


def cpu_of(call: Callable[[], Any]) -> tuple[float, Any]:
    """Return the CPU seconds of this process, all its threads together, and what the call returned."""
    began = time.process_time()
    result = call()
    return time.process_time() - began, result


def report(build: Callable[[], Any], run: Callable[[Any], Any], results: TextIO | None = None) -> None:
    """Print the median CPU microseconds per step of building and of running; a first run is not counted.

    Args:
        build: Makes `STEPS` steps.
        run: Runs what `build` made, to its end; it must raise if a step did not succeed.
        results: Where to, if standard output is another's.
    """
    run(build())
    built: list[float] = []
    ran: list[float] = []
    for _ in range(REPEATS):
        gc.collect()
        seconds, graph = cpu_of(build)
        built.append(seconds)
        ran.append(cpu_of(lambda graph=graph: run(graph))[0])
        del graph
    per_step = 1e6 / STEPS
    print(
        json.dumps({"build": statistics.median(built) * per_step, "run": statistics.median(ran) * per_step}),
        file=results,
        flush=True,
    )


def swallow_output() -> TextIO:
    """Send standard output, where the libraries log, to nowhere; return where it went before."""
    before = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return before


def report_wall(call: Callable[[], Any], results: TextIO) -> None:
    """Print the wall seconds of one call, and the process's peak memory in bytes, as JSON."""
    import resource

    began = time.perf_counter()
    call()
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps({"seconds": seconds, "rss": peak}), file=results, flush=True)


def report_steps(call: Callable[[], Any]) -> None:
    """Print the median wall microseconds a step of a call that makes `STEPS`; a first call does not count."""
    call()
    seconds: list[float] = []
    for _ in range(REPEATS):
        gc.collect()
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    print(json.dumps({"step": statistics.median(seconds) * 1e6 / STEPS}))
