"""Calls in a bare pool of eight threads: the floor for steps in threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from clock import STEPS, report


def step(n: int) -> int:
    return n


def run(inputs: range) -> None:
    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(step, n) for n in inputs]
        assert sum(1 for future in futures if future.result() is not None) == STEPS


report(lambda: range(STEPS), run)
