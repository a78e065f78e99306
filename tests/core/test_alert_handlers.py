"""Handlers, and rules of alerts, that break in every way: the run is bounded, and so is the process (N6)."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from alert_book import Book, BookChannel

from longshore import (
    Alert,
    BestEffort,
    Failed,
    Flow,
    HandlerError,
    InlineExecutor,
    ProcessExecutor,
    State,
    Subject,
    ThreadExecutor,
    flush_alerts,
    task,
)
from longshore.alerts import deliveries

CHANNEL = BookChannel("handlers")
EXECUTORS = [InlineExecutor(), ThreadExecutor(2), ProcessExecutor(2)]


@pytest.fixture(autouse=True)
def book(monkeypatch: pytest.MonkeyPatch) -> Iterator[Book]:
    monkeypatch.setattr(deliveries, "_here", deliveries.Deliveries())
    deliveries.memory.cache_clear()
    BookChannel.books["handlers"] = Book()
    yield BookChannel.books["handlers"]
    flush_alerts(0)


@task
def load(wrong: bool) -> int:
    if wrong:
        raise ValueError("boom")
    return 1


def raises(*_: Any) -> Any:
    raise RuntimeError("broken")


def loops(*_: Any) -> Any:
    end = time.monotonic() + 2.0
    while time.monotonic() < end:
        pass


def sleeps_an_hour(*_: Any) -> Any:
    threading.Event().wait(3_600)


def exits(*_: Any) -> Any:
    sys.exit(3)


def returns_nonsense(*_: Any) -> Any:
    return object()


def closes_all(*_: Any) -> Any:
    raise KeyboardInterrupt


BROKEN = [raises, loops, sleeps_an_hour, exits, returns_nonsense, closes_all]


@pytest.mark.gate("N6")
@pytest.mark.parametrize("handler", BROKEN)
@pytest.mark.parametrize("executor", EXECUTORS, ids=str)
def test_a_broken_best_effort_handler_leaves_the_state_as_it_is_without_it(
    handler: Callable[..., Any], executor: Any
) -> None:
    outcomes = list[Any]()
    for handlers in ((), (BestEffort(handler, timeout=0.1),)):
        with Flow("observed", state_handlers=handlers, step_handlers=handlers) as observed:
            load(False)
            load.replace(name="other")(True)
        began = time.monotonic()
        run = observed.run(executor=executor)
        states = {name: (type(state), state.message) for name, state in run.states.items()}
        outcomes.append((type(run.state), run.state.message, states))
    assert outcomes[0] == outcomes[1]
    assert time.monotonic() - began < 6


@pytest.mark.gate("N6")
@pytest.mark.parametrize("handler", [loops, sleeps_an_hour, closes_all])
@pytest.mark.parametrize("executor", EXECUTORS, ids=str)
def test_a_broken_deciding_handler_fails_the_run_and_is_named_under_every_executor(
    handler: Callable[..., Any], executor: Any
) -> None:
    with Flow("decided", handler_timeout=0.3, step_handlers=(handler,)) as decided:
        load(False)
    began = time.monotonic()
    run = decided.run(executor=executor)
    assert time.monotonic() - began < 6
    assert isinstance(run.state, Failed)
    assert isinstance(run.state.error, HandlerError)
    assert f"state handler {handler.__name__} on 'load'" in run.state.message


@pytest.mark.gate("N6")
@pytest.mark.parametrize("name", ["when", "severity", "template"])
@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_rule_of_an_alert_harms_no_run_and_loses_no_alert(
    name: str, rule: Callable[..., Any], book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("longshore.alerts.handlers._LONGEST_RULE", 0.1)
    monkeypatch.setattr("longshore.alerts.templates._LONGEST", 0.1)
    settings: Any = {name: rule}
    with Flow("ruled", state_handlers=(Alert(CHANNEL, **settings),)) as ruled:
        load.map([True] * 3)
    began = time.monotonic()
    run = ruled.run(executor=InlineExecutor())
    assert time.monotonic() - began < 3
    assert run.state.message.startswith("3 failed: load[0]: ValueError: boom")
    flush_alerts(10)
    assert [message.title for message in book.did("send")] == ["ruled failed"]


@pytest.mark.gate("N6")
def test_the_process_ends_although_handlers_sleep_for_an_hour() -> None:
    code = """
        import threading
        from longshore import Alert, BestEffort, Flow, task
        def sleeps(*_):
            threading.Event().wait(3_600)
        @task
        def load():
            return 1
        beside = BestEffort(sleeps)
        with Flow("ends", handler_timeout=0.2, state_handlers=(beside,), step_handlers=(sleeps,)) as f:
            load()
        print(f.run().state.message)
    """
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", "import textwrap\nexec(textwrap.dedent('''" + code + "'''))"],
        capture_output=True, text=True, timeout=60, env=dict(os.environ), check=True,
    )  # fmt: skip
    assert time.monotonic() - began < 15
    assert "state handler sleeps on 'load', Pending to Running: not done after 0.2 s" in done.stdout


def test_a_handler_that_is_given_to_an_alert_sees_what_other_handlers_see(book: Book) -> None:
    seen: list[tuple[str, str, str]] = []

    def when(subject: Subject, old: State, new: State) -> bool:
        seen.append((subject.label, type(old).__name__, type(new).__name__))
        return True

    with Flow("ruled", step_handlers=(Alert(CHANNEL, when=when),)) as ruled:
        load.map([True, False])
    ruled.run(executor=InlineExecutor())
    assert seen == [("load[0]", "Running", "Failed")]
