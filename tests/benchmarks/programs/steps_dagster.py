"""Steps in Dagster, in its own process and with its instance in memory."""

from __future__ import annotations

import logging
from typing import Any

from clock import STEPS, report
from dagster import DagsterInstance, job, op


@op
def step() -> int:
    return 1


def build() -> Any:
    @job(config={"loggers": {"console": {"config": {"log_level": "WARNING"}}}})
    def bench() -> None:
        for n in range(STEPS):
            step.alias(f"step_{n}")()

    return bench


def run(bench: Any) -> None:
    with DagsterInstance.ephemeral() as instance:
        assert bench.execute_in_process(instance=instance).success


logging.basicConfig(level=logging.WARNING)
report(build, run)
