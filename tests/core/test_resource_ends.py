"""Resources among skips, failures, branches and other flows: what is cleaned up, and how it ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from longshore import (
    Failed,
    Flow,
    FlowError,
    InlineExecutor,
    Resource,
    Retry,
    Skip,
    Skipped,
    State,
    Success,
    ThreadExecutor,
    TriggerFailed,
    all_finished,
    case,
    flow,
    task,
    unmapped,
)

HERE = InlineExecutor()
LOG: list[str] = []


class Room(Resource[str]):
    """Notes when it is opened and closed."""

    name: str = "room"

    def setup(self) -> str:
        LOG.append(f"open {self.name}")
        return self.name

    def cleanup(self, value: str) -> None:
        LOG.append(f"close {value}")


class Empty(Room):
    def setup(self) -> str:
        raise Skip("no room is needed")


class Jammed(Room):
    def cleanup(self, value: str) -> None:
        raise OSError(f"{value} is jammed")


@task
def use(room: str, n: Any = 0) -> str:
    LOG.append(f"use {room} {n}")
    return room


@task
def skip(*_: Any) -> str:
    raise Skip("nothing new")


@task
def fail(*_: Any) -> str:
    raise OSError("as told")


def kinds(run: Any) -> dict[str, type[State]]:
    return {name: type(state) for name, state in run.states.items()}


@pytest.fixture(autouse=True)
def _empty_log() -> Iterator[None]:
    LOG.clear()
    yield
    LOG.clear()


def test_a_set_up_that_skips_skips_the_steps_inside_and_the_clean_up() -> None:
    with Flow("skips") as built, Empty() as room:
        use(room)
        use.replace(name="unconcerned", trigger=all_finished)("nobody")
    run = built.run(executor=HERE)
    assert run.succeeded
    assert kinds(run) == {
        "Empty set-up": Skipped,
        "use": Skipped,
        "unconcerned": Success,
        "Empty clean-up": Skipped,
    }
    assert LOG == ["use nobody 0"]


def test_a_set_up_that_fails_lets_those_inside_run_that_wait_for_any_end_and_cleans_nothing() -> None:
    class Closed(Room):
        def setup(self) -> str:
            raise OSError("closed")

    with Flow("closed") as built, Closed() as room:
        use(room)
        use.replace(name="unconcerned", trigger=all_finished)(room)
    run = built.run(executor=HERE)
    assert list(kinds(run).values()) == [Failed, TriggerFailed, Success, Skipped]
    assert LOG == ["use None 0"]
    assert run.state.message.startswith("1 failed: Closed set-up: OSError: closed")


def test_skipped_and_failed_steps_inside_are_waited_for_and_all_is_cleaned_up() -> None:
    with Flow("mixed") as built, Room() as room:
        use(skip(room))
        use(fail(room))
        with case(room, "another room"):
            use(room)
    run = built.run(executor=HERE)
    assert LOG == ["open room", "close room"]
    assert isinstance(run.states["Room clean-up"], Success)


def test_one_in_a_branch_that_is_not_taken_is_not_opened() -> None:
    @flow
    def branched(kind: str) -> None:
        with case(kind, "big"), Room() as room:
            use(room)

    run = branched.run(kind="small", executor=HERE)
    assert (run.succeeded, LOG) == (True, [])
    assert {type(state) for state in run.states.values()} == {Skipped}
    assert branched.run(kind="big", executor=HERE).succeeded
    assert LOG == ["open room", "use room 0", "close room"]


def test_a_field_from_a_skipped_step_opens_nothing() -> None:
    with Flow("skips") as built, Room(name=skip()) as room:
        use(room)
    run = built.run(executor=HERE)
    assert (run.succeeded, LOG) == (True, [])
    assert {type(state) for state in run.states.values()} == {Skipped}


def test_mapped_steps_get_it_whole_and_those_that_fail_keep_nobody_from_closing_it() -> None:
    @task
    def use_or_fail(n: int, room: str) -> None:
        LOG.append(f"use {room} {n}")
        if n == 2:
            raise OSError("as told")

    with Flow("maps") as built, Room() as room:
        use_or_fail.map([1, 2, 3], room=unmapped(room))
    run = built.run(executor=ThreadExecutor(3))
    assert [type(s) for s in run.mapped_states["use_or_fail"]] == [Success, Failed, Success]
    assert (LOG[0], sorted(LOG[1:4]), LOG[4:]) == (
        "open room",
        ["use room 1", "use room 2", "use room 3"],
        ["close room"],
    )


def test_each_step_of_a_mapped_one_may_run_a_flow_with_its_own() -> None:
    @flow
    def one_room(n: int) -> Any:
        with Room() as room:
            return use(room, n)

    @task
    def visit(n: int) -> str:
        return one_room.run(n=n, executor=HERE).result

    with Flow("visits") as visits:
        visit.map([1, 2, 3])
    assert visits.run(executor=ThreadExecutor(3)).results["visit"] == ["room"] * 3
    assert (LOG.count("open room"), LOG.count("close room")) == (3, 3)


def test_two_of_one_kind_at_once_are_cleaned_up_each_with_its_own_value() -> None:
    with Flow("two") as built, Room(name="a") as a, Room(name="b") as b:
        use(a, b)
    run = built.run(executor=HERE)
    assert LOG == ["open a", "open b", "use a b", "close b", "close a"]
    assert list(run.states) == [
        "Room set-up",
        "Room set-up-2",
        "use",
        "Room clean-up",
        "Room clean-up-2",
    ]


def test_a_clean_up_that_fails_fails_the_flow_but_not_what_was_done() -> None:
    with Flow("jammed") as built, Room(name="outer") as outer, Jammed(name="inner") as inner:
        use(inner)
        use.replace(name="in outer")(outer)
    run = built.run(executor=HERE)
    assert isinstance(run.states["use"], Success)
    assert run.state.message == "1 failed: Jammed clean-up: OSError: inner is jammed"
    assert LOG[-1] == "close outer"


def test_a_set_up_that_asks_for_another_attempt_fails_for_it_has_one() -> None:
    class Again(Room):
        def setup(self) -> str:
            raise Retry("not yet")

    with Flow("again") as built, Again() as room:
        use(room)
    run = built.run(executor=HERE)
    assert run.states["Again set-up"].message == "not yet, and retries is 0; set retries=..."
    assert LOG == []


def test_one_object_may_be_used_by_flows_that_threads_build_at_once() -> None:
    shared, both = Room(name="shared"), threading.Barrier(2, timeout=10)

    def build(name: str) -> Flow:
        with Flow(name) as built:
            both.wait()
            with shared as room:
                both.wait()
                use(room, name)
                both.wait()
        return built

    with ThreadPoolExecutor(2) as pool:
        flows = list(pool.map(build, ["one", "two"]))
    for built in flows:
        LOG.clear()
        assert built.run(executor=HERE).succeeded
        assert " ".join(LOG) == f"open shared use shared {built.name} close shared"


def test_one_object_may_be_open_in_itself() -> None:
    shared = Room()
    with Flow("nested") as built, shared as outer, shared as inner:
        use(outer, inner)
    assert built.run(executor=HERE).succeeded
    assert LOG == ["open room", "open room", "use room room", "close room", "close room"]


def test_a_flow_that_is_built_inside_another_ones_resource_has_none_of_it() -> None:
    with Flow("outer") as outer, Room(name="outer") as room:
        with Flow("inner") as inner:
            use("inside")
        use(room)
    assert inner.run(executor=HERE).succeeded
    assert LOG == ["use inside 0"]
    assert outer.run(executor=HERE).succeeded
    assert LOG[1:] == ["open outer", "use outer 0", "close outer"]


def test_one_that_is_closed_in_another_flow_is_refused_with_the_flow_it_was_opened_in() -> None:
    one, two = Room(), Room()
    with Flow("first"):
        one.__enter__()
        two.__enter__()
    with pytest.raises(FlowError, match="was opened in flow 'first' and is closed elsewhere"):
        two.__exit__(None, None, None)
    with Flow("second"), pytest.raises(FlowError, match="was opened in flow 'first' and is closed elsewhere"):
        one.__exit__(None, None, None)
    assert LOG == []


def test_outside_a_flow_a_clean_up_that_fails_is_an_error_that_shows_what_went_wrong_inside() -> None:
    with pytest.raises(OSError, match="room is jammed") as caught, Jammed() as room:
        raise KeyError(room)
    assert isinstance(caught.value.__context__, KeyError)
