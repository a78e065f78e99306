"""A task called outside a flow: what it returns and raises."""

from __future__ import annotations

import threading
import time
import traceback
from typing import Any

import pytest

from longshore import (
    AttemptTimedOut,
    Cache,
    Cached,
    Exponential,
    Fail,
    Failed,
    LongshoreError,
    RetriesExhausted,
    Retry,
    Retrying,
    Running,
    Skip,
    Skipped,
    State,
    Subject,
    Success,
    TaskCancelled,
    TaskFailed,
    TaskSkipped,
    current,
    task,
)


class Flaky:
    """Fails some times, then returns how often it was called."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.attempts: list[int] = []

    def __call__(self) -> int:
        self.attempts.append(current.attempt)
        if self.errors:
            raise self.errors.pop(0)
        return len(self.attempts)


def flaky(*errors: BaseException, **fields: Any) -> tuple[Flaky, Any]:
    work = Flaky(*errors)

    def run() -> int:
        return work()

    return work, task(**fields)(run)


def later(n: int) -> int:
    return n


class BusyError(OSError):
    """An error as clients raise it: with seconds to wait, and whether to try again."""

    def __init__(self, retry_after: Any = None, *, retryable: Any = True) -> None:
        super().__init__("busy")
        self.retry_after = retry_after
        self.retryable = retryable


def test_an_error_comes_out_as_it_was_raised() -> None:
    error = KeyError("k")
    _, failing = flaky(error)
    with pytest.raises(KeyError) as caught:
        failing()
    assert caught.value is error
    assert not hasattr(error, "__notes__")
    assert "in __call__" in "".join(traceback.format_tb(error.__traceback__))


def test_the_last_error_comes_out_with_a_note_on_the_attempts() -> None:
    work, failing = flaky(OSError("one"), OSError("two"), OSError("three"), retries=2)
    with pytest.raises(OSError, match="three") as caught:
        failing()
    assert caught.value.__notes__ == ["'run' failed 3 times; this is the last error"]
    assert work.attempts == [1, 2, 3]


def test_a_retry_that_succeeds_returns_the_result() -> None:
    work, mended = flaky(OSError("one"), retries=3)
    assert mended() == 2
    assert work.attempts == [1, 2]


def test_skip_is_raised_as_task_skipped() -> None:
    _, skipping = flaky(Skip("nothing new"))
    with pytest.raises(TaskSkipped, match="nothing new") as caught:
        skipping()
    assert isinstance(caught.value.state, Skipped)


def test_a_skip_without_a_reason_names_the_task() -> None:
    _, skipping = flaky(Skip())
    with pytest.raises(TaskSkipped, match="'run' skipped"):
        skipping()


def test_fail_is_raised_as_task_failed_at_once() -> None:
    work, failing = flaky(Fail("wrong file"), retries=5)
    with pytest.raises(TaskFailed, match="wrong file"):
        failing()
    assert work.attempts == [1]


def test_retry_makes_another_attempt() -> None:
    work, mended = flaky(Retry("not there yet"), Retry(), retries=2)
    assert mended() == 3
    assert work.attempts == [1, 2, 3]


def test_retry_without_attempts_left_is_raised_as_retries_exhausted() -> None:
    _, failing = flaky(Retry("not there yet"), Retry("still not"), retries=1)
    with pytest.raises(RetriesExhausted, match="still not, after 2 attempts"):
        failing()


def test_retry_without_retries_says_what_to_set() -> None:
    _, failing = flaky(Retry("not there yet"))
    with pytest.raises(RetriesExhausted, match=r"not there yet, and retries is 0; set retries=\.\.\."):
        failing()


@pytest.mark.parametrize("signal", [Skip, Fail, Retry])
def test_except_exception_around_a_call_swallows_no_outcome(signal: type[BaseException]) -> None:
    @task
    def careful() -> str:
        try:
            raise signal("why")
        except Exception:
            return "swallowed"

    with pytest.raises(LongshoreError, match="why"):
        careful()


def test_the_outcomes_outside_a_flow_are_ordinary_errors() -> None:
    assert issubclass(TaskSkipped, Exception)
    assert issubclass(TaskFailed, Exception)
    assert issubclass(RetriesExhausted, Exception)
    assert not issubclass(Skip, Exception)


def waits(failing: Any) -> list[float]:
    """The delays of the retries of a call, and no waiting: the last handler makes it zero."""
    seen: list[float] = []

    def look(subject: Subject, old: State, new: State) -> State | None:
        if isinstance(new, Retrying):
            seen.append(new.delay)
            return Retrying(error=new.error, attempt=new.attempt, delay=0.0)
        return None

    failing.replace(state_handlers=(look,))()
    return seen


def test_a_constant_delay_is_waited_between_attempts() -> None:
    _, mended = flaky(OSError(), OSError(), retries=2, retry_delay=30.0)
    assert waits(mended) == [30.0, 30.0]


def test_a_callable_delay_gets_the_number_of_the_failed_attempt() -> None:
    _, mended = flaky(OSError(), OSError(), retries=2, retry_delay=lambda attempt: attempt * 10)
    assert waits(mended) == [10.0, 20.0]


def test_an_exponential_delay_stays_below_its_ceiling() -> None:
    _, mended = flaky(*[OSError() for _ in range(5)], retries=5, retry_delay=Exponential(base=2.0, cap=9.0))
    for seconds, ceiling in zip(waits(mended), [2.0, 4.0, 8.0, 9.0, 9.0], strict=True):
        assert 0 <= seconds <= ceiling


def test_a_delay_is_really_waited() -> None:
    _, mended = flaky(OSError(), retries=1, retry_delay=0.2)
    began = time.monotonic()
    mended()
    assert time.monotonic() - began >= 0.2


def test_what_an_error_asks_to_wait_is_the_least_that_is_waited() -> None:
    _, mended = flaky(BusyError(12.0), BusyError(3), retries=2, retry_delay=5.0)
    assert waits(mended) == [12.0, 5.0]


@pytest.mark.parametrize("nonsense", ["soon", -3.0, float("inf"), float("nan"), object()])
def test_an_error_that_asks_for_nonsense_is_retried_as_the_task_says(nonsense: object) -> None:
    _, mended = flaky(BusyError(nonsense), retries=1, retry_delay=5.0)
    assert waits(mended) == [5.0]


def test_retry_says_how_long_to_wait() -> None:
    _, mended = flaky(Retry(after=7.0), Retry("why", after=0), retries=2, retry_delay=30.0)
    assert waits(mended) == [7.0, 0.0]


def test_an_error_that_cannot_be_mended_is_not_retried() -> None:
    work, failing = flaky(BusyError(retryable=False), retries=5)
    with pytest.raises(BusyError):
        failing()
    assert work.attempts == [1]


def test_only_the_errors_in_retry_on_are_retried() -> None:
    work, failing = flaky(OSError(), ValueError("wrong"), retries=5, retry_on=(OSError, KeyError))
    with pytest.raises(ValueError, match="wrong"):
        failing()
    assert work.attempts == [1, 2]


def test_retry_on_may_be_a_callable() -> None:
    work, failing = flaky(OSError("busy"), OSError("gone"), retries=5, retry_on=lambda e: "busy" in str(e))
    with pytest.raises(OSError, match="gone"):
        failing()
    assert work.attempts == [1, 2]


def test_a_retry_rule_that_raises_ends_the_attempts_and_says_so() -> None:
    work, failing = flaky(OSError("busy"), retries=5, retry_on=lambda e: e.code == 3)
    with pytest.raises(AttributeError, match="code") as caught:
        failing()
    assert work.attempts == [1]
    assert isinstance(caught.value.__context__, OSError)


@pytest.mark.parametrize("nonsense", [None, "soon", float("inf"), float("nan")])
def test_a_delay_that_is_no_number_ends_the_attempts_and_says_so(nonsense: Any) -> None:
    work, failing = flaky(OSError("busy"), retries=5, retry_delay=lambda attempt: nonsense)
    with pytest.raises(LongshoreError, match=r"cannot wait after attempt 1: retry_delay .* give seconds"):
        failing()
    assert work.attempts == [1]


def test_system_exit_is_not_retried() -> None:
    work, failing = flaky(SystemExit(3), retries=5, retry_on=BaseException)
    with pytest.raises(SystemExit):
        failing()
    assert work.attempts == [1]


def test_a_retry_is_said_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    _, mended = flaky(OSError("busy"), Retry("not yet", after=0), retries=2)
    mended()
    assert caplog.messages == [
        "run | Retrying in 0 s (attempt 1 of 3): OSError: busy",
        "run | Retrying in 0 s (attempt 2 of 3): not yet",
    ]


def test_each_attempt_gets_the_input_as_it_was_given() -> None:
    seen: list[list[int]] = []

    @task(retries=1)
    def consume(items: list[int]) -> int:
        seen.append(list(items))
        items.clear()
        if len(seen) == 1:
            raise OSError("once more")
        return len(seen)

    given = [1, 2]
    assert consume(given) == 2
    assert seen == [[1, 2], [1, 2]]
    assert given == [1, 2]


def test_an_attempt_past_its_deadline_is_timed_out() -> None:
    release = threading.Event()

    @task(timeout=0.05)
    def hang() -> bool:
        return release.wait(10)

    began = time.monotonic()
    with pytest.raises(AttemptTimedOut, match=r"'hang' was not done after 0.05 s") as caught:
        hang()
    release.set()
    assert time.monotonic() - began < 5
    assert isinstance(caught.value, TimeoutError)


def test_a_timed_out_attempt_may_be_retried() -> None:
    release = threading.Event()

    @task(timeout=0.05, retries=1)
    def hang_once() -> int:
        if current.attempt == 1:
            release.wait(10)
        return current.attempt

    assert hang_once() == 2
    release.set()


def test_an_attempt_left_behind_goes_on_until_its_call_returns() -> None:
    left, done = threading.Event(), threading.Event()

    @task(timeout=0.05)
    def slow() -> None:
        left.wait(10)
        done.set()

    with pytest.raises(AttemptTimedOut):
        slow()
    assert not done.is_set()
    left.set()
    assert done.wait(5)


def test_a_task_is_told_to_stop_at_its_deadline() -> None:
    stop, seen = threading.Event(), threading.Event()

    @task(timeout=0.05)
    def stoppable() -> None:
        with current.on_cancel(stop.set):
            stop.wait(10)
            if current.cancelled:
                seen.set()

    with pytest.raises(AttemptTimedOut):
        stoppable()
    assert seen.wait(5)


def test_a_coroutine_is_cancelled_at_its_deadline() -> None:
    import asyncio

    cancelled = threading.Event()

    @task(timeout=0.05)
    async def hang() -> None:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    with pytest.raises(AttemptTimedOut):
        hang()
    assert cancelled.wait(5)


def test_the_deadline_is_on_the_clock_of_time_monotonic() -> None:
    @task(timeout=60.0)
    def left() -> float | None:
        return current.deadline and current.deadline - time.monotonic()

    assert 50 < left() <= 60  # type: ignore[operator]


def test_handlers_are_told_of_each_transition_of_a_call() -> None:
    told: list[tuple[str, str, int]] = []

    def tell(subject: Subject, old: State, new: State) -> None:
        told.append((type(old).__name__, type(new).__name__, subject.attempt))

    _, mended = flaky(OSError("once"), retries=1, state_handlers=(tell,))
    mended()
    assert told == [
        ("Pending", "Running", 1),
        ("Running", "Retrying", 1),
        ("Retrying", "Running", 2),
        ("Running", "Success", 2),
    ]


def test_a_handler_may_turn_a_failure_into_a_result() -> None:
    def forgive(subject: Subject, old: State, new: State) -> State | None:
        return Success(0) if isinstance(new, Failed) else None

    _, forgiven = flaky(OSError("down"), state_handlers=(forgive,))
    assert forgiven() == 0


def test_a_handler_may_turn_a_result_into_a_failure() -> None:
    def refuse(subject: Subject, old: State, new: State) -> State | None:
        return Failed(message="too small") if isinstance(new, Success) else None

    _, refused = flaky(state_handlers=(refuse,))
    with pytest.raises(TaskFailed, match="too small"):
        refused()


def test_a_cached_call_is_not_made_again_and_handlers_are_told() -> None:
    told: list[type[State]] = []

    def tell(subject: Subject, old: State, new: State) -> None:
        told.append(type(new))

    cached = task(cache=Cache(), state_handlers=(tell,))(later)
    assert (cached(1), cached(1)) == (1, 1)
    assert told == [Running, Success, Cached]
    Cache.clear()


def test_a_call_that_waits_for_its_retry_ends_with_the_call_around_it() -> None:
    ended = threading.Event()
    _, patient = flaky(OSError("busy"), retries=1, retry_delay=60.0)

    @task(timeout=0.1)
    def outer() -> None:
        try:
            patient()
        except TaskCancelled:
            ended.set()
            raise

    with pytest.raises(AttemptTimedOut):
        outer()
    assert ended.wait(5)


def test_a_call_made_after_the_call_around_it_was_told_to_stop_does_not_begin() -> None:
    told, refused = threading.Event(), threading.Event()

    @task
    def inner() -> None:
        raise AssertionError("it began")

    @task(timeout=0.05)
    def outer() -> None:
        told.wait(5)
        try:
            inner()
        except TaskCancelled:
            refused.set()

    with pytest.raises(AttemptTimedOut):
        outer()
    told.set()
    assert refused.wait(5)


def test_a_call_inside_a_call_has_its_own_context() -> None:
    @task
    def inner() -> str:
        return current.name

    @task
    def outer() -> tuple[str, str]:
        return inner(), current.name

    assert outer() == ("inner", "outer")


def test_a_templated_name_is_filled_for_each_call() -> None:
    @task(name="export {airport} for {year}")
    def export(airport: str, year: int = 2013) -> str:
        return current.name

    assert export("JFK") == "export JFK for 2013"
    assert export.map(["JFK", "EWR"]) == ["export JFK for 2013", "export EWR for 2013"]


def test_a_failing_call_inside_a_failing_call_is_one_error() -> None:
    _, failing = flaky(OSError("down"))

    @task
    def outer() -> None:
        failing()

    with pytest.raises(OSError, match="down"):
        outer()


def test_many_timed_calls_leave_few_threads() -> None:
    @task(timeout=5.0)
    def quick() -> None: ...

    before = threading.active_count()
    for _ in range(50):
        quick()
    assert threading.active_count() - before < 10
