"""What a cached result is kept by, and how it is shared."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from operator import itemgetter
from typing import Any

import pytest

from longshore import Cache, Cached, Failed, Flow, InlineExecutor, Secret, Task, task

HERE = InlineExecutor()
RUNS: list[Any] = []


class Read(Task[list[int]]):
    """Counts its runs."""

    token: Secret | None = None
    cache: Cache | None = Cache()

    def run(self, key: str, *, rows: Any = 1) -> list[int]:
        RUNS.append(key)
        return [len(RUNS)]


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    RUNS.clear()
    yield
    Cache.clear()


def test_functions_of_one_name_with_other_code_or_captured_values_share_nothing() -> None:
    def adder(n: int) -> Any:
        @task(cache=Cache())
        def add(x: int) -> int:
            return x + n

        return add

    def other() -> Any:
        @task(cache=Cache())
        def add(x: int) -> int:
            return x - 1

        add.fn.__qualname__ = adder(1).fn.__qualname__
        return add

    assert [adder(n)(10) for n in (1, 2, 1)] == [11, 12, 11]
    assert other()(10) == 9


def test_a_function_that_captures_an_object_shares_with_itself_alone() -> None:
    class Scale:
        def __init__(self, factor: int) -> None:
            self.factor = factor

    def scaler(scale: Scale) -> Any:
        @task(cache=Cache())
        def scaled(x: int) -> int:
            RUNS.append(x)
            return x * scale.factor

        return scaled

    double, triple = scaler(Scale(2)), scaler(Scale(3))
    assert [double(5), triple(5), double(5), triple(5)] == [10, 15, 10, 15]
    assert len(RUNS) == 2


def test_a_class_that_is_defined_again_with_other_code_runs_again() -> None:
    def define(factor: int) -> Any:
        cell = (
            "class Scale(Task[int]):\n    cache: Cache | None = Cache()\n"
            f"    def run(self, x: int) -> int:\n        return x * {factor}\n"
        )
        scope: dict[str, Any] = {"Task": Task, "Cache": Cache, "__name__": "__main__"}
        exec(compile(cell, "notebook", "exec", dont_inherit=True), scope)
        return scope["Scale"]()

    assert [define(2)(5), define(3)(5), define(2)(5)] == [10, 15, 10]


def test_key_functions_that_choose_differently_share_nothing() -> None:
    @task
    def pair(a: int, b: int) -> tuple[int, int]:
        return a, b

    by_a = pair.replace(cache=Cache(key=lambda inputs: inputs["a"]))
    by_b = pair.replace(cache=Cache(key=lambda inputs: inputs["b"]))
    by_item = pair.replace(cache=Cache(key=itemgetter("b")))
    assert by_a(1, 2) == by_a(1, 9) == (1, 2)
    assert by_b(8, 1) == by_b(7, 1) == (8, 1)
    assert by_item(6, 1) == by_item(5, 1) == (6, 1)


def test_a_result_is_too_old_for_a_call_that_asks_for_a_younger_one() -> None:
    assert Read(cache=Cache())("a") == [1]
    time.sleep(0.06)
    assert Read(cache=Cache(expires=0.05))("a") == [2]
    assert Read(cache=Cache())("a") == [2]


def test_a_step_that_succeeds_after_retries_is_kept() -> None:
    @task(cache=Cache(), retries=2)
    def flaky(rows: list[int]) -> int:
        RUNS.append(1)
        rows.clear()
        if len(RUNS) < 3:
            raise OSError("again")
        return 7

    with Flow("flaky") as built:
        flaky([1, 2])
    assert built.run(executor=HERE).results["flaky"] == 7
    second = built.run(executor=HERE)
    assert isinstance(second.states["flaky"], Cached)
    assert flaky([1, 2]) == 7
    assert len(RUNS) == 3


def test_a_step_that_changes_a_cached_result_does_not_change_it_for_the_next() -> None:
    @task
    def grow(rows: list[int]) -> list[int]:
        rows.append(99)
        return rows

    with Flow("grows") as built:
        grow(Read()("a"))
    for _ in range(2):
        run = built.run(executor=HERE)
        assert run.results["grow"] == [1, 99]
    run.results["Read"].append(98)
    assert Read()("a") == [1]


def test_what_cannot_be_a_key_fails_the_step_and_says_what_to_do() -> None:
    with Flow("locks") as built:
        Read()("a", rows=threading.Lock())
    state = built.run(executor=HERE).states["Read"]
    assert isinstance(state, Failed)
    assert "Read: an input cannot be pickled" in state.message
    assert state.message.endswith("give Cache(key=...)")


def test_a_secret_is_part_of_the_key_by_its_reference() -> None:
    one, other = Secret("env:KEY_ONE"), Secret("env:KEY_TWO")
    assert Read(token=one)("a") == Read(token=one)("a") != Read(token=other)("a")
    assert len(RUNS) == 2
