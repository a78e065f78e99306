"""What a type checker sees of tasks. Checked by mypy and pyright, never run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_type

from longshore import Exponential, Secret, Task, current, field, task, text


class Length(Task[int]):
    """Count letters."""

    unit: str = field(kw_only=False)
    factor: float = 1.0
    retries: int = 3

    def run(self, word: str, *, twice: bool = False) -> int:
        return len(word)


class Untyped(Task[list[str]]):
    """Split a line."""

    async def run(self, line: str) -> list[str]:
        return line.split()


@task
def double(n: int) -> int:
    return 2 * n


@task(retries=2, retry_delay=Exponential(base=1.0), timeout=60)
def join(words: Sequence[str], by: str = " ") -> str:
    return by.join(words)


@task
async def later(n: int) -> float:
    return n / 2


def a_call_is_typed_as_the_result() -> None:
    assert_type(Length("letters")("word"), int)
    assert_type(Length("letters", factor=2.0, name="short")("word", twice=True), int)
    assert_type(double(2), int)
    assert_type(join(["a", "b"], by=","), str)
    assert_type(double.run(2), int)


def a_coroutine_is_typed_as_what_it_returns() -> None:
    assert_type(later(3), float)
    assert_type(Untyped()("a b"), list[str])


def a_map_is_typed_as_the_list_of_results() -> None:
    assert_type(double.map([1, 2]), list[int])
    assert_type(Length("letters").map(["a", "b"]), list[int])


def a_copy_has_the_type_of_the_original() -> None:
    assert_type(Length("letters").replace(retries=1), Length)


def edges_without_data_keep_the_type() -> None:
    assert_type(double(2, after=[join(["a"])]), int)


def wrong_calls_are_errors() -> None:
    double("two")  # type: ignore[call-overload]
    Length("letters")(word=3)  # type: ignore[call-overload]
    Length("letters", factr=2.0)  # type: ignore[call-arg]
    Length("letters", retries="many")  # type: ignore[arg-type]
    Length("letters").factor = 2.0  # type: ignore[misc]


def values_have_their_types() -> None:
    assert_type(text("{n}", n=1), str)
    assert_type(Secret("env:TOKEN").get(), str)
    assert_type(current.attempt, int)
    assert_type(current.cancelled, bool)
