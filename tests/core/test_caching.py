"""Results kept by task, configuration and inputs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from longshore import (
    Cache,
    Cached,
    ConfigurationError,
    Failed,
    Flow,
    InlineExecutor,
    Secret,
    Skip,
    Success,
    Task,
    task,
)

HERE = InlineExecutor()
RUNS: list[Any] = []


class Read(Task[list[int]]):
    """Counts its runs; `bucket` distinguishes results, `retries` does not."""

    bucket: str = "lake"
    token: Secret | None = None
    cache: Cache | None = Cache()

    def run(self, key: str, *, rows: Any = 1) -> list[int]:
        RUNS.append((self.bucket, key))
        return [len(RUNS)]


class ReadToo(Read):
    pass


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    RUNS.clear()
    yield
    Cache.clear()


def test_the_same_inputs_run_once() -> None:
    assert Read()("a") == Read()("a") == [1]
    assert len(RUNS) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda: Read()("a"), lambda: Read()("b")),
        (lambda: Read()("a"), lambda: Read(bucket="sea")("a")),
        (lambda: Read()("a"), lambda: ReadToo()("a")),
        (lambda: Read(token=Secret("env:A"))("a"), lambda: Read(token=Secret("env:B"))("a")),
        (lambda: Read()("a", rows=1), lambda: Read()("a", rows=True)),
        (lambda: Read()("a", rows=1), lambda: Read()("a", rows="1")),
        (lambda: Read()("a", rows=[1, 2]), lambda: Read()("a", rows=(1, 2))),
        (lambda: Read()("a", rows=[[1], 2]), lambda: Read()("a", rows=[[1, 2]])),
        (lambda: Read()("a", rows={"x": 1}), lambda: Read()("a", rows={"x": 2})),
        (lambda: Read()("a", rows=None), lambda: Read()("a", rows="None")),
    ],
)
def test_anything_that_differs_runs_again(one: Any, other: Any) -> None:
    assert one() != other()
    assert len(RUNS) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda: Read(retries=3)("a"), lambda: Read(timeout=60.0)("a")),
        (lambda: Read()("a"), lambda: Read()(key="a")),
        (lambda: Read()("a", rows={"x": 1, "y": 2}), lambda: Read()("a", rows={"y": 2, "x": 1})),
        (lambda: Read()("a", rows={"x", "y", "z"}), lambda: Read()("a", rows={"z", "y", "x"})),
    ],
)
def test_what_makes_no_difference_to_the_result_makes_none_to_the_key(one: Any, other: Any) -> None:
    assert one() == other()
    assert len(RUNS) == 1


def test_without_a_cache_everything_runs() -> None:
    bare = Read(cache=None)
    assert bare("a") != bare("a")


def test_a_result_expires() -> None:
    short = Read(cache=Cache(expires=0.05))
    assert short("a") == short("a")
    time.sleep(0.06)
    assert short("a") == [2]


@pytest.mark.parametrize("expires", [0, -1, float("nan")])
def test_an_expiry_that_cannot_be_is_refused(expires: float) -> None:
    with pytest.raises(ConfigurationError, match=r"give seconds above 0, or None for no end"):
        Cache(expires=expires)


def test_a_key_function_chooses_what_counts() -> None:
    loose = Read(cache=Cache(key=lambda inputs: inputs["key"].lower()))
    assert loose("A", rows=1) == loose("a", rows=object())
    assert loose("b") != loose("a")


def test_an_input_that_cannot_be_a_key_says_what_to_do() -> None:
    with pytest.raises(
        ConfigurationError, match=r"cannot cache .*Read: an input cannot be pickled .*Cache\(key="
    ):
        Read()("a", rows=threading.Lock())
    assert RUNS == []


def test_a_key_function_that_raises_fails_the_call() -> None:
    broken = Read(cache=Cache(key=lambda inputs: inputs["kye"]))
    with pytest.raises(ConfigurationError, match=r"cannot cache .*Read: key raised KeyError: 'kye'"):
        broken("a")
    with Flow("broken") as built:
        broken("a")
    state = built.run(executor=HERE).states["Read"]
    assert isinstance(state, Failed)
    assert RUNS == []


def test_a_result_that_a_caller_changes_is_not_changed_for_the_next() -> None:
    first = Read()("a")
    first.append(99)
    second = Read()("a")
    second.append(98)
    assert Read()("a") == [1]


def test_failures_and_skips_are_not_kept() -> None:
    outcomes: list[BaseException] = [OSError("down"), Skip("later")]

    @task(cache=Cache())
    def fetch() -> int:
        RUNS.append(1)
        if len(RUNS) <= len(outcomes):
            raise outcomes[len(RUNS) - 1]
        return 7

    for error in ("down", "later"):
        with pytest.raises(Exception, match=error):
            fetch()
    assert fetch() == fetch() == 7
    assert len(RUNS) == 3


def test_none_is_a_result_like_any_other() -> None:
    @task(cache=Cache())
    def nothing() -> None:
        RUNS.append(1)

    nothing()
    nothing()
    assert len(RUNS) == 1


def test_a_flow_takes_what_a_run_before_kept_and_says_so() -> None:
    with Flow("cached") as built:
        Read()("a")
    one, two = built.run(executor=HERE), built.run()
    assert type(one.states["Read"]) is Success
    assert isinstance(two.states["Read"], Cached)
    assert one.results["Read"] == two.results["Read"] == [1]
    assert two.succeeded


def test_mapped_steps_are_cached_each_by_itself() -> None:
    with Flow("cached") as built:
        Read().map(["a", "b", "a"])
    run = built.run(executor=HERE)
    assert len(RUNS) == 2
    assert [type(state).__name__ for state in run.mapped_states["Read"]] == ["Success", "Success", "Cached"]


def test_a_cached_step_calls_nothing_even_with_a_templated_name() -> None:
    named = Read(name="read {key}")
    assert named("a") == named("a")
    assert len(RUNS) == 1


def test_threads_that_use_it_at_once_get_a_result_each() -> None:
    results: list[list[int]] = []
    threads = [threading.Thread(target=lambda: results.append(Read()("a"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8


def test_the_process_keeps_the_results_used_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("longshore.caches._MOST_ENTRIES", 2)
    read = Read()
    read("a")
    read("b")
    read("a")
    read("c")  # takes the place of b, which was used longest ago
    read("a")
    assert [key for _, key in RUNS] == ["a", "b", "c"]
    read("b")
    assert len(RUNS) == 4
