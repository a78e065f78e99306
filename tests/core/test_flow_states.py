"""What a run comes to: the flow's state, and what the run tells of its steps."""

from __future__ import annotations

import pickle
import time
from datetime import UTC, date, datetime
from typing import Any

import pytest

from longshore import (
    Fail,
    Failed,
    Flow,
    FlowFailed,
    InlineExecutor,
    Mapped,
    Parameter,
    ParameterError,
    Pending,
    Skip,
    Skipped,
    Success,
    TaskFailed,
    TimedOut,
    TriggerFailed,
    all_finished,
    any_failed,
    flow,
    task,
)

HERE = InlineExecutor()


@task
def give(value: Any = 1) -> Any:
    return value


@task
def broken(why: str = "as told") -> Any:
    raise ValueError(why)


@task
def even(n: int) -> int:
    if n % 2:
        raise ValueError(f"{n} is odd")
    if n == 0:
        raise Skip("nothing there")
    return n


@task(trigger=all_finished)
def listed(*items: Any) -> list[Any]:
    return list(items)


# The flow's state


@pytest.mark.parametrize("kind", ["error", "fail", "timeout", "mapped", "upstream"])
def test_any_failed_step_fails_the_flow_whatever_runs_after_it(kind: str) -> None:
    @task(timeout=0.02)
    def late() -> None:
        time.sleep(0.2)

    @task
    def gives_up() -> None:
        raise Fail("no such airport")

    with Flow("fails") as fails:
        match kind:
            case "error":
                failed: Any = broken()
            case "fail":
                failed = gives_up()
            case "timeout":
                failed = late()
            case "mapped":
                failed = even.map([2, 3])
            case _:
                failed = give(broken())
        give.replace(name="mend", trigger=any_failed)(2, after=failed)
    run = fails.run(executor=HERE)
    assert isinstance(run.state, Failed)
    assert not run.succeeded
    assert isinstance(run.states["mend"], Success)


def test_the_flows_state_names_each_step_that_failed_with_its_message_and_has_the_first_error() -> None:
    with Flow("several") as several:
        broken("one")
        even.map([1, 2, 3])
    run = several.run(executor=HERE)
    assert run.state.message == (
        "3 failed: broken: ValueError: one; even[0]: ValueError: 1 is odd; even[2]: ValueError: 3 is odd"
    )
    assert isinstance(run.state, Failed)
    assert repr(run.state.error) == "ValueError('one')"


def test_a_thousand_failures_make_a_message_that_can_be_read() -> None:
    with Flow("many") as many:
        even.map([1] * 1000)
    state = many.run(executor=HERE).state
    assert state.message.startswith("1,000 failed: even[0]: ValueError: 1 is odd; ")
    assert state.message.endswith("; and 995 more")
    assert len(state.message) < 300


def test_skipped_steps_make_no_failure() -> None:
    with Flow("skips") as skips:
        give(even(0))
    run = skips.run(executor=HERE)
    assert run.succeeded
    assert [type(state) for state in run.states.values()] == [Skipped, Skipped]


def test_a_reference_step_that_failed_fails_the_flow_though_the_last_step_succeeded() -> None:
    with Flow("referenced", reference_steps=["load", "even"]) as referenced:
        give.replace(name="load")()
        even.map([2, 3])
        broken("nobody asks")
        give.replace(name="last")()
    run = referenced.run(executor=HERE)
    assert run.state.message == "1 failed: even[1]: ValueError: 3 is odd"


def test_a_failure_may_be_raised_with_its_cause_and_its_run() -> None:
    with Flow("raises") as raises:
        broken("the disk is full")
    with pytest.raises(FlowFailed, match="flow 'raises' ended Failed: 1 failed: broken") as caught:
        raises.run(executor=HERE, raise_on_failure=True)
    assert repr(caught.value.__cause__) == "ValueError('the disk is full')"
    assert isinstance(caught.value.flow_run.states["broken"], Failed)


def test_a_success_raises_nothing() -> None:
    with Flow("sound") as sound:
        give()
    assert sound.run(executor=HERE, raise_on_failure=True).succeeded


def test_fail_leaves_its_reason_as_the_error() -> None:
    @task(retries=3)
    def gives_up() -> None:
        raise Fail("no such airport")

    with Flow("gives up") as built:
        gives_up()
    state = built.run(executor=HERE).states["gives_up"]
    assert isinstance(state, Failed)
    assert (state.message, repr(state.error)) == ("no such airport", "TaskFailed('no such airport')")
    assert isinstance(state.error, TaskFailed)


# What is known of the steps


def test_the_results_of_failed_and_skipped_steps_are_none_where_steps_run_all_the_same() -> None:
    with Flow("reduces") as reduces:
        numbers = even.map([2, 3, 0, 4])
        listed(broken(), even.replace(name="none")(0), give(0), numbers)
    run = reduces.run(executor=HERE)
    assert run.results["listed"] == [None, None, 0, [2, None, None, 4]]
    assert run.results["even"] == [2, None, None, 4]
    assert [type(state) for state in run.mapped_states["even"]] == [Success, Failed, Skipped, Success]
    assert run.mapped_states["listed"] == ()


@pytest.mark.parametrize("value", [None, 0, "", [], {}, False])
def test_an_empty_result_is_a_result(value: Any) -> None:
    with Flow("empty") as empty:
        last = give(give(value))
        listed.replace(name="each")([last])
    run = empty.run(executor=HERE)
    assert run.states["give"] == Success(value)
    assert run.results["each"] == [[value]]


def test_states_and_results_are_found_by_name_and_by_step() -> None:
    with Flow("found") as found:
        step = give(7)
        even.map([2, 4])
    run = found.run(executor=HERE)
    assert run.states[step] == run.states["give"] == Success(7)
    assert run.results[step] == 7
    assert run.states["even"] == Mapped([2, 4])
    assert dict(run.results) == {"give": 7, "even": [2, 4]}
    assert (len(run.states), "give" in run.states, "take" in run.states) == (2, True, False)
    assert repr(run.results) == "{'give': 7, 'even': [2, 4]}"


def test_the_runs_result_is_what_the_function_returned_with_results_in_it() -> None:
    @flow
    def shaped(day: date) -> Any:
        return {"first": give([1, 2])[1], "all": [give(3), day], "mapped": even.map([2, 3])}

    run = shaped.run(day=date(2013, 1, 1), executor=HERE)
    assert run.result == {"first": 2, "all": [3, date(2013, 1, 1)], "mapped": [2, None]}


def test_times_are_in_utc_and_in_order() -> None:
    @task
    def nap() -> None:
        time.sleep(0.03)

    before = datetime.now(UTC)
    with Flow("timed") as timed:
        nap.replace(name="second")(after=nap())
        give(broken())
    run = timed.run()
    assert run.ended is not None
    assert before <= run.started <= run.ended <= datetime.now(UTC)
    assert run.duration == (run.ended - run.started).total_seconds() >= 0.06
    (began, ended), (next_began, next_ended) = run.timings["nap"], run.timings["second"]
    assert run.started <= began <= ended <= next_began <= next_ended <= run.ended
    assert run.timings["give"][0] is None
    assert isinstance(run.states["give"], TriggerFailed)


def test_two_runs_of_one_flow_know_nothing_of_each_other() -> None:
    n = Parameter("n", int)
    with Flow("twice") as twice:
        even(n)
    good, bad = twice.run(n=2, executor=HERE), twice.run(n=3, executor=HERE)
    assert (good.succeeded, bad.succeeded) == (True, False)
    assert (good.results["even"], bad.results["even"]) == (2, None)
    assert good.run_id != bad.run_id


def test_the_states_of_a_run_pickle() -> None:
    with Flow("pickled") as pickled:
        even.map([2, 3, 0])
    run = pickled.run(executor=HERE)
    for state in (run.state, *run.states.values(), *run.mapped_states["even"]):
        copy = pickle.loads(pickle.dumps(state))
        assert (type(copy), copy.message) == (type(state), state.message)


# Names made of values


def test_a_run_name_that_does_not_take_its_parameters_is_refused_before_anything_runs() -> None:
    ran: list[int] = []

    @task
    def note() -> None:
        ran.append(1)

    day = Parameter("day")
    with Flow("nightly", run_name="nightly {day:%Y}") as nightly:
        note(after=give(day))
    assert nightly.run(day=date(2013, 1, 1), executor=HERE).name == "nightly 2013"
    with pytest.raises(
        ParameterError, match=r"run_name 'nightly \{day:%Y\}' of flow 'nightly' does not take"
    ):
        nightly.run(day="2013-01-01", executor=HERE)
    assert ran == [1]


def test_a_steps_name_that_does_not_take_its_inputs_fails_the_step_and_says_so() -> None:
    with Flow("named") as named:
        give.replace(name="give {value:%Y}")(give("2013"))
    run = named.run(executor=HERE)
    state = run.states["give {value:%Y}"]
    assert isinstance(state, Failed)
    assert state.message.startswith("name 'give {value:%Y}' does not take the inputs: ValueError: ")
    assert isinstance(run.state, Failed)


def test_a_mapped_steps_name_is_filled_for_each_and_only_the_one_that_does_not_fit_fails() -> None:
    with Flow("named") as named:
        give.replace(name="give {value:%Y}").map([date(2013, 1, 1), "2014"])
    run = named.run(executor=HERE)
    assert [type(state) for state in run.mapped_states["give {value:%Y}"]] == [Success, Failed]


def test_a_step_that_waits_for_one_that_never_ran_is_trigger_failed_and_says_why() -> None:
    with Flow("chain") as chain:
        give.replace(name="third")(give.replace(name="second")(broken()))
    run = chain.run(executor=HERE)
    assert [type(run.states[name]) for name in ("second", "third")] == [TriggerFailed, TriggerFailed]
    assert "all_successful does not hold: 1 of 1 upstream steps failed" in run.states["third"].message
    assert not isinstance(run.states["third"], TimedOut | Pending)
