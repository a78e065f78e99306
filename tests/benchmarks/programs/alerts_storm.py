"""Failures that come together, told to Slack that refuses every second call: `alerts_storm.py STEPS REPEATS`.

Prints the seconds of the run with alerts and without, the calls and messages, and the memory that the alerts
take above that of the run.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from clock import STEPS

from longshore import Flow, InlineExecutor, Secret, SQLiteStore, flush_alerts, task
from longshore_slack import SlackAlert
from longshore_slack.testing import SlackServer


@task
def step(n: int) -> int:
    raise ValueError(f"no {n}")


def peak() -> int:
    """Return the most memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def run(flow: Flow, store: SQLiteStore) -> float:
    """Return the seconds of a run."""
    began = time.perf_counter()
    flow.run(store=store)
    return time.perf_counter() - began


logging.basicConfig(level=logging.CRITICAL)
with SlackServer() as server, tempfile.TemporaryDirectory() as folder:
    server.add_channel("bench")
    server.fail("chat.*", kind="429", times=None, every=2)
    os.environ["BENCH_SLACK_TOKEN"] = server.token
    alert = SlackAlert("#bench", token=Secret("env:BENCH_SLACK_TOKEN"), base_url=server.base_url)
    store = SQLiteStore(Path(folder) / "runs.db")
    flows: list[Flow] = []
    for watchers in ((), (alert,)):
        with Flow("bench", executor=InlineExecutor(), step_handlers=watchers) as flow:
            step.map(range(STEPS))
        flows.append(flow)
    bare, before = run(flows[0], store), peak()
    alerted = run(flows[1], store)
    flush_alerts(30)
    posts = [call for call in server.calls if call.method.startswith("chat.")]
    told = server.messages("bench")
    figures = {
        "bare": bare,
        "alerted": alerted,
        "calls": len(posts),
        "messages": len(told),
        "gap": min((b.time - a.time for a, b in itertools.pairwise(posts)), default=None),
        "whole": f"{STEPS:,} times" in json.dumps([message.blocks for message in told]),
        "memory": peak() - before,
    }
    store.close()
print(json.dumps(figures))
