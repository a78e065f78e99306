"""How concurrency limits are written and counted."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from longshore import Flow, LimitError, LongshoreError, Parameter, ThreadExecutor, task
from longshore.limits import collect_limits, parse_limits


@pytest.mark.parametrize(
    ("limit", "parsed"),
    [
        (None, ()),
        ("db:4", (("db", 4),)),
        ("db", (("db", None),)),
        (("db:4", "net"), (("db", 4), ("net", None))),
    ],
)
def test_a_limit_is_a_name_and_a_count(limit: Any, parsed: Any) -> None:
    assert parse_limits(limit) == parsed


@pytest.mark.parametrize("limit", ["", ":3", "db:", "db:0", "db:-1", "db:x", "db:1.5", ("db:2", "net:0")])
def test_a_limit_that_cannot_be_read_says_how_to_write_it(limit: Any) -> None:
    with pytest.raises(LimitError, match="write a name and a count above 0, such as 'snowflake:4'"):
        parse_limits(limit)


def test_a_count_may_be_given_once_for_all() -> None:
    assert collect_limits([("a", "db:2"), ("b", "db"), ("c", ("db", "net:1"))]) == {"db": 2, "net": 1}


@pytest.mark.parametrize("limits", [{"db": 3}, None])
def test_no_more_steps_of_a_limit_run_at_once_than_its_count(limits: dict[str, int] | None) -> None:
    running, most, lock = [0], [0], threading.Lock()

    @task(limit="db" if limits else "db:3")
    def query(n: int) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        threading.Event().wait(0.01)
        with lock:
            running[0] -= 1

    with Flow("limited", limits=limits) as built:
        query.map(list(range(20)))
    assert built.run(executor=ThreadExecutor(8)).succeeded
    assert most[0] == 3


@pytest.mark.parametrize("field", ["limit", "trigger", "state_handlers", "name", "tags"])
def test_a_field_that_is_needed_before_a_run_takes_no_parameter(field: str) -> None:
    @task
    def query(n: int) -> int:
        return n

    with Flow("limited"), pytest.raises((LongshoreError, TypeError), match=r"known only when|needed before"):
        query.replace(**{field: Parameter(field)})(1)
