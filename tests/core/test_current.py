"""`current`: inside a run, and outside where it answers neutrally."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from longshore import Flow, InlineExecutor, ThreadExecutor, current, flow, task


def test_outside_a_run_it_answers_neutrally() -> None:
    assert (current.name, current.run_id, current.flow, current.map_index) == ("", "", "", None)
    assert (current.attempt, current.attempts, current.deadline, current.cancelled) == (1, 1, None, False)
    assert (current.link, current.tags, current.label, current.log_tail) == ("", (), "", ())
    current.progress(0.5, "nobody listens")
    current.log.info("nobody listens")
    assert repr(current) == "<current: nothing runs here>"


def test_outside_a_run_a_callback_is_kept_and_never_called() -> None:
    called: list[int] = []
    with current.on_cancel(lambda: called.append(1)):
        pass
    assert called == []


@pytest.mark.parametrize("executor", [InlineExecutor(), ThreadExecutor(2)])
def test_inside_a_flow_it_knows_the_step(executor: Any) -> None:
    @task(tags=("io",), retries=2, timeout=60.0)
    def look(n: int) -> dict[str, Any]:
        return {
            name: getattr(current, name)
            for name in (
                "name",
                "label",
                "run_id",
                "flow",
                "map_index",
                "attempt",
                "attempts",
                "tags",
                "cancelled",
            )
        } | {"left": (current.deadline or 0) - time.monotonic(), "repr": repr(current)}

    with Flow("nightly", tags=("eu",)) as built:
        look.map([1, 2])
    run = built.run(executor=executor)
    second = run.results["look"][1]
    assert 50 < second.pop("left") <= 60
    assert second == {
        "name": "look",
        "label": "look[1]",
        "run_id": run.run_id,
        "flow": "nightly",
        "map_index": 1,
        "attempt": 1,
        "attempts": 3,
        "tags": ("io", "eu"),
        "cancelled": False,
        "repr": "<current: look[1]>",
    }


def test_it_is_the_same_in_a_thread_with_the_context_and_neutral_in_one_without() -> None:
    import contextvars

    @task
    def look() -> list[str]:
        names: list[str] = []
        with_context = contextvars.copy_context()
        threads = [
            threading.Thread(target=lambda: with_context.run(lambda: names.append(current.name))),
            threading.Thread(target=lambda: names.append(current.name)),
        ]
        for thread in threads:
            thread.start()
            thread.join()
        return names

    assert look() == ["look", ""]


def test_a_flow_run_inside_a_step_has_its_own_context() -> None:
    @task
    def inner() -> tuple[str, str, str]:
        return current.name, current.flow, current.run_id

    @flow
    def small() -> tuple[str, str, str]:
        return inner()

    @task
    def outer() -> Any:
        run = small.run(executor=InlineExecutor())
        return run.result, run.run_id, (current.name, current.flow)

    with Flow("large") as built:
        outer()
    result, inner_id, after = built.run().results["outer"]
    assert result == ("inner", "small", inner_id)
    assert after == ("outer", "large")


def test_a_callback_is_called_once_from_another_thread_when_time_is_up() -> None:
    calls: list[str] = []
    stop = threading.Event()

    def end() -> None:
        calls.append(threading.current_thread().name)
        stop.set()

    @task(timeout=0.05)
    def work() -> None:
        with current.on_cancel(end):
            stop.wait(10)
        calls.append(f"cancelled: {current.cancelled}, {current.cancel_reason}")

    with pytest.raises(TimeoutError):
        work()
    assert len(calls) == 2
    assert calls[0] != threading.current_thread().name
    assert calls[1] == "cancelled: True, timed out"


def test_a_callback_that_came_too_late_is_called_at_once() -> None:
    called = threading.Event()
    release = threading.Event()

    @task(timeout=0.05)
    def work() -> None:
        release.wait(10)
        with current.on_cancel(called.set):
            pass

    with pytest.raises(TimeoutError):
        work()
    assert not called.is_set()
    release.set()
    assert called.wait(5)


def test_a_callback_is_not_called_after_its_block() -> None:
    called: list[int] = []
    release = threading.Event()

    @task(timeout=0.05)
    def work() -> None:
        with current.on_cancel(lambda: called.append(1)):
            pass
        release.wait(10)

    with pytest.raises(TimeoutError):
        work()
    release.set()
    assert called == []


def test_a_callback_that_raises_keeps_nobody_from_being_called() -> None:
    called: list[int] = []
    release = threading.Event()

    def burst() -> None:
        called.append(1)
        raise OSError("cannot kill")

    @task(timeout=0.05)
    def work() -> None:
        with current.on_cancel(release.set), current.on_cancel(burst):
            release.wait(10)

    with pytest.raises(TimeoutError, match="was not done"):
        work()
    assert called == [1]
    assert release.is_set()


def test_progress_stays_between_nothing_and_all() -> None:
    told: list[tuple[float | None, str]] = []
    from longshore.context import Attempt, active

    attempt = Attempt("x", progress=lambda context, told_: told.append((told_.fraction, told_.message)))
    token = active.set(attempt)
    try:
        for fraction in (-1.0, 0.25, 7.0):
            current.progress(fraction, "files")
    finally:
        active.reset(token)
    assert told == [(0.0, "files"), (0.25, "files"), (1.0, "files")]
