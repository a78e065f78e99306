"""What alerts add to a transition: `alerts_longshore.py STEPS REPEATS CHANNEL OUTCOME STORE`.

CHANNEL is `well`, `slow`, `down`, `refuses` or `silent`; OUTCOME `good` or `bad`; STORE `none` or `process`.
Prints the wall microseconds a transition without alerts, what they add, and the peak memory.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from clock import REPEATS, STEPS

from longshore import Alert, Channel, DeliveryError, Flow, InlineExecutor, Message, SQLiteStore, task

KIND, OUTCOME, STORE = sys.argv[3:6]
TRANSITIONS = 2 * STEPS


@dataclass(frozen=True)
class Benched(Channel):
    """Answers as its name says."""

    scheme = "benched"
    name: str

    def send(self, message: Message) -> None:
        """Take a message, or do not."""
        if self.name == "slow":
            time.sleep(5)
        elif self.name == "down":
            raise DeliveryError("connection refused")
        elif self.name == "refuses":
            raise DeliveryError("429", retry_after=1.0)
        elif self.name == "silent":
            threading.Event().wait()


@task
def step(n: int) -> int:
    if OUTCOME == "bad":
        raise ValueError(f"no {n}")
    return n


def made(*, alerts: bool) -> Flow:
    """Return the flow, with alerts or without."""
    watchers = (Alert(Benched(KIND)),) if alerts else ()
    with Flow("bench", executor=InlineExecutor(), step_handlers=watchers) as flow:
        step.map(range(STEPS))
    return flow


def seconds(flow: Flow, store: SQLiteStore | None) -> float:
    """Return the seconds of one run."""
    began = time.perf_counter()
    flow.run(store=store)
    return time.perf_counter() - began


logging.basicConfig(level=logging.CRITICAL)
folder = Path(tempfile.mkdtemp())
store = None if STORE == "none" else SQLiteStore(folder / "runs.db")
bare, alerted = made(alerts=False), made(alerts=True)
seconds(bare, store), seconds(alerted, store)
# By turns, so that what else the machine does falls on both.
pairs = [(seconds(bare, store), seconds(alerted, store)) for _ in range(REPEATS)]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
without = statistics.median(pair[0] for pair in pairs)
added = statistics.median(pair[1] - pair[0] for pair in pairs)
per = 1e6 / TRANSITIONS
print(json.dumps({"bare": without * per, "added": added * per, "rss": peak}), flush=True)
os._exit(0)  # the alerts are of no interest
