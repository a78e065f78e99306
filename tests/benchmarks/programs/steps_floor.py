"""The floor: a bare loop that calls a function and makes the two states which every step has."""

from __future__ import annotations

from clock import STEPS, report

from longshore import Running, State, Success


def step(n: int) -> int:
    return n


def run(inputs: range) -> None:
    states: list[tuple[State, State]] = [(Running(attempt=1), Success(step(n))) for n in inputs]
    assert len(states) == STEPS


report(lambda: range(STEPS), run)
