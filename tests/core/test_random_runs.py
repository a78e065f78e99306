"""Random flows with failures, retries, timeouts, skips and cancels: no hang, nothing unfinished."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from longshore import (
    Cancelled,
    Failed,
    Flow,
    InlineExecutor,
    Retry,
    Skip,
    Skipped,
    Success,
    TaskCancelled,
    ThreadExecutor,
    TimedOut,
    TriggerFailed,
    all_finished,
    any_failed,
    current,
    task,
)
from longshore.testing import Recorder

BEHAVIOURS = ("ok", "fail", "skip", "retry", "flaky", "late")


@task(retries=2)
def behave(how: str, before: list[Any]) -> str:
    if how == "fail":
        raise ValueError("as told")
    if how == "skip":
        raise Skip("as told")
    if how == "retry":
        raise Retry("again", after=0.001)
    if how == "flaky" and current.attempt < 2:
        raise ConnectionError("once")
    if how == "late":
        time.sleep(0.06)
    return how


steps = st.lists(
    st.tuples(
        st.sampled_from(BEHAVIOURS),
        st.lists(st.integers(0, 11), max_size=3),
        st.sampled_from([None, all_finished, any_failed]),
        st.sampled_from([None, "few:1", "some:2"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=12,
)


def build(plan: list[Any], recorder: Recorder) -> Flow:
    with Flow("random", step_handlers=(recorder,), limits={"few": 1, "some": 2}) as flow:
        made: list[Any] = []
        for how, before, trigger, limit, mapped in plan:
            chosen = behave.replace(limit=limit, timeout=0.03 if how == "late" else None)
            chosen = chosen if trigger is None else chosen.replace(trigger=trigger)
            upstream = [made[i] for i in before if i < len(made)]
            made.append(chosen.map([how, "ok"], before=[upstream, []]) if mapped else chosen(how, upstream))
    return flow


@pytest.mark.gate("C4")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plan=steps, inline=st.booleans())
def test_a_random_flow_ends_and_every_step_of_it_has_ended(plan: list[Any], inline: bool) -> None:
    recorder = Recorder()
    run = build(plan, recorder).run(executor=InlineExecutor() if inline else ThreadExecutor(3))

    states = [s for name in run.states for s in run.mapped_states[name] or (run.states[name],)]
    assert all(state.finished for state in states)
    assert run.succeeded == (not any(isinstance(state, Failed) for state in states))
    attempts = [new for _, _, new in recorder.seen if new == "Running"]
    assert len(attempts) <= 3 * len(states)
    ended = [s for s in recorder.states if s.finished]
    assert len(ended) == len(states), "each step ends once"
    for name, (how, before, trigger, _, mapped) in zip(run.states, plan, strict=True):
        if before or mapped or trigger is not None:
            continue
        expected = {"ok": Success, "flaky": Success, "skip": Skipped, "late": TimedOut}.get(how, Failed)
        assert type(run.states[name]) is expected


@pytest.mark.gate("C4")
def test_cancelling_at_random_moments_leaves_nothing_unfinished(
    gate_count: Callable[[int, int], int],
) -> None:
    chance = random.Random(4)
    for _ in range(gate_count(25, 2000)):
        plan = [
            (
                chance.choice(BEHAVIOURS),
                [chance.randrange(12)],
                chance.choice([None, all_finished]),
                None,
                chance.random() < 0.5,
            )
            for _ in range(12)
        ]
        flow = build(plan, Recorder())
        caught: list[Any] = []
        moment = chance.random() * 0.05

        @task(timeout=moment + 0.001)
        def outer(flow: Flow = flow, caught: list[Any] = caught) -> None:
            try:
                caught.append(flow.run(executor=ThreadExecutor(2)))
            except TaskCancelled as error:
                caught.append(error)

        with Flow("outer") as around:
            outer()
        began = time.monotonic()
        state = around.run().states["outer"]
        assert time.monotonic() - began < 10
        assert isinstance(state, Success | TimedOut | Failed | Cancelled)
        if not isinstance(state, Success):
            assert isinstance(state, TimedOut)


def test_nothing_of_a_run_stays_behind_but_idle_threads() -> None:
    with Flow("threads") as threads:
        behave.map(["ok"] * 50, before=[[]] * 50)
    threads.run()
    time.sleep(0.2)
    before = threading.active_count()
    for _ in range(10):
        threads.run()
    time.sleep(0.3)
    assert threading.active_count() <= before + 2


def test_a_step_behind_a_failure_is_trigger_failed_and_names_the_trigger() -> None:
    with Flow("behind") as behind:
        behave("ok", [behave.replace(retries=0)("fail", [])])
    state = behind.run().states["behave-2"]
    assert isinstance(state, TriggerFailed)
    assert "all_successful does not hold: 1 of 1" in state.message
