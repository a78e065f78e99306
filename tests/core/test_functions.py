"""`@task`: tasks made from functions."""

from __future__ import annotations

import asyncio
import functools
import inspect
import os.path
import pickle
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from longshore import (
    ArgumentError,
    Cache,
    ConfigurationError,
    Exponential,
    FunctionTask,
    Task,
    TaskDefinitionError,
    TravelError,
    task,
)
from longshore.functions import TaskFields


@task
def double(n: int) -> int:
    """Double a number."""
    return 2 * n


@task(retries=2, name="triple it", retry_delay=Exponential(base=0.5))
def triple(n: int) -> int:
    return 3 * n


def plain(n: int) -> int:
    return n


@task
async def later(n: int) -> int:
    await asyncio.sleep(0)
    return n


def test_a_function_becomes_a_task_that_keeps_its_signature_and_docs() -> None:
    assert isinstance(double, FunctionTask)
    assert double(21) == 42
    assert double.run(4) == 8
    assert double.__doc__ == "Double a number."
    assert str(inspect.signature(double)) == "(n: 'int') -> 'int'"
    assert double.replace(retries=1).__doc__ == "Double a number."


def test_it_is_called_what_the_function_is_called() -> None:
    assert (double.name, triple.name) == ("double", "triple it")


def test_fields_are_given_to_the_decorator() -> None:
    assert triple.retries == 2
    assert triple(3) == 9


def test_the_decorator_knows_every_field_of_a_task() -> None:
    assert set(TaskFields.__annotations__) == {f.name for f in fields(Task)}  # type: ignore[arg-type]


def test_an_unknown_field_names_the_one_that_is_meant() -> None:
    with pytest.raises(ArgumentError, match=r"no argument 'retires' \(did you mean 'retries'\?\)"):
        task(retires=3)(plain)  # type: ignore[call-arg]


def test_a_wrong_field_names_the_function() -> None:
    with pytest.raises(ConfigurationError, match=r"plain\(retries=-1\): give an int, 0 or more"):
        task(retries=-1)(plain)


def test_a_coroutine_function_becomes_a_task_that_returns_its_result() -> None:
    assert later(3) == 3
    assert later.replace(timeout=5.0)(4) == 4


def test_a_function_of_another_module_becomes_a_task(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"12345")
    size = task(os.path.getsize)
    assert size(str(tmp_path / "f")) == 5
    assert pickle.loads(pickle.dumps(size)) == size


@pytest.mark.parametrize("thing", [Path, 3, functools.partial(plain, 1), "double"])
def test_what_is_no_function_is_refused(thing: Any) -> None:
    with pytest.raises(TaskDefinitionError, match="@task takes a function, not"):
        task(thing)


def test_a_function_whose_parameters_cannot_be_read_is_refused() -> None:
    with pytest.raises(TaskDefinitionError, match=r"@task cannot read what .* takes .*; wrap it in a def"):
        task(max)


def test_a_function_that_takes_after_is_refused() -> None:
    def wait(after: str) -> str:
        return after

    with pytest.raises(TaskDefinitionError, match="takes 'after', which every call in a flow has"):
        task(wait)


def test_a_function_may_take_words_that_are_fields_of_a_task() -> None:
    @task(name="greet")
    def greet(name: str, timeout: int) -> str:
        return f"{name} {timeout}"

    assert greet("Ann", 3) == "Ann 3"
    assert greet(name="Ann", timeout=3) == "Ann 3"


def test_it_pickles_by_module_and_name() -> None:
    data = pickle.dumps(double)
    assert pickle.loads(data) is double
    assert b"test_functions" in data


def test_changed_fields_travel_with_the_reference() -> None:
    copy = pickle.loads(pickle.dumps(triple.replace(retries=7, timeout=3.0)))
    assert (copy.retries, copy.timeout, copy.name) == (7, 3.0, "triple it")
    assert copy.fn is triple.fn


def test_a_task_of_a_plain_function_pickles_too() -> None:
    copy = pickle.loads(pickle.dumps(task(retries=4)(plain)))
    assert (copy.retries, copy(5)) == (4, 5)


def test_a_lambda_cannot_travel_and_says_so() -> None:
    with pytest.raises(TravelError, match=r"task 'halve' cannot be sent to another process: .*<lambda>"):
        pickle.dumps(task(name="halve")(lambda n: n / 2))


def test_a_local_function_cannot_travel_and_says_so() -> None:
    @task
    def local(n: int) -> int:
        return n

    with pytest.raises(TravelError, match=r"task 'local' .* define it at the top level of a module"):
        pickle.dumps(local)


def test_another_function_under_the_same_name_does_not_travel_as_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = double.replace(retries=1)
    monkeypatch.setitem(globals(), "double", task(plain))
    with pytest.raises(TravelError, match="'double' cannot be imported from"):
        pickle.dumps(old)


def test_closures_of_one_code_are_cached_apart() -> None:
    def times(factor: int) -> Callable[[int], int]:
        def multiply(n: int) -> int:
            return factor * n

        return multiply

    by_two, by_three = (task(cache=Cache())(times(n)) for n in (2, 3))
    assert (by_two(5), by_three(5), by_two(5)) == (10, 15, 10)


def test_functions_that_differ_in_a_name_or_default_are_cached_apart() -> None:
    upper, lower = (task(cache=Cache())(f) for f in (lambda s: s.upper(), lambda s: s.lower()))
    assert (upper("aB"), lower("aB")) == ("AB", "ab")
    one, two = (task(cache=Cache())(f) for f in (lambda s, n=1: s * n, lambda s, n=2: s * n))
    assert (one("a"), two("a")) == ("a", "aa")


def test_tasks_of_one_function_are_equal_when_their_fields_are() -> None:
    assert double.replace(retries=2) == double.replace(retries=2)
    assert double.replace(retries=2) != double
    assert double != triple


def test_its_repr_names_the_function() -> None:
    assert repr(double) == "task(double)"
    assert repr(triple.replace(retry_delay=0.0)) == "task(name='triple it', retries=2)(triple)"


def test_a_wrong_field_of_a_function_is_told_under_the_names_that_people_wrote() -> None:
    @task
    def total(a: int) -> int:
        return a

    with pytest.raises(
        ArgumentError, match=r"total\(\) has no argument 'retires' \(did you mean 'retries'\?\)"
    ):
        total.replace(retires=3)
    with pytest.raises(ArgumentError, match=r"@task\(\) has no argument 'retires'"):
        task(retires=3)(lambda a: a)
