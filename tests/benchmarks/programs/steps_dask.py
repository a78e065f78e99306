"""Steps in Dask, in one thread: `steps_dask.py STEPS REPEATS`; or in eight, `... threads`."""

from __future__ import annotations

import sys
from typing import Any

import dask
from clock import STEPS, report

WHERE = {"scheduler": "threads", "num_workers": 8} if sys.argv[3:] else {"scheduler": "synchronous"}


@dask.delayed(pure=False)
def step(n: int) -> int:
    return n


def run(steps: list[Any]) -> None:
    assert len(dask.compute(*steps, **WHERE)) == STEPS


report(lambda: [step(n) for n in range(STEPS)], run)
