"""`current.call_id`: one id for all attempts of a call; `current.recorded`: whether it can be resumed."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from longshore import Flow, InlineExecutor, ProcessExecutor, SQLiteStore, ThreadExecutor, current, task

_seen: list[str] = []


@task(retries=2)
def flaky(n: int) -> str:
    _seen.append(current.call_id)
    if current.attempt < 3:
        raise ConnectionError
    return current.call_id


@task(retries=1)
def outer() -> list[str]:
    ids = [current.call_id, plain(1), plain(2)]
    _seen.append("/".join(ids))
    if current.attempt == 1:
        raise ConnectionError
    return ids


@task
def plain(n: int) -> str:
    return current.call_id


def test_the_attempts_of_a_call_share_an_id_and_calls_do_not() -> None:
    _seen.clear()
    first, second = flaky(1), flaky(1)
    assert _seen == [first] * 3 + [second] * 3
    assert first != second
    assert uuid.UUID(first).version == 5


def test_each_step_and_each_mapped_step_of_each_run_has_an_id_of_its_own() -> None:
    with Flow("ids") as ids:
        plain(1)
        plain(1)
        plain.map([1, 1])
    found: set[str] = set()
    for executor in (InlineExecutor(), ThreadExecutor(2)):
        run = ids.run(executor=executor)
        found |= {run.results["plain"], run.results["plain-2"], *run.results["plain-3"]}
    assert len(found) == 8


def test_a_run_of_the_same_id_gives_its_steps_the_same_ids_wherever_they_run() -> None:
    with Flow("again") as again:
        plain.map([1, 2])
    runs = [again.run(run_id="r1", executor=e) for e in (InlineExecutor(), ProcessExecutor(1))]
    assert runs[0].results["plain"] == runs[1].results["plain"]


def test_calls_inside_a_step_keep_their_ids_when_the_step_is_tried_again() -> None:
    _seen.clear()
    with Flow("inner") as inner:
        outer()
    result = inner.run().results["outer"]
    assert len(set(result)) == 3
    assert _seen == ["/".join(result)] * 2


def test_outside_a_run_each_look_gives_a_new_id() -> None:
    assert current.call_id != current.call_id
    assert plain.run(1) != plain.run(1)


@task
def within() -> tuple[bool, bool]:
    return current.recorded, recorded_inside()


@task
def recorded_inside() -> bool:
    return current.recorded


@pytest.mark.parametrize("executor", [InlineExecutor(), ThreadExecutor(2), ProcessExecutor(1)], ids=repr)
def test_a_step_and_the_calls_inside_it_know_whether_a_store_has_the_run(
    executor: Any, tmp_path: Path
) -> None:
    told: list[tuple[str, bool]] = []

    def handler(subject: Any, old: Any, new: Any) -> None:
        told.append((current.name, current.recorded))

    with Flow("recorded", state_handlers=[handler]) as recorded:
        within()
    kept = recorded.run(executor=executor, store=SQLiteStore(tmp_path / "runs.db"))
    assert kept.results["within"] == (True, True)
    assert kept.recorded_in == str(tmp_path.resolve() / "runs.db")
    assert told
    assert set(told) == {("", True)}
    gone = recorded.run(executor=executor)
    assert gone.results["within"] == (False, False)
    assert gone.recorded_in == ""


def test_outside_a_flow_nothing_is_recorded() -> None:
    assert (current.recorded, current.recorded_in) == (False, "")
    assert within() == (False, False)
