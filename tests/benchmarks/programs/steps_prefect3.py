"""Steps in Prefect 3, one after the other; the CPU time of the server that it starts is not counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clock import STEPS, report
from prefect import flow, task


@task
def step(n: int) -> int:
    return n


def build() -> Callable[[], Any]:
    @flow
    def bench() -> int:
        return sum(1 for n in range(STEPS) if step(n) == n)

    return bench


def run(bench: Callable[[], Any]) -> None:
    assert bench() == STEPS


report(build, run)
