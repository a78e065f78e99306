"""What `ExecutorContract` tries of results and failures."""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING, Any, ClassVar, cast

import pytest

from longshore.contracts import trips
from longshore.errors import TravelError
from longshore.executors import InlineExecutor
from longshore.flows import Flow
from longshore.functions import task
from longshore.states import Crashed, Failed, Mapped, Skipped, Success, TimedOut, TriggerFailed
from longshore.triggers import all_finished, any_failed

if TYPE_CHECKING:
    from pathlib import Path

    from longshore.executors import ExecutorLike
    from longshore.runs import FlowRun

_LARGE = 3_000_000


class ExecutorTrials:
    """See `ExecutorContract`."""

    executor: ClassVar[ExecutorLike]
    pickles: ClassVar[bool] = True
    leaves_process: ClassVar[bool] = True
    at_once: ClassVar[bool] = True
    pickles_code: ClassVar[bool] = False

    def _run(self, flow: Flow, **options: Any) -> FlowRun:
        return flow.run(executor=self.executor, **options)

    # Results and states.

    def test_results_and_states_are_the_same_as_anywhere(self) -> None:
        with Flow("same") as flow:
            numbers = trips.double.map([1, 2, 3])
            trips.total(trips.double.map(numbers))
            trips.double.map(trips.odd_ones_fail.map([2, 3, 4]))
            trips.double(trips.raises())
        run = self._run(flow)
        assert run.results["total"] == 24
        assert [type(state) for state in run.mapped_states["odd_ones_fail"]] == [Success, Failed, Skipped]
        assert [type(state) for state in run.mapped_states["double-3"]] == [Success, TriggerFailed, Skipped]
        assert "3 is odd" in run.states["odd_ones_fail"].message
        assert isinstance(run.states["double-4"], TriggerFailed)
        assert isinstance(run.state, Failed)

    def test_one_of_many_fails_and_one_is_skipped_each_in_its_place(self) -> None:
        with Flow("many") as flow:
            each = trips.all_but.map(list(range(300)), trips.unmapped((7,)), trips.unmapped((11,)))
            trips.count(each)
        run = self._run(flow)
        kinds = [type(state) for state in run.mapped_states["all_but"]]
        assert [index for index, kind in enumerate(kinds) if kind is Failed] == [7]
        assert [index for index, kind in enumerate(kinds) if kind is Skipped] == [11]
        assert run.results["all_but"] == [None if n in (7, 11) else n for n in range(300)]

    @pytest.mark.parametrize("seed", range(6))
    def test_a_random_flow_ends_as_it_does_in_line(self, seed: int) -> None:
        flow = _random_flow(random.Random(seed))  # noqa: S311 - the same ones each time
        here, there = flow.run(executor=InlineExecutor()), self._run(flow)
        assert _states(there) == _states(here)
        assert dict(there.results) == dict(here.results)

    def test_a_map_of_maps_keeps_the_order(self) -> None:
        with Flow("maps") as flow:
            rows = trips.row.map(list(range(12)))
            trips.double.map(trips.flatten(rows))
        run = self._run(flow)
        assert isinstance(run.states["double"], Mapped)
        assert run.results["double"] == [2 * (10 * n + m) for n in range(12) for m in range(5)]

    def test_nothing_to_map_over_is_no_work(self) -> None:
        with Flow("nothing") as flow:
            trips.total(trips.double.map([]))
        assert self._run(flow).results["total"] == 0

    def test_equal_calls_are_each_made(self, tmp_path: Path) -> None:
        with Flow("equal") as flow:
            for _ in range(4):
                trips.leave_a_line(str(tmp_path / "lines"), "x")
        assert self._run(flow).succeeded
        assert (tmp_path / "lines").read_text() == "x\n" * 4

    def test_inputs_may_have_any_name(self) -> None:
        with Flow("names") as flow:
            trips.oddly_named(key=1, retries=2, priority=3, workers=4, pure=5, fn=6, args=7, kwargs=8)
        assert self._run(flow).results["oddly_named"] == 36

    def test_what_one_step_does_to_a_result_no_other_one_sees(self) -> None:
        with Flow("shared") as flow:
            items = trips.items()
            first = trips.append_to(items)
            trips.append_to(items, after=first)
        run = self._run(flow)
        assert run.results["append_to"] == run.results["append_to-2"] == [1, 2, 3, "more"]

    def test_large_results_and_their_parts_arrive(self) -> None:
        with Flow("large") as flow:
            made = trips.large(_LARGE)
            trips.length(made["data"])
            trips.length.map(made["parts"])
            trips.double.map(trips.lengths(made["parts"]))
        run = self._run(flow)
        assert run.results["length"] == _LARGE
        assert run.results["length-2"] == [_LARGE // 3] * 3
        assert run.results["double"] == [2 * (_LARGE // 3)] * 3
        assert run.results["large"]["name"] == "large"
        assert len(cast("Any", run.states["large"]).result["data"]) == _LARGE

    # Failures.

    def test_an_error_comes_with_its_type_its_text_and_its_line(self) -> None:
        with Flow("failing") as flow:
            trips.raises()
        state = self._run(flow).states["raises"]
        assert isinstance(state, Failed)
        assert isinstance(state.error, trips.OddError)
        assert state.error.args == ("it is odd", 7)
        assert "raise OddError" in state.traceback

    def test_attempts_are_counted_and_wait_as_they_are_told(self, tmp_path: Path) -> None:
        with Flow("retried") as flow:
            trips.third_time(str(tmp_path / "times"))
        run = self._run(flow)
        assert run.results["third_time"] == 3, run.states
        times = [float(line) for line in (tmp_path / "times").read_text().split()]
        assert len(times) == 3
        assert times[1] - times[0] >= 0.2
        assert times[2] - times[1] >= 0.2

    def test_a_step_past_its_deadline_is_timed_out_and_cleans_up(self, tmp_path: Path) -> None:
        with Flow("late") as flow:
            trips.sleeper.replace(timeout=0.5)(30.0, str(tmp_path / "place"))
        began = time.monotonic()
        run = self._run(flow)
        assert isinstance(run.states["sleeper"], TimedOut), run.states
        assert time.monotonic() - began < 20
        assert (tmp_path / "place.ended").read_text() == "timed out"

    def test_what_cannot_travel_back_is_named(self) -> None:
        if not self.pickles:
            pytest.skip("nothing travels")
        with Flow("stays") as flow:
            trips.opens_a_lock()
            trips.raises_with_a_lock()
            trips.double(4)
        run = self._run(flow)
        state = run.states["opens_a_lock"]
        assert isinstance(state, Failed)
        assert isinstance(state.error, TravelError)
        assert "result of 'opens_a_lock' cannot be sent back" in state.message
        assert "lock" in state.message
        assert "held by nobody" in run.states["raises_with_a_lock"].message
        assert run.results["double"] == 8

    def test_what_cannot_travel_there_is_refused_before_anything_runs(self, tmp_path: Path) -> None:
        if not self.pickles:
            pytest.skip("nothing travels")
        with Flow("stays") as flow:
            trips.leave_a_line(str(tmp_path / "lines"), "x")
            trips.takes(threading.Lock())
        with pytest.raises(TravelError, match=r"argument 'value' of step 'takes'.*lock"):
            self._run(flow)
        assert not (tmp_path / "lines").exists()

    def test_what_a_function_defines_travels_or_is_refused_by_name(self) -> None:
        base = 40

        @task
        def local(n: int) -> int:
            return base + n

        with Flow("local") as flow:
            local(2)
        if self.pickles and not self.pickles_code:
            with pytest.raises(TravelError, match="local"):
                self._run(flow)
        else:
            assert self._run(flow).results["local"] == 42

    def test_a_step_that_ends_its_process_is_told_apart_and_the_rest_goes_on(self) -> None:
        if not self.leaves_process:
            pytest.skip("it would end this process")
        with Flow("dying") as flow:
            dying = trips.dies.replace(repeatable=False)()
            trips.double.replace(trigger=all_finished)(4, after=dying)
        run = self._run(flow)
        assert isinstance(run.states["dies"], Crashed), run.states
        assert "died" in run.states["dies"].message
        assert run.results["double"] == 8


def _random_flow(choose: random.Random) -> Flow:
    """Return a flow whose steps fail, skip, are tried again and wait for others in many ways."""
    with Flow("random", limits={"few": 1, "some": 2}) as flow:
        made: list[Any] = []
        for _ in range(12):
            how = choose.choice(["ok", "ok", "fail", "skip", "retry", "flaky"])
            step = trips.behave.replace(limit=choose.choice([None, "few:1", "some:2"]))
            trigger = choose.choice([None, None, all_finished, any_failed])
            step = step if trigger is None else step.replace(trigger=trigger)
            before = choose.sample(made, min(len(made), choose.randrange(3)))
            mapped = choose.random() < 0.4
            made.append(step.map([how, "ok"], before=[before, []]) if mapped else step(how, before))
    return flow


def _states(run: FlowRun) -> dict[str, list[str]]:
    """Return the names of the states by step, with those of a mapped one's steps."""
    return {
        name: [type(state).__name__ for state in (run.states[name], *run.mapped_states[name])]
        for name in run.states
    }
