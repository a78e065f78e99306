"""Trivial steps on a cluster of two processes: `dask_longshore.py STEPS REPEATS`; wall seconds by way."""

from __future__ import annotations

import gc
import json
import logging
import resource
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from clock import REPEATS, STEPS
from distributed import Client

from longshore import Flow
from longshore.contracts.trips import double
from longshore_dask import DaskExecutor


def mapped(executor: DaskExecutor, steps: int = STEPS) -> None:
    with Flow("mapped") as made:
        double.map(range(steps))
    assert made.run(executor=executor).succeeded


def independent(executor: DaskExecutor) -> None:
    with Flow("independent") as made:
        for n in range(STEPS):
            double(n)
    assert made.run(executor=executor).succeeded


def bare(client: Client) -> None:
    futures = [client.submit(double.fn, n, pure=False) for n in range(STEPS)]
    assert len(client.gather(futures)) == STEPS


def seconds_of(call: Callable[[], Any]) -> float:
    gc.collect()
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    logging.basicConfig(level=logging.WARNING)
    # The scheduler is in this process, so the driver's memory is with what the scheduler remembers.
    options: dict[str, Any] = {"dashboard_address": "127.0.0.1:0", "set_as_default": False}
    with Client(n_workers=2, threads_per_worker=1, **options) as client, DaskExecutor(client) as executor:
        mapped(executor, 100)
        before = peak()
        mapped(executor)
        found: dict[str, Any] = {"bytes": (peak() - before) / STEPS}
        ways: dict[str, Callable[[], None]] = {
            "dask": lambda: bare(client),
            "mapped": lambda: mapped(executor),
            "independent": lambda: independent(executor),
        }
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(REPEATS):  # in turns: a machine has moods
            for name, way in ways.items():
                times[name].append(seconds_of(way))
    print(json.dumps({**found, **{name: statistics.median(taken) for name, taken in times.items()}}))


if __name__ == "__main__":
    main()
