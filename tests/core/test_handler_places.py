"""Where state handlers are put, and in which order they are called."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from longshore import (
    BestEffort,
    Cache,
    Cached,
    ConfigurationError,
    Failed,
    Flow,
    HandlerError,
    InlineExecutor,
    On,
    Retrying,
    State,
    Subject,
    Success,
    ThreadExecutor,
    hookimpl,
    plugins,
    task,
)
from longshore.testing import Recorder, isolated_process_state

HERE = InlineExecutor()


@task
def work(n: int = 1) -> int:
    if n < 0:
        raise OSError(f"no {n}")
    return n


class Offered:
    """A plugin with a state handler for everything."""

    def __init__(self, handler: Any) -> None:
        self.handler = handler

    @hookimpl
    def longshore_state_handlers(self) -> list[Any]:
        return [self.handler]


@pytest.fixture
def offer() -> Iterator[Any]:
    with isolated_process_state():
        yield lambda handler: plugins.host().register(Offered(handler))


def test_a_tasks_handlers_come_first_then_the_flows_for_steps_then_those_of_plugins(offer: Any) -> None:
    told: list[str] = []

    def adds(word: str) -> Any:
        def handler(subject: Subject, old: State, new: State) -> State | None:
            told.append(f"{subject.kind} {word}")
            return Success([*new.result, word]) if type(new) is Success and subject.kind == "task" else None

        return handler

    @task(state_handlers=[adds("first"), adds("second")])
    def begin() -> list[str]:
        return []

    offer(adds("plugin"))
    with Flow("ordered", step_handlers=[adds("step")], state_handlers=[adds("flow")]) as ordered:
        begin()
    run = ordered.run(executor=HERE)
    assert run.results["begin"] == ["first", "second", "step", "plugin"]
    steps = ["task first", "task second", "task step", "task plugin"]
    assert told == ["flow flow", "flow plugin", *steps, *steps, "flow flow", "flow plugin"]
    told.clear()
    assert begin() == ["first", "second", "plugin"]


def test_a_plugins_handler_that_breaks_fails_the_run_and_is_named(offer: Any) -> None:
    def quota(subject: Subject, old: State, new: State) -> State | None:
        raise OSError("quota service is down")

    offer(On(Success, quota))
    with Flow("watched") as watched:
        work()
    run = watched.run(executor=HERE)
    assert isinstance(run.state, Failed)
    assert isinstance(run.state.error, HandlerError)
    assert "quota) on 'work', Running to Success: OSError: quota service is down" in run.state.message


@pytest.mark.parametrize("executor", [HERE, ThreadExecutor(4)], ids=["inline", "threads"])
def test_each_transition_of_each_step_is_told_once(executor: Any) -> None:
    told: Counter[tuple[str, str, str, int]] = Counter()
    lock = threading.Lock()

    def count(subject: Subject, old: State, new: State) -> None:
        with lock:
            told[subject.label, type(old).__name__, type(new).__name__, subject.attempt] += 1

    with Flow("counted", step_handlers=[count]) as counted:
        numbers = work.replace(retries=1).map(list(range(-5, 5)))
        work.map(numbers)
        work(work(-1))
    counted.run(executor=executor)
    assert set(told.values()) == {1}
    ends = Counter(label for label, _, new, _ in told if new not in ("Running", "Retrying"))
    assert len(ends) == 22
    assert set(ends.values()) == {1}
    assert Counter(new for _, _, new, _ in told) == {
        "Running": 10 + 5 + 5 + 1,
        "Retrying": 5,
        "Success": 10,
        "Failed": 6,
        "TriggerFailed": 6,
    }


def test_lists_of_handlers_are_copied_and_shared_with_nobody() -> None:
    told = Recorder()
    given: list[Any] = [told]
    with Flow("copied", state_handlers=given, step_handlers=given) as copied:
        work.replace(state_handlers=given)()
    given.append(On(Success, lambda *_: Failed(message="added later")))
    assert copied.run(executor=HERE).succeeded
    assert len(told.seen) == 2 + 2 * 2
    assert Flow("other").state_handlers == ()
    assert work.state_handlers == ()


def test_one_handler_may_stand_alone_on_a_flow_too() -> None:
    told, steps = Recorder(), BestEffort(Recorder())
    with Flow("alone", state_handlers=told, step_handlers=steps) as alone:
        work()
    assert (alone.state_handlers, alone.step_handlers) == ((told,), (steps,))
    assert alone.run(executor=HERE).succeeded
    assert [new for _, _, new in told.seen] == ["Running", "Success"]


@pytest.mark.parametrize("given", ["print", ["print"], [None], (print, 3)])
def test_what_cannot_be_called_is_refused_when_the_flow_is_made(given: Any) -> None:
    for place in ("state_handlers", "step_handlers"):
        with pytest.raises(ConfigurationError, match=rf"Flow\('wrong', {place}=...\) got .*give callables"):
            Flow("wrong", **{place: given})


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan")])
def test_no_time_for_a_handler_is_refused(seconds: float) -> None:
    with pytest.raises(ConfigurationError, match=r"handler_timeout=.*give seconds above 0"):
        Flow("wrong", handler_timeout=seconds)


def test_handlers_hear_of_a_cached_result_as_one_transition() -> None:
    told = Recorder()
    with Flow("cached") as cached:
        kept = work.replace(cache=Cache(), state_handlers=told)
        kept(kept(kept(3)))
    with isolated_process_state():
        cached.run(executor=HERE)
    assert told.entered("work") == ["Running", "Success"]
    assert told.entered("work-2") == told.entered("work-3") == ["Cached"]
    assert isinstance(told.states[-1], Cached)


def test_on_several_states_tells_of_each_attempt_and_then_of_the_end() -> None:
    told = Recorder()
    with Flow("retries") as retries:
        work.replace(retries=2, state_handlers=On((Retrying, Failed), told))(-1)
    retries.run(executor=HERE)
    assert told.entered("work") == ["Retrying", "Retrying", "Failed"]
    assert [(s.attempt, s.attempts, str(s.error)) for s in told.subjects] == [
        (1, 3, "no -1"),
        (2, 3, "no -1"),
        (3, 3, "no -1"),
    ]
