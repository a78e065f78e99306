"""What `slack_sdk` called in a state handler costs: `alerts_sdk.py STEPS REPEATS well|refuses|slow`."""

from __future__ import annotations

import json
import logging
import statistics
import sys
import time
from contextlib import suppress

from clock import REPEATS, STEPS
from slack_sdk import WebClient
from slack_sdk.errors import SlackClientError

from longshore import Failed, Flow, InlineExecutor, On, State, Subject, task
from longshore_slack.testing import SlackServer

KIND = sys.argv[3]


@task
def step(n: int) -> int:
    raise ValueError(f"no {n}")


logging.basicConfig(level=logging.CRITICAL)
with SlackServer() as server:
    server.add_channel("bench")
    if KIND == "refuses":
        server.fail(kind="429", times=None, every=2)
    elif KIND == "slow":
        server.fail(kind="slow", times=None, seconds=0.5)
    client = WebClient(server.token, base_url=server.base_url)

    def post(subject: Subject, old: State, new: State) -> None:
        """Tell Slack, as a handler in a tutorial does."""
        with suppress(SlackClientError):
            client.chat_postMessage(channel="#bench", text=f"{subject.label}: {new.message}")

    seconds: list[float] = []
    flows: list[Flow] = []
    for handlers in ((), (On(Failed, post),)):
        with Flow("bench", executor=InlineExecutor(), step_handlers=handlers) as flow:
            step.map(range(STEPS))
        flows.append(flow)
    pairs: list[tuple[float, float]] = []
    for _ in range(REPEATS):
        for flow in flows:
            began = time.perf_counter()
            flow.run()
            seconds.append(time.perf_counter() - began)
        pairs.append((seconds[-2], seconds[-1]))
    added = statistics.median(b - a for a, b in pairs)
    messages = len(server.messages("bench"))
print(json.dumps({"added": added * 1e6 / (2 * STEPS), "messages": messages // REPEATS}))
