"""Observers that hang, meddle, or are many: the run does not notice, in bounded time (row N6)."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from longshore import (
    BestEffort,
    Failed,
    Flow,
    InlineExecutor,
    State,
    Subject,
    ThreadExecutor,
    current,
    hookimpl,
    plugins,
    task,
)
from longshore.lanes import drain
from longshore.testing import Recorder

HERE = InlineExecutor()


@task
def work(n: int = 1) -> int:
    if n < 0:
        raise OSError(f"no {n}")
    return n


@task
def listed(items: list[int]) -> list[int]:
    return items


@pytest.fixture
def asleep() -> Iterator[Callable[..., None]]:
    """A handler that sleeps for an hour, or until the test is over."""
    over = threading.Event()

    def sleep(subject: Subject, old: State, new: State) -> None:
        over.wait(3600)

    yield sleep
    over.set()
    drain(5)


@pytest.mark.gate("N6")
def test_an_observer_that_sleeps_for_an_hour_costs_one_run_a_second_and_the_next_ones_nothing(
    asleep: Callable[..., None],
) -> None:
    with Flow("watched", step_handlers=BestEffort(asleep)) as watched:
        work.map([1, 2, 3])
    began = time.monotonic()
    assert watched.run().results["work"] == [1, 2, 3]
    assert time.monotonic() - began < 10
    with Flow("other") as other:
        work()
    time.sleep(max(0.0, began + 1.5 - time.monotonic()))
    began = time.monotonic()
    assert all(watched.run().succeeded and other.run().succeeded for _ in range(5))
    assert time.monotonic() - began < 6, "each run waited a second for the same sleeper"


@pytest.mark.gate("N6")
def test_a_process_ends_though_an_observer_never_does() -> None:
    program = (
        "import time\nfrom longshore import BestEffort, task\n"
        "@task(state_handlers=BestEffort(lambda *_: time.sleep(3600)))\n"
        "def work(): return 'done'\n"
        "print(work())\n"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert time.monotonic() - began < 15


@pytest.mark.gate("N6")
@pytest.mark.parametrize("place", ["task", "flow", "step"])
def test_an_observer_cannot_change_a_state_a_result_or_an_input(place: str) -> None:
    def meddle(subject: Subject, old: State, new: State) -> State:
        subject.inputs.get("items", []).append(99)
        if subject.kind == "task":
            object.__setattr__(subject, "name", "renamed")
            object.__setattr__(subject, "state", Failed())
        return Failed(message="meddled")

    observer, told = BestEffort(meddle), Recorder()
    given: dict[str, Any] = {"flow": {"state_handlers": (observer,)}, "step": {"step_handlers": (observer,)}}
    with Flow("meddled", **given.get(place, {})) as meddled:
        own = (observer, told) if place == "task" else (told,)
        listed.replace(state_handlers=own)([1, 2])
    run = meddled.run(executor=HERE)
    assert run.succeeded
    assert run.results["listed"] == [1, 2]
    assert told.seen == [("listed", "Pending", "Running"), ("listed", "Running", "Success")]
    assert told.subjects[-1].error is None


def test_an_observer_knows_the_step_that_it_is_called_for(caplog: pytest.LogCaptureFixture) -> None:
    def watch(subject: Subject, old: State, new: State) -> None:
        current.log.info("watching %s", current.name)
        raise OSError("the pager is down")

    caplog.set_level(logging.INFO, "longshore")
    with Flow("watched", step_handlers=BestEffort(watch)) as watched:
        work.map([1])
    run = watched.run()
    drain(5)
    said = [r for r in caplog.records if r.getMessage().startswith(("watching", "best-effort"))]
    assert len(said) == 4
    assert {(r.flow, r.run_id, r.step, r.map_index) for r in said} == {("watched", run.run_id, "work", 0)}  # type: ignore[attr-defined]


def test_the_same_observer_in_two_runs_at_once_hears_each_transition_once() -> None:
    told = Recorder()
    with Flow("shared", step_handlers=BestEffort(told)) as shared:
        work.map(list(range(50)))
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: shared.run(executor=ThreadExecutor(2)), range(4)))
    drain(5)
    heard = [(s.run_id, label, new) for s, (label, _, new) in zip(told.subjects, told.seen, strict=True)]
    expected = {
        (r.run_id, f"work[{i}]", new) for r in runs for i in range(50) for new in ("Running", "Success")
    }
    assert len(heard) == len(expected) == 400
    assert set(heard) == expected


def test_calls_in_a_script_share_one_thread_for_each_plugin_that_watches() -> None:
    class Watcher:
        def __init__(self) -> None:
            self.seen: list[str] = []

        @hookimpl
        def longshore_state_changed(self, subject: Subject, new: State) -> None:
            self.seen.append(type(new).__name__)

    watcher = Watcher()
    plugins.host().register(watcher)
    try:
        before = threading.active_count()
        for n in range(200):
            work(n)
        assert threading.active_count() - before < 10
        drain(5)
    finally:
        plugins.host().unregister(watcher)
    assert watcher.seen == ["Running", "Success"] * 200
