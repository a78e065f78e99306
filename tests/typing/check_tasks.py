"""What checkers make of tasks: checked by mypy and pyright, never run."""

# Both checkers read `type: ignore`, and report one that hides no error.
# pyright: reportUnnecessaryTypeIgnoreComment=true
from __future__ import annotations

from pathlib import Path
from typing import Any, Generic, TypeVar, assert_type

from longshore import Exponential, Secret, Task, current, field, task, text

T = TypeVar("T")


class S3Read(Task[bytes]):
    bucket: str = "lake"
    token: Secret | None = None

    def run(self, key: str, *, start: int = 0) -> bytes:
        return key.encode()[start:]


class S3ReadText(S3Read):
    encoding: str = "utf-8"


class Shell(Task[str]):
    script: str = field(kw_only=False)
    cwd: Path = Path()

    def run(self) -> str:
        return self.script


class Fetch(Task[int]):
    async def run(self, url: str) -> int:
        return len(url)


class Identity(Task[T], Generic[T]):
    def run(self, value: T) -> T:
        return value


class Required(Task[None]):
    bucket: str

    def run(self) -> None: ...


@task
def double(n: int, factor: float = 2.0) -> float:
    return n * factor


@task(retries=3, retry_delay=Exponential(base=0.5), tags=("daily",), limit="db:2")
def triple(n: int) -> int:
    return 3 * n


@task
async def later(n: int) -> list[int]:
    return [n]


@task(timeout=5.0)
async def later_still(n: int) -> str:
    return str(n)


def calls_give_results() -> None:
    assert_type(S3Read()("k"), bytes)
    assert_type(S3Read(bucket="b", retries=3)("k", start=3), bytes)
    assert_type(S3ReadText(encoding="latin-1", bucket="b")("k"), bytes)
    assert_type(Shell("make", cwd=Path("/src"))(), str)
    assert_type(Fetch()("u"), int)
    assert_type(Identity[str]()("a"), str)
    assert_type(double(2), float)
    assert_type(double(2, factor=3.0), float)
    assert_type(triple(2), int)
    assert_type(later(2), list[int])
    assert_type(later_still(2), str)


def the_bare_work_is_typed_too() -> None:
    assert_type(S3Read().run("k"), bytes)
    assert_type(double.run(2), float)


def maps_give_lists() -> None:
    assert_type(S3Read().map(["a", "b"]), list[bytes])
    assert_type(double.map([1, 2]), list[float])
    assert_type(Fetch().map(["u"]), list[int])
    assert_type(later.map([1]), list[list[int]])


def replace_keeps_the_type() -> None:
    assert_type(S3ReadText().replace(retries=2), S3ReadText)
    assert_type(S3ReadText().replace(retries=2)("k"), bytes)
    assert_type(double.replace(retries=2)(3), float)
    assert_type(later.replace(retries=2)(3), list[int])


def fields_are_typed() -> None:
    assert_type(S3ReadText().encoding, str)
    assert_type(S3Read().retries, int)
    assert_type(S3Read().timeout, float | None)


def after_is_taken_by_every_call_in_a_flow() -> None:
    first = S3Read()("k")
    assert_type(Shell("make")(after=first), str)
    assert_type(S3Read()("k", after=[first]), bytes)
    assert_type(double(2, after=first), float)
    assert_type(later(2, after=first), list[int])


def wrong_fields_are_errors() -> None:
    S3Read(bukcet="b")  # type: ignore[call-arg]
    S3Read(bucket=3)  # type: ignore[arg-type]
    S3Read("b")  # type: ignore[call-arg]
    Required()  # type: ignore[call-arg]
    Shell()  # type: ignore[call-arg]
    Shell("make", "/src")  # type: ignore[call-arg]
    S3Read(retries="3")  # type: ignore[arg-type]
    task(retires=3)(print)  # type: ignore[call-overload]
    task(retries="3")(print)  # type: ignore[call-overload]


def tasks_cannot_be_changed() -> None:
    S3Read().bucket = "b"  # type: ignore[misc]


def wrong_input_is_an_error() -> None:
    S3Read().run(3)  # type: ignore[arg-type]
    S3Read()()  # type: ignore[call-overload]
    S3Read()("k", start="3")  # type: ignore[call-overload]
    S3Read()("k", stop=3)  # type: ignore[call-overload]
    double()  # type: ignore[call-overload]
    double("2")  # type: ignore[call-overload]
    later("2")  # type: ignore[call-overload]
    result: int = double(2)  # type: ignore[assignment]
    del result


def wrong_results_are_errors() -> None:
    text: str = S3Read()("k")  # type: ignore[assignment]
    numbers: list[str] = double.map([1])  # type: ignore[assignment]
    del text, numbers


def any_task_may_be_passed_on(tasks: list[Task[Any]]) -> None:
    tasks.append(S3Read())
    tasks.append(double)
    bytes_tasks: list[Task[bytes]] = [S3Read(), S3ReadText()]
    del bytes_tasks


def values_have_their_types() -> None:
    assert_type(text("{n}", n=1), str)
    assert_type(Secret("env:TOKEN").get(), str)
    assert_type(current.attempt, int)
    assert_type(current.cancelled, bool)
