"""What `longshore.testing` gives to the authors of tasks, used as they use it."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import pytest

from longshore import Flow, Secret, Task, current, task
from longshore.testing import Canary, Recorder, TaskContract, canary, isolated_longshore, recorder

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["canary", "isolated_longshore", "recorder"]


class Greet(Task[str]):
    """Greet somebody.

    Args:
        greeting: What to say first.
        token: Proves who greets.
    """

    greeting: str = "hello"
    token: Secret | None = None

    def run(self, who: str) -> str:
        if self.token is not None:
            current.log.info("with %s", self.token.get())
        return f"{self.greeting} {who}"


class TestGreet(TaskContract):
    task = Greet(greeting="good day")
    inputs: Mapping[str, Any] = {"who": "world"}
    expected = "good day world"


class Mute(Task[str]):
    def run(self, who: str) -> str:
        return who


class Changing(Task[str]):
    """Gives another result each time.

    Args:
        seen: Who came before.
    """

    seen: tuple[str, ...] = ()

    def run(self, who: str) -> str:
        return who + str(id(object()))


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (Mute(), "test_it_says_what_it_does_and_what_each_field_means"),
        (Changing(), "test_it_runs_by_itself_and_gives_its_result"),
        (Greet(retry_on=lambda error: True), "test_it_travels_to_another_process_as_plain_data"),
    ],
)
def test_the_contract_fails_for_a_task_that_breaks_it(broken: Task[Any], test: str) -> None:
    class Broken(TaskContract):
        task = broken
        inputs: Mapping[str, Any] = {"who": "x"}
        expected = "hello x"

    with pytest.raises((AssertionError, AttributeError, pickle.PicklingError)):
        getattr(Broken(), test)()


def test_a_recorder_remembers_every_transition_in_order(recorder: Recorder) -> None:
    with Flow("recorded", step_handlers=[recorder]) as recorded:
        Greet(name="greet")("you")
    recorded.run()
    assert recorder.entered("greet") == ["Running", "Success"]
    assert recorder.subjects[0].inputs == {"who": "you"}


def test_a_canary_is_a_secret_that_is_masked_where_a_task_leaks_it(
    canary: Canary, caplog: pytest.LogCaptureFixture
) -> None:
    greet = Greet(token=canary.secret)
    with Flow("canary") as leaky, caplog.at_level("INFO"):
        greet("you")
    with caplog.at_level("INFO"):
        run = leaky.run()
    canary.assert_absent(caplog.text, repr(greet), pickle.dumps(greet), run.states)
    with pytest.raises(AssertionError, match="the secret shows in str"):
        canary.assert_absent(f"token={canary.value}")


_kept: list[int] = []


@task
def remember(n: int) -> int:
    _kept.append(n)
    return n


@pytest.mark.parametrize("again", [1, 2])
def test_each_test_starts_with_an_empty_cache(again: int, isolated_longshore: None) -> None:
    from longshore import Cache

    _kept.clear()
    kept = remember.replace(cache=Cache())
    assert [kept(7), kept(7)] == [7, 7]
    assert _kept == [7]
