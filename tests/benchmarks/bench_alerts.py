"""What alerts cost a run while their channel is well, slow, down or silent; beside a call in a handler."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from environments import run_program
from tables import Cell, Table, ratio

PROGRAMS = Path(__file__).parent / "programs"
STEPS = 2_000
REPEATS = 9
STORM = 10_000
CALLS = 50
"""Steps with a call each: the peer's take seconds."""


def figures(program: str, *arguments: object) -> dict[str, Any]:
    """Return what a program prints."""
    return dict(json.loads(run_program("longshore", PROGRAMS / f"{program}.py", *arguments).splitlines()[-1]))


def measure(peers: bool) -> Iterator[Table]:
    """Yield the cost of a transition, the comparison with a plain call, and a storm."""
    good, bad = cost("good"), cost("bad")
    yield Table(
        title=f"Alerts of {STEPS:,} steps: wall µs that they add to a transition",
        columns=("channel", "succeeds, no store", "fails, no store", "succeeds, store", "fails, store"),
        rows=[
            (kind, good[kind, "none"], alone(bad, good, kind, "none"), good[kind, "process"],
             alone(bad, good, kind, "process"))
            for kind in ("well", "slow", "down", "refuses", "silent")
        ],
        notes=["A step has two transitions, to Running and to its end; of one that fails it is the second."],
    )  # fmt: skip
    yield beside_a_call(bad)
    yield storm()


def cost(outcome: str) -> dict[tuple[str, str], float]:
    """Return the microseconds a transition, by the channel and the store."""
    return {
        (kind, store): figures("alerts_longshore", STEPS, REPEATS, kind, outcome, store)["added"]
        for kind in ("well", "slow", "down", "refuses", "silent")
        for store in ("none", "process")
    }


def alone(
    bad: dict[tuple[str, str], float], good: dict[tuple[str, str], float], kind: str, store: str
) -> float:
    """Return what the failing transition costs by itself, of the two that a step has."""
    return 2 * bad[kind, store] - good[kind, store]


def beside_a_call(bad: dict[tuple[str, str], float]) -> Table:
    """An alert whose channel behaves so, and `slack_sdk` called in a handler, to a server in its process."""
    rows: list[tuple[Cell, ...]] = []
    for kind, ours in (("well", "well"), ("slow", "slow"), ("refuses", "refuses")):
        peer = figures("alerts_sdk", CALLS, 1 if kind == "slow" else 5, kind)
        ours_added = bad[ours, "none"]
        rows.append((kind, ours_added, peer["added"], ratio(peer["added"], ours_added), peer["messages"]))
    return Table(
        title="A failing step's alert: wall µs a transition",
        columns=("Slack", "Longshore", "slack_sdk in a handler", "to Longshore's", "its messages of 50"),
        rows=rows,
        notes=["Slow: 5 s a call, 0.5 s for slack_sdk. Refuses: every call, every second one of slack_sdk."],
    )


def storm() -> Table:
    """Ten thousand failures while Slack refuses every second call."""
    told = figures("alerts_storm", STORM, 1)
    rows: list[tuple[Cell, ...]] = [
        ("seconds of the run without alerts", told["bare"]),
        ("seconds of the run with them", told["alerted"]),
        ("calls of Slack", told["calls"]),
        ("messages", told["messages"]),
        ("least seconds between two calls", told["gap"]),
        ("the count adds up", "yes" if told["whole"] else "no"),
        ("MiB above the run without alerts", told["memory"] / 2**20),
    ]
    return Table(title=f"{STORM:,} failures, 429 to every second call, recorded", columns=("", ""), rows=rows)
