"""Callbacks of attempts that are told to stop: called once, in bounded time, whatever they do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from longshore import Flow, InlineExecutor, TimedOut, current, task
from longshore.context import Attempt

GRACE = "longshore.context.CANCEL_GRACE"


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """Ends what hangs when the test is over."""
    event = threading.Event()
    yield event
    event.set()


def run_one(work: Any) -> Any:
    with Flow("one") as one:
        work()
    return one.run(executor=InlineExecutor())


def test_every_callback_is_called_once_whatever_the_others_do(
    release: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    called: list[str] = []

    def note(word: str, error: BaseException | None = None) -> Callable[[], None]:
        def call() -> None:
            called.append(f"{word} {current.name}")
            if error is not None:
                raise error

        return call

    @task(timeout=0.1)
    def work() -> None:
        with (
            current.on_cancel(note("first")),
            current.on_cancel(note("second", OSError("cannot kill"))),
            current.on_cancel(note("third", SystemExit(3))),
            current.on_cancel(release.set),
        ):
            release.wait(30)
            time.sleep(0.1)

    run = run_one(work)
    assert isinstance(run.states["work"], TimedOut)
    assert sorted(called) == ["first work", "second work", "third work"]
    told = [r for r in caplog.records if r.name == "longshore.task"]
    assert sorted(r.getMessage() for r in told) == [
        "what was to stop work: OSError: cannot kill",
        "what was to stop work: SystemExit: 3",
    ]
    assert {(r.step, r.run_id) for r in told} == {("work", run.run_id)}  # type: ignore[attr-defined]


def test_callbacks_that_hang_share_one_grace_period(
    release: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GRACE, 0.3)

    @task(timeout=0.05)
    def work() -> None:
        def hang() -> None:
            release.wait(30)

        with current.on_cancel(hang), current.on_cancel(hang), current.on_cancel(hang):
            release.wait(30)

    began = time.monotonic()
    assert isinstance(run_one(work).states["work"], TimedOut)
    assert time.monotonic() - began < 0.05 + 0.3 + 1.0 + 2.0


@pytest.mark.parametrize("kind", ["raises", "hangs"])
def test_a_callback_that_comes_late_and_breaks_is_bounded_too(
    kind: str, release: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GRACE, 0.2)
    attempt = Attempt("late")
    assert attempt.cancel("timed out") is False
    threads: list[str] = []

    def callback() -> None:
        threads.append(threading.current_thread().name)
        if kind == "raises":
            raise OSError("cannot kill")
        release.wait(30)

    began = time.monotonic()
    with attempt.on_cancel(callback):
        assert attempt.cancelled
    assert time.monotonic() - began < 10
    assert threads != [threading.current_thread().name]
    assert len(threads) == 1


def test_a_callback_registered_at_the_very_moment_of_the_end_is_called_once() -> None:
    for _ in range(300):
        attempt, calls, ready = Attempt("race"), [], threading.Barrier(2)

        def register(attempt: Attempt = attempt, calls: Any = calls, ready: Any = ready) -> None:
            ready.wait()
            with attempt.on_cancel(lambda: calls.append(1)):
                while not calls:
                    time.sleep(0)

        thread = threading.Thread(target=register)
        thread.start()
        ready.wait()
        attempt.cancel("timed out")
        thread.join(10)
        assert not thread.is_alive()
        assert calls == [1]
