"""Steps in Longshore: `steps_longshore.py STEPS REPEATS SHAPE EXECUTOR`."""

from __future__ import annotations

import logging
import sys

from clock import STEPS, report

from longshore import Flow, InlineExecutor, ThreadExecutor, task

SHAPE = sys.argv[3] if len(sys.argv) > 3 else "plain"
EXECUTOR = ThreadExecutor(8) if sys.argv[4:] == ["threads"] else InlineExecutor()


@task
def step(n: int) -> int:
    return n


def build() -> Flow:
    with Flow("bench", executor=EXECUTOR) as made:
        if SHAPE == "mapped":
            step.map(range(STEPS))
        elif SHAPE == "chain":
            last = 0
            for _ in range(STEPS):
                last = step(last)
        else:
            for n in range(STEPS):
                step(n)
    made.check()
    return made


def run(made: Flow) -> None:
    assert made.run().succeeded


logging.basicConfig(level=logging.WARNING)
report(build, run)
