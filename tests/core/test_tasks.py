"""What a task object promises: equality, repr, replace, pickling, fields; and calls in a script."""

from __future__ import annotations

import asyncio
import pickle
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from longshore import (
    ArgumentError,
    Cache,
    ConfigurationError,
    Exponential,
    Failed,
    Flow,
    On,
    Secret,
    StepUseError,
    Task,
    TravelError,
    all_finished,
    current,
    task,
)


class Greet(Task[str]):
    """Greet somebody."""

    word: str = "hello"
    token: Secret | None = None

    def run(self, who: str, *, mark: str = "!") -> str:
        return f"{self.word} {who}{mark}"


class Required(Task[str]):
    bucket: str
    key: str = "k"

    def run(self) -> str:
        return f"{self.bucket}/{self.key}"


class Checked(Task[int]):
    part_size: int = 8

    def check(self) -> None:
        if self.part_size < 5:
            raise ConfigurationError(f"Checked(part_size={self.part_size}): give 5 or more")

    def run(self) -> int:
        return self.part_size


class Fetch(Task[int]):
    async def run(self, n: int) -> int:
        await asyncio.sleep(0)
        return n + 1


class Collect(Task[list[Any]]):
    def run(self, *items: Any, **named: Any) -> list[Any]:
        return [*items, *named.items()]


class Append(Task[list[int]]):
    def run(self, n: int, seen: list[int] = []) -> list[int]:  # noqa: B006 - the trap that is tested
        seen.append(n)
        return seen


def note_failure(*_: object) -> None: ...


def test_a_task_called_in_a_script_returns_the_result() -> None:
    assert Greet()("Ann") == "hello Ann!"
    assert Greet(word="bye")("Bob", mark="?") == "bye Bob?"


def test_run_alone_is_the_bare_work() -> None:
    failing = Greet(state_handlers=[pytest.fail], retries=3)
    assert failing.run("Ann") == "hello Ann!"


def test_replace_returns_a_changed_copy() -> None:
    first = Greet(word="hi", retries=1)
    second = first.replace(retries=5)
    assert (first.retries, second.retries, second.word) == (1, 5, "hi")


def test_replace_with_an_unknown_field_names_the_one_that_is_meant() -> None:
    with pytest.raises(ArgumentError, match=r"Greet\(\) has no argument 'wrod' \(did you mean 'word'\?\)"):
        Greet().replace(wrod="hi")


def test_replace_looks_at_the_fields_again() -> None:
    with pytest.raises(ConfigurationError, match="give 5 or more"):
        Checked().replace(part_size=1)


def test_an_unknown_field_names_the_one_that_is_meant() -> None:
    with pytest.raises(ArgumentError, match=r"Required\(\) has no argument 'bukcet' \(did you mean 'bucket'"):
        Required(bukcet="b")  # type: ignore[call-arg]


def test_an_unknown_field_far_from_any_is_told_what_there_is() -> None:
    with pytest.raises(
        ArgumentError, match=r"Required\(\) has no argument 'xyz' \(it takes bucket, key, name,"
    ):
        Required(bucket="b", xyz=1)  # type: ignore[call-arg]


def test_a_missing_field_is_named() -> None:
    with pytest.raises(ArgumentError, match=r"Required\(\) lacks 'bucket'; it takes bucket, key, name"):
        Required()  # type: ignore[call-arg]


def test_tasks_with_equal_fields_are_equal() -> None:
    assert Greet(word="hi") == Greet(word="hi")
    assert Greet(word="hi") != Greet(word="ho")
    assert Greet() != Fetch()
    assert len({Greet(word="hi"), Greet(word="hi")}) == 1


def test_repr_shows_what_differs_from_the_defaults() -> None:
    assert repr(Greet()) == "Greet()"
    assert repr(Greet(word="hi", retries=2)) == "Greet(retries=2, word='hi')"
    assert repr(Greet(name="greeting")) == "Greet(name='greeting')"


def test_repr_shows_a_secrets_reference_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREET_TOKEN", "hunter2-hunter2")
    shown = Greet(token=Secret("env:GREET_TOKEN"))
    assert repr(shown) == "Greet(token=Secret('env:GREET_TOKEN'))"
    assert b"hunter2" not in pickle.dumps(shown)


def test_a_class_task_pickles_with_its_fields() -> None:
    given = Greet(word="hi", retries=2, retry_delay=Exponential(), trigger=all_finished, tags=["a"])
    copy = pickle.loads(pickle.dumps(given))
    assert copy == given
    assert copy.trigger is all_finished


def test_fields_of_every_task_have_the_stated_defaults() -> None:
    plain = Greet()
    assert (plain.name, plain.retries, plain.retry_delay, plain.retry_on) == ("Greet", 0, 0.0, Exception)
    assert (plain.timeout, plain.cache, plain.tags, plain.limit) == (None, None, (), None)
    assert (plain.state_handlers, plain.repeatable) == ((), True)


def test_lists_given_to_fields_become_tuples_so_that_nobody_changes_them() -> None:
    handlers = [note_failure]
    made = Greet(
        tags=["a", "b"], state_handlers=handlers, limit=["db:2", "net:3"], retry_on=[OSError, KeyError]
    )  # type: ignore[arg-type]
    handlers.append(note_failure)
    assert made.tags == ("a", "b")
    assert made.state_handlers == (note_failure,)
    assert made.limit == ("db:2", "net:3")
    assert made.retry_on == (OSError, KeyError)


def test_one_handler_may_be_given_bare() -> None:
    assert Greet(state_handlers=note_failure).state_handlers == (note_failure,)  # type: ignore[arg-type]
    on = On(Failed, note_failure)
    assert Greet(state_handlers=on).state_handlers == (on,)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("retries", -1, "give an int, 0 or more"),
        ("retries", "3", "give an int, 0 or more"),
        ("retries", 1.5, "give an int, 0 or more"),
        ("timeout", 0, "give seconds above 0, or None"),
        ("timeout", -2.0, "give seconds above 0, or None"),
        ("timeout", "60", "give seconds above 0, or None"),
        ("timeout", float("inf"), "give seconds above 0, or None"),
        ("retry_delay", -1, "give seconds, 0 or more, or a callable"),
        ("retry_delay", "1", "give seconds, 0 or more, or a callable"),
        ("retry_on", "OSError", "give error classes, or a callable"),
        ("retry_on", (OSError, "KeyError"), "give error classes, or a callable"),
        ("retry_on", int, "give error classes, or a callable"),
        ("trigger", "all_finished", "give a trigger, such as all_finished"),
        ("state_handlers", ["print"], "give callables"),
        ("cache", True, r"give Cache\(\), or None"),
        ("tags", "daily", r"give a tuple of words: \('daily',\)"),
        ("limit", 3, "give 'snowflake:4'"),
        ("limit", "snowflake:0", "cannot read limit 'snowflake:0'"),
        ("repeatable", "no", "give True or False"),
        ("name", 3, "give a text"),
    ],
)
def test_a_service_field_that_cannot_work_says_what_to_give(field: str, value: object, told: str) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        Greet(**{field: value})  # type: ignore[arg-type]
    if field != "limit" or value == 3:
        assert f"Greet({field}={value!r})" in str(caught.value) or field in ("name", "state_handlers")


def test_check_looks_at_the_fields_of_ones_own() -> None:
    with pytest.raises(ConfigurationError, match=r"Checked\(part_size=1\): give 5 or more"):
        Checked(part_size=1)


def test_an_unknown_argument_names_the_one_that_is_meant() -> None:
    with pytest.raises(ArgumentError, match=r"Greet\(\) has no argument 'makr' \(did you mean 'mark'\?\)"):
        Greet()("Ann", makr="?")  # type: ignore[call-arg]


def test_an_unknown_argument_far_from_any_is_told_what_the_task_takes() -> None:
    with pytest.raises(ArgumentError, match=r"no argument 'xyz' \(it takes \(who: str, \*, mark: str = '"):
        Greet()("Ann", xyz=1)  # type: ignore[call-arg]


def test_a_missing_argument_is_named() -> None:
    with pytest.raises(ArgumentError, match=r"Greet\(\) lacks 'who'; it takes \(who: str"):
        Greet()()  # type: ignore[call-arg]


def test_an_argument_given_twice_is_named() -> None:
    with pytest.raises(ArgumentError, match=r"Greet\(\) got 'who' twice; it takes \(who: str"):
        Greet()("Ann", who="Bob")  # type: ignore[misc]


def test_too_many_arguments_are_refused() -> None:
    with pytest.raises(ArgumentError, match=r"Greet\(\) takes 1 by position, got 2; by name it takes"):
        Greet()("Ann", "Bob")  # type: ignore[call-arg]


def test_a_renamed_task_is_named_in_its_errors() -> None:
    with pytest.raises(ArgumentError, match=r"welcome\(\) lacks 'who'"):
        Greet(name="welcome")()  # type: ignore[call-arg]


def test_variable_arguments_arrive() -> None:
    assert Collect()(1, 2, a=3) == [1, 2, ("a", 3)]


def test_a_default_that_a_call_changes_is_new_for_the_next_call() -> None:
    assert Append()(1) == [1]
    assert Append()(2) == [2]


def test_a_coroutine_task_returns_its_result_in_a_script() -> None:
    assert Fetch()(1) == 2


def test_a_coroutine_task_returns_its_result_in_a_running_loop() -> None:
    async def notebook() -> int:
        return Fetch()(1)

    assert asyncio.run(notebook()) == 2


def test_a_coroutine_that_calls_a_coroutine_task_gets_its_result() -> None:
    @task
    async def outer(n: int) -> int:
        await asyncio.sleep(0)
        return Fetch(timeout=5.0)(n) + Fetch()(n)

    assert outer(1) == 4
    assert outer.replace(timeout=5.0)(1) == 4


def test_coroutines_run_on_one_loop_of_the_process() -> None:
    @task
    async def which() -> int:
        return id(asyncio.get_running_loop())

    assert which() == which()


def test_a_coroutine_that_exits_leaves_the_loop_alive() -> None:
    @task
    async def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        leave()
    assert Fetch()(1) == 2


def test_a_coroutine_sees_the_attempts_context() -> None:
    @task(name="asks")
    async def ask() -> str:
        await asyncio.sleep(0)
        return current.name

    assert ask() == "asks"


def test_a_field_may_hold_what_another_step_returns() -> None:
    @task
    def size() -> int:
        return 9

    with Flow("sized") as flow:
        Checked(part_size=size(), name="checked")()
    run = flow.run()
    assert run.results["checked"] == 9


def test_a_field_from_upstream_that_cannot_work_fails_the_step() -> None:
    @task
    def size() -> int:
        return 1

    with Flow("sized") as flow:
        Checked(part_size=size(), name="checked")()
    run = flow.run()
    assert isinstance(run.states["checked"], Failed)
    assert "give 5 or more" in run.states["checked"].message


def test_a_service_field_may_come_from_upstream() -> None:
    attempts: list[int] = []

    @task
    def patience() -> int:
        return 2

    @task
    def fail() -> None:
        attempts.append(1)
        raise OSError("down")

    with Flow("patient") as flow:
        fail.replace(retries=patience())()
    flow.run()
    assert len(attempts) == 3


def test_the_same_task_may_be_called_in_threads_at_once() -> None:
    results: list[str] = []
    threads = [threading.Thread(target=lambda i=i: results.append(Greet()(str(i)))) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [f"hello {i}!" for i in range(8)]


def test_a_task_knows_nothing_of_a_flow_in_a_script() -> None:
    @task
    def look() -> tuple[str, str, int | None, int, int]:
        return current.flow, current.run_id, current.map_index, current.attempt, current.attempts

    assert look.replace(retries=2)() == ("", "", None, 1, 3)


def test_a_step_given_outside_its_flow_is_refused() -> None:
    with Flow("built"):
        step: Any = Fetch()(1)
    with pytest.raises(StepUseError, match=r"Greet\(\) is called outside a flow, .* argument 'who' is step"):
        Greet()(step)
    with pytest.raises(StepUseError, match=r"its field 'part_size' is step 'Fetch', which only a run knows"):
        Checked(part_size=step)()


def test_map_in_a_script_returns_the_list() -> None:
    assert Greet().map(["Ann", "Bob"]) == ["hello Ann!", "hello Bob!"]


def test_a_path_field_compares_by_value() -> None:
    class At(Task[Path]):
        where: Path = Path()

        def run(self) -> Path:
            return self.where

    assert At(where=Path("/a")) == At(where=Path("/a"))


def test_a_task_holding_what_cannot_be_hashed_still_works() -> None:
    class Env(Task[int]):
        env: dict[str, int] | None = None

        def run(self) -> int:
            return len(self.env or {})

    task_with = Env(env={"a": 1})
    assert task_with() == 1
    assert task_with == Env(env={"a": 1})


def test_a_lambda_field_makes_a_task_that_says_it_cannot_travel() -> None:
    lazy = Greet(retry_delay=lambda n: 0.0, cache=Cache())
    with pytest.raises((TravelError, AttributeError, pickle.PicklingError)):
        pickle.dumps(lazy)


@pytest.fixture(autouse=True)
def _no_cached_results() -> Iterator[None]:
    yield
    Cache.clear()
