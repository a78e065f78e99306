"""Steps in Prefect 1, with its local executor."""

from __future__ import annotations

from clock import STEPS, report
from prefect import Flow, task
from prefect.executors import LocalExecutor


@task
def step(n: int) -> int:
    return n


def build() -> Flow:
    with Flow("bench") as flow:
        for n in range(STEPS):
            step(n)
    return flow


def run(flow: Flow) -> None:
    assert flow.run(executor=LocalExecutor()).is_successful()


report(build, run)
