"""A task's own fields may come from steps before it, but for those that are needed before the flow runs."""

from __future__ import annotations

from typing import Any

import pytest

from longshore import ConfigurationError, Flow, InlineExecutor, Task, current, flow, task


class Join(Task[str]):
    """Join words.

    Args:
        separator: What stands between them.
    """

    separator: str = " "

    def run(self, *words: str) -> str:
        return self.separator.join(words)


@task
def one(value: Any) -> Any:
    return value


def test_a_field_of_its_own_may_come_from_a_step_or_a_parameter() -> None:
    @flow
    def joined(separator: str = "-"):  # type: ignore[no-untyped-def]
        return [Join(separator=one("+"))("a", "b"), Join(separator=separator)("c", "d")]

    assert joined.run(executor=InlineExecutor()).result == ["a+b", "c-d"]


def test_the_number_of_retries_may_come_from_a_step() -> None:
    @task
    def third_time() -> int:
        if current.attempt < 3:
            raise ConnectionError
        return current.attempts

    with Flow("retries") as retries:
        third_time.replace(retries=one(2))()
    assert retries.run(executor=InlineExecutor()).results["third_time"] == 3


def test_a_value_that_the_task_refuses_fails_its_step_and_says_so() -> None:
    with Flow("refused") as refused:
        one.replace(name="late", timeout=one(-1.0))(2)
    state = refused.run(executor=InlineExecutor()).states["late"]
    assert "timeout=-1.0" in state.message


@pytest.mark.parametrize("field", ["limit", "trigger", "tags", "state_handlers"])
def test_a_field_that_is_needed_before_the_run_is_refused_when_the_flow_is_built(field: str) -> None:
    with Flow("before"), pytest.raises(ConfigurationError, match=f"field '{field}' .* before the flow runs"):
        one.replace(**{field: [one(1)] if field in ("tags", "state_handlers") else one(1)})(2)
