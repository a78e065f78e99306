"""What the programs share: CPU time per step, as one line of JSON. Runs on every peer's Python."""

from __future__ import annotations

import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

STEPS = int(sys.argv[1]) if len(sys.argv) > 1 else 100
REPEATS = int(sys.argv[2]) if len(sys.argv) > 2 else 3


def cpu_of(call: Callable[[], Any]) -> tuple[float, Any]:
    """Return the CPU seconds of this process, all its threads together, and what the call returned."""
    began = time.process_time()
    result = call()
    return time.process_time() - began, result


def report(build: Callable[[], Any], run: Callable[[Any], Any]) -> None:
    """Print the median CPU microseconds per step of building and of running; a first run is not counted.

    Args:
        build: Makes `STEPS` steps.
        run: Runs what `build` made, to its end; it must raise if a step did not succeed.
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
        json.dumps({"build": statistics.median(built) * per_step, "run": statistics.median(ran) * per_step})
    )
