"""Steps in Luigi, with its local scheduler and one worker."""

from __future__ import annotations

import itertools
import logging

import luigi
from clock import STEPS, report

DONE: set[tuple[int, int]] = set()
ROUNDS = itertools.count()


class Step(luigi.Task):
    round = luigi.IntParameter()
    n = luigi.IntParameter()

    def run(self) -> None:
        DONE.add((self.round, self.n))

    def complete(self) -> bool:
        return (self.round, self.n) in DONE


def build() -> list[Step]:
    number = next(ROUNDS)
    return [Step(round=number, n=n) for n in range(STEPS)]


def run(steps: list[Step]) -> None:
    assert luigi.build(steps, local_scheduler=True, workers=1)
    assert all(step.complete() for step in steps)


logging.basicConfig(level=logging.WARNING)
report(build, run)
