"""State handlers: those that decide, those that observe, and what they are told."""

from __future__ import annotations

import pickle
import re
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from told_flows import HERE, Told, quick, run_with, teller, work

from longshore import (
    BestEffort,
    Cancelled,
    ConfigurationError,
    Fail,
    Failed,
    Flow,
    HandlerError,
    On,
    Pending,
    Resource,
    Retrying,
    Running,
    Secret,
    Skip,
    Skipped,
    State,
    Subject,
    Success,
    ThreadExecutor,
    TimedOut,
    TriggerFailed,
    current,
    flow,
    task,
)

# What they are called with


def test_a_handler_is_called_once_for_each_transition_in_order() -> None:
    told: Told = []
    run_with(teller(told))
    assert told == [("work", "Pending", "Running"), ("work", "Running", "Success")]


def test_a_retry_goes_through_retrying_and_never_through_failed() -> None:
    told: Told = []
    run_with(teller(told), n=-1, retries=1)
    assert told == [
        ("work", "Pending", "Running"),
        ("work", "Running", "Retrying"),
        ("work", "Retrying", "Running"),
        ("work", "Running", "Failed"),
    ]


def test_the_final_failure_is_told_once() -> None:
    failures: Told = []
    run_with(On(Failed, teller(failures)), n=-1, retries=3)
    assert failures == [("work", "Running", "Failed")]


def test_a_step_that_never_starts_is_told_of_too() -> None:
    told: Told = []
    with quick() as built:
        listened = work.replace(state_handlers=(teller(told),))
        listened(work(-1))
        listened.replace(name="skips")(skips())
    built.run(executor=HERE)
    assert told == [("work-2", "Pending", "TriggerFailed"), ("skips-2", "Pending", "Skipped")]


@task
def skips() -> int:
    raise Skip("nothing new")


def test_handlers_are_called_in_order_and_see_what_the_one_before_returned() -> None:
    seen: list[State] = []

    def first(subject: Subject, old: State, new: State) -> State | None:
        return Success(99, message="mended") if isinstance(new, Failed) else None

    def second(subject: Subject, old: State, new: State) -> None:
        seen.append(new)
        assert subject.error is None

    run = run_with(first, second, n=-1)
    assert run.results["work"] == 99
    assert seen[-1] == Success(99, message="mended")


def test_a_handler_may_keep_a_step_from_starting() -> None:
    ran: list[int] = []

    @task(state_handlers=(On(Running, lambda *_: Skipped(message="not today")),))
    def careful() -> None:
        ran.append(1)

    with quick() as built:
        careful()
    run = built.run(executor=HERE)
    assert (run.states["careful"], ran) == (Skipped(message="not today"), [])


def test_a_handler_may_turn_a_failure_into_another_attempt() -> None:
    def again(subject: Subject, old: State, new: State) -> State | None:
        if isinstance(new, Failed) and subject.attempt < 3:
            return Retrying(error=new.error, attempt=subject.attempt)
        return None

    told: Told = []
    run_with(again, teller(told), n=-1)
    assert [new for _, _, new in told] == ["Running", "Retrying", "Running", "Retrying", "Running", "Failed"]


# Deciding ones that break


def raises(subject: Subject, old: State, new: State) -> State | None:
    raise ValueError("handler is broken")


def returns_nonsense(subject: Subject, old: State, new: State) -> Any:
    return "fine"


def exits(subject: Subject, old: State, new: State) -> State | None:
    sys.exit(3)


def says_skip(subject: Subject, old: State, new: State) -> State | None:
    raise Skip("handlers return states")


def hangs(subject: Subject, old: State, new: State) -> State | None:
    time.sleep(1.0)
    return None


@pytest.mark.gate("N6")
@pytest.mark.parametrize(
    ("handler", "why"),
    [
        (raises, "ValueError: handler is broken"),
        (returns_nonsense, "returned str; return a State or None"),
        (exits, "SystemExit: 3"),
        (says_skip, "Skip: handlers return states"),
        (hangs, "not done after 0.1 s; wrap it in BestEffort(...) if it only observes"),
    ],
)
@pytest.mark.parametrize("place", ["task", "flow", "step"])
def test_a_deciding_handler_that_breaks_fails_the_run_and_is_named(
    handler: Callable[..., Any], why: str, place: str
) -> None:
    given: Any = {"flow": {"state_handlers": (handler,)}, "step": {"step_handlers": (handler,)}}.get(
        place, {}
    )
    with Flow("handled", handler_timeout=0.1, **given) as built:
        (work.replace(state_handlers=(handler,)) if place == "task" else work)()
    began = time.monotonic()
    run = built.run()
    assert time.monotonic() - began < 5
    assert isinstance(run.state, Failed)
    assert isinstance(run.state.error, HandlerError)
    assert f"state handler {handler.__name__} on " in run.state.message
    assert why in run.state.message


def test_a_handler_error_says_of_which_step_and_transition() -> None:
    run = run_with(On(Success, raises))
    assert run.states["work"].message == (
        "state handler On(Success, raises) on 'work', Running to Success: ValueError: handler is broken"
    )


def test_a_broken_handler_of_a_step_that_does_not_decide_the_flow_fails_it_all_the_same() -> None:
    with Flow("handled", reference_steps=["sound"]) as built:
        work.replace(name="sound")()
        work.replace(state_handlers=(raises,))()
    run = built.run(executor=HERE)
    assert isinstance(run.states["sound"], Success)
    assert isinstance(run.state, Failed)


@pytest.mark.gate("N6")
@pytest.mark.parametrize("executor", [HERE, ThreadExecutor(4)])
def test_a_handler_that_hangs_on_every_step_costs_its_time_once_and_not_for_each(executor: Any) -> None:
    ran: list[int] = []

    @task
    def note(n: int) -> None:
        ran.append(n)

    with Flow("handled", handler_timeout=0.1, step_handlers=(hangs,)) as built:
        note.map(list(range(400)))
    began = time.monotonic()
    run = built.run(executor=executor)
    assert time.monotonic() - began < 8  # 400 times 0.1 s would be 40 s, or 10 s in four threads
    assert isinstance(run.state, Failed)
    assert re.search(r"handler hangs on 'note\[\d\]', Pending to Running: not done after", run.state.message)
    assert ran == []
    assert run.mapped_states["note"][99] == Cancelled(message="not started: a state handler failed")


def test_after_a_handler_broke_what_runs_may_end_and_what_was_set_up_is_cleaned_up() -> None:
    log: list[str] = []
    broke = threading.Event()

    class Place(Resource[str]):
        def setup(self) -> str:
            return "set up"

        def cleanup(self, value: str) -> None:
            log.append("cleaned up")

    @task
    def slow(place: str) -> None:
        broke.wait(5)
        time.sleep(0.05)
        log.append("ended")

    def breaks(subject: Subject, old: State, new: State) -> None:
        broke.set()
        raise ValueError("broken")

    with Flow("handled") as built, Place() as place:
        slow(place)
        work.replace(state_handlers=(On(Success, breaks),))(after=place)  # type: ignore[call-overload]
    run = built.run(executor=ThreadExecutor(4))
    assert isinstance(run.states["slow"], Success)
    assert log == ["ended", "cleaned up"]
    assert "ValueError: broken" in run.state.message


# On


ENTERED = [Running(), Retrying(), Success(1), Skipped(), Failed(), TimedOut(), TriggerFailed(), Cancelled()]


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ({"states": Failed}, ["Failed", "TimedOut", "TriggerFailed"]),
        ({"states": Failed, "ignore": TriggerFailed}, ["Failed", "TimedOut"]),
        ({"states": Failed, "ignore": (TriggerFailed, TimedOut)}, ["Failed"]),
        ({"states": Failed, "only": TimedOut}, ["TimedOut"]),
        ({"states": Success}, ["Success", "Skipped"]),
        ({"states": Success, "ignore": Skipped}, ["Success"]),
        ({"states": (Retrying, Cancelled)}, ["Retrying", "Cancelled"]),
        ({"states": Pending}, ["Retrying"]),
        ({"states": State}, [type(state).__name__ for state in ENTERED]),
    ],
)
def test_on_calls_for_the_states_it_names_and_their_kinds(on: dict[str, Any], expected: list[str]) -> None:
    told: list[str] = []
    handler = On(handler=lambda subject, old, new: told.append(type(new).__name__), **on)
    for state in ENTERED:
        assert handler(Subject(kind="task", name="x"), Pending(), state) is None
    assert told == expected


def test_on_passes_on_what_its_handler_returns() -> None:
    handler = On(Failed, lambda subject, old, new: Success(1))
    assert handler(Subject(kind="task", name="x"), Running(), Failed()) == Success(1)


@pytest.mark.parametrize("nonsense", ["Failed", Failed(), 3, (Failed, "Success"), [Failed]])
def test_on_takes_states(nonsense: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"which is no state; write On\(Failed, \.\.\.\)"):
        On(nonsense, print)
    with pytest.raises(ConfigurationError, match="which is no state"):
        On(Failed, print, ignore=nonsense)


def test_on_takes_a_callable() -> None:
    with pytest.raises(ConfigurationError, match=r"On\(..., 'mail'\): give a callable"):
        On(Failed, "mail")  # type: ignore[arg-type]


def test_handlers_pickle_as_what_they_are() -> None:
    copy = pickle.loads(pickle.dumps((On(Failed, raises, ignore=TimedOut), BestEffort(raises, timeout=3))))
    assert repr(copy) == "(On(Failed, raises), BestEffort(raises))"
    assert copy[0].ignore is TimedOut
    assert copy[1].timeout == 3


# Of flows


def test_a_flows_handlers_are_told_of_the_flow() -> None:
    told: Told = []
    seen: list[Subject] = []

    def keep(subject: Subject, old: State, new: State) -> None:
        seen.append(subject)

    @flow(state_handlers=(teller(told), keep), run_name="nightly {n}", tags=("eu",))
    def nightly(n: int) -> int:
        return work(n)

    run = nightly.run(n=-1, executor=HERE)
    assert told == [("nightly -1", "Pending", "Running"), ("nightly -1", "Running", "Failed")]
    last = seen[-1]
    assert (last.kind, last.name, last.flow, last.run_id) == ("flow", "nightly -1", "nightly", run.run_id)
    assert (last.tags, last.inputs) == (("eu",), {"n": -1})
    assert last.duration > 0
    assert str(last.error) == "no -1"


def test_a_flows_handler_may_decide_the_flows_state() -> None:
    forgive = On(Failed, lambda *_: Success(message="good enough"))
    with Flow("forgiving", state_handlers=forgive) as built:
        work(-1)
    run = built.run(executor=HERE)
    assert run.state == Success(message="good enough")
    assert run.succeeded


def test_a_flows_handler_may_keep_it_from_running() -> None:
    with Flow("closed", state_handlers=On(Running, lambda *_: Cancelled(message="holiday"))) as built:
        work()
    run = built.run(executor=HERE)
    assert run.state == Cancelled(message="holiday")
    assert isinstance(run.states["work"], Pending)


def test_step_handlers_are_told_of_every_step_after_the_tasks_own() -> None:
    told: list[str] = []
    own = work.replace(name="own", state_handlers=(lambda s, o, n: told.append(f"own {s.name}"),))
    step_handler = On(Success, lambda s, o, n: told.append(f"step {s.name}"))
    with Flow("steps", step_handlers=step_handler) as built:
        own(work())
    built.run(executor=HERE)
    assert told == ["step work", "own own", "own own", "step own"]


# What they are told


def test_the_subject_tells_everything_about_an_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOAD_TOKEN", "hunter2-hunter2")
    seen: list[Subject] = []

    @task(retries=1, tags=("io",), state_handlers=(On((Retrying, Failed), lambda s, o, n: seen.append(s)),))
    def load(table: str, rows: list[int], token: str) -> None:
        current.log.error("loading with %s", Secret("env:LOAD_TOKEN").get())
        current.log.warning("attempt %s", current.attempt)
        rows.append(9)
        raise OSError(f"server refused {token}")

    with Flow("nightly", tags=("eu",)) as built:
        load.map(["a"], rows=[[1]], token=["hunter2-hunter2"])
    run = built.run(executor=HERE)
    first, last = seen
    assert (last.kind, last.name, last.label, last.map_index) == ("task", "load", "load[0]", 0)
    assert (last.flow, last.run_id, last.tags) == ("nightly", run.run_id, ("io", "eu"))
    assert (first.attempt, last.attempt, last.attempts) == (1, 2, 2)
    assert last.inputs == {"table": "a", "rows": [1], "token": "***"}
    assert last.duration > 0
    assert str(last.error) == "server refused ***"
    assert last.traceback.splitlines()[1].endswith("in load")
    assert "raise OSError" in last.traceback
    assert "hunter2" not in last.traceback
    assert last.log_tail == ("ERROR   loading with ***", "WARNING attempt 2")
    assert first.log_tail == ("ERROR   loading with ***", "WARNING attempt 1")
    assert "hunter2" not in repr(last)


def test_a_handler_that_changes_the_inputs_it_is_shown_changes_nothing() -> None:
    def meddle(subject: Subject, old: State, new: State) -> None:
        subject.inputs["rows"].append(99)
        subject.inputs.clear()

    @task(state_handlers=(meddle,))
    def count(rows: list[int]) -> int:
        return len(rows)

    with quick() as built:
        count([1, 2])
    assert built.run(executor=HERE).results["count"] == 2


def test_the_subject_of_a_call_outside_a_flow_has_no_flow() -> None:
    seen: list[Subject] = []
    work.replace(state_handlers=(lambda s, o, n: seen.append(s),))(3)
    assert (seen[0].flow, seen[0].run_id, seen[0].inputs) == ("", "", {"n": 3})


def test_a_subject_pickles() -> None:
    seen: list[Subject] = []
    run_with(lambda s, o, n: seen.append(s), n=-1)
    copy = pickle.loads(pickle.dumps(seen[-1]))
    assert (copy.name, copy.inputs, str(copy.error)) == ("work", {"n": -1}, "no -1")


def test_fail_is_told_as_the_failure_it_is() -> None:
    seen: list[State] = []

    @task(state_handlers=(On(Failed, lambda s, o, n: seen.append(n)),), retries=3)
    def stop() -> None:
        raise Fail("wrong file")

    with quick() as built:
        stop()
    built.run(executor=HERE)
    assert [state.message for state in seen] == ["wrong file"]
