"""What plugins put around attempts: variables for what they start, and contexts for their work."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest

from longshore import (
    Fail,
    Flow,
    InlineExecutor,
    Job,
    JobFinished,
    ProcessExecutor,
    SQLiteStore,
    State,
    Subject,
    ThreadExecutor,
    current,
    hookimpl,
    plugins,
    task,
)
from longshore.context import Attempt
from longshore.lanes import drain

WHERE: ContextVar[str] = ContextVar("where", default="outside")


class Surrounding:
    """A plugin that gives variables and a context."""

    def __init__(self, *, awake: bool = True) -> None:
        self.awake = awake
        self.asked: list[str] = []

    @hookimpl
    def longshore_watches(self) -> bool:
        return self.awake

    @hookimpl
    def longshore_environment(self, attempt: Attempt) -> dict[str, str]:
        self.asked.append(attempt.label)
        return {"PLACE": attempt.label or f"flow {attempt.flow}", "RUN": attempt.run_id}

    @hookimpl
    @contextmanager
    def longshore_around_attempt(self, attempt: Attempt) -> Generator[None]:
        token = WHERE.set(f"in {attempt.label}, from {WHERE.get()}")
        try:
            yield
        finally:
            WHERE.reset(token)


@pytest.fixture
def surround() -> Iterator[Callable[[object], Any]]:
    """Registers plugins until the test is over."""
    known: list[object] = []

    def register(plugin: object) -> Any:
        plugins.host().register(plugin)
        known.append(plugin)
        return plugin

    yield register
    for plugin in known:
        plugins.host().unregister(plugin)


@task
def look() -> dict[str, str]:
    return current.environment()


@task
def where() -> str:
    return WHERE.get()


@task
def inherited() -> dict[str, str]:
    return dict(current.variables or {})


@pytest.mark.parametrize("executor", [InlineExecutor(), ThreadExecutor(2)], ids=repr)
def test_an_attempt_gets_the_variables_that_plugins_give_it(surround: Any, executor: Any) -> None:
    surround(Surrounding())
    with Flow("given") as given:
        look()
    run = given.run(executor=executor)
    assert run.results["look"] == {"PLACE": "look", "RUN": run.run_id}


def test_what_plugins_give_the_run_travels_to_other_processes(surround: Any) -> None:
    surround(Surrounding())
    with Flow("far") as far:
        look()
        inherited()
    run = far.run(executor=ProcessExecutor(1))
    given = {"PLACE": "flow far", "RUN": run.run_id}
    assert run.results["inherited"] == given
    assert given.keys() <= run.results["look"].keys()


def test_a_plugin_that_sleeps_is_not_asked(surround: Any) -> None:
    plugin = surround(Surrounding(awake=False))
    with Flow("asleep") as asleep:
        look()
        where()
    run = asleep.run(executor=InlineExecutor())
    assert (run.results["look"], run.results["where"], run.variables) == ({}, "outside", None)
    assert look() == {}
    assert plugin.asked == []


def test_outside_a_run_there_are_no_variables() -> None:
    assert current.environment() == {}


@pytest.mark.parametrize("seconds", [None, 30.0])
def test_the_work_of_an_attempt_is_done_in_what_plugins_put_around_it(surround: Any, seconds: Any) -> None:
    surround(Surrounding())

    @task(timeout=seconds)
    async def waits() -> str:
        return WHERE.get()

    @task(timeout=seconds)
    def inner() -> str:
        return where()

    with Flow("around") as around:
        waits()
        inner()
    run = around.run()
    assert run.results["waits"] == "in waits, from outside"
    assert run.results["inner"] == "in where, from in inner, from outside"
    assert where() == "in where, from outside"
    assert WHERE.get() == "outside"


def test_a_context_that_fails_is_said_once_and_the_attempt_goes_on(
    surround: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        @hookimpl
        @contextmanager
        def longshore_around_attempt(self, attempt: Attempt) -> Generator[None]:
            if attempt.name == "where":
                raise SystemExit(3)
            try:
                yield
            finally:
                raise OSError("no way back")

        @hookimpl
        def longshore_environment(self, attempt: Attempt) -> dict[str, Any]:
            return {"COUNT": 3} if attempt.name else {}

    @task
    def failing() -> None:
        raise Fail("my own")

    surround(Broken())
    surround(Surrounding())
    with Flow("broken") as broken:
        where()
        where()
        failing()
        look()
    run = broken.run(executor=InlineExecutor())
    assert run.results["where"] == "in where, from outside"
    assert run.states["failing"].message == "my own"
    assert run.results["look"]["PLACE"] == "look"
    said = [r.getMessage() for r in caplog.records if "cannot use" in r.getMessage()]
    assert [line.partition(" of plugin ")[0] for line in said] == [
        "cannot use longshore_around_attempt",
        "cannot use longshore_environment",
    ]
    assert "SystemExit: 3" in said[0]
    assert "it returned 'COUNT': 3, which is no variable and its text" in said[1]


class Counting(Job[int]):
    """A job of no system: it has ended when it is looked at."""

    def submit(self, key: str, /, n: int) -> dict[str, int]:
        return {"n": n}

    def find(self, key: str) -> dict[str, int] | None:
        return None

    def poll(self, handle: dict[str, int]) -> JobFinished:
        return JobFinished()

    def result(self, handle: dict[str, int]) -> int:
        return handle["n"]

    def cancel(self, handle: dict[str, int]) -> None:
        pass


def test_a_job_that_was_submitted_is_told_with_its_handle(surround: Any) -> None:
    class Watcher:
        def __init__(self) -> None:
            self.seen: list[tuple[str, str, Any]] = []

        @hookimpl
        def longshore_state_changed(self, subject: Subject, old: State, new: State) -> None:
            if subject.kind == "task":
                self.seen.append((type(old).__name__, type(new).__name__, getattr(new, "handle", None)))

    watcher = surround(Watcher())
    with Flow("jobs") as jobs:
        Counting()(3)
    assert jobs.run(executor=InlineExecutor()).results["Counting"] == 3
    drain(5)
    assert watcher.seen == [
        ("Pending", "Running", None),
        ("Running", "Running", {"n": 3}),
        ("Running", "Success", None),
    ]


def test_a_run_knows_how_often_it_had_ended(tmp_path: Path) -> None:
    @task
    def flaky() -> None:
        if not (tmp_path / "well").exists():
            raise OSError("not yet")

    with Flow("again") as again:
        flaky()
    with closing(SQLiteStore(tmp_path / "runs.db")) as store:
        first = again.run(store=store)
        second = again.resume(first.run_id, store=store)
        (tmp_path / "well").touch()
        third = again.resume(first.run_id, store=store)
    assert [run.ends for run in (first, second, third)] == [0, 1, 2]
    assert third.succeeded


def test_what_warns_in_a_hook_of_the_run_does_not_stop_it(
    surround: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Silly:
        @hookimpl
        def longshore_environment(self) -> list[str]:
            return ["PLACE=1"]

    caplog.set_level(logging.WARNING)
    surround(Silly())
    with Flow("silly") as silly:
        look()
    assert silly.run(executor=InlineExecutor()).results["look"] == {}
    assert "it returned ['PLACE=1'], which is no dict of variables" in caplog.text
