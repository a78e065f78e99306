"""What becomes of the steps that a stopped run has not started: cancelled, or cleaned up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longshore.frontier import WHOLE, Frontier, NodeRun, Unit
from longshore.runner import attempt
from longshore.states import Cancelled, Failed, Retrying, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from longshore.callers import Caller
    from longshore.interrupts import Interrupts
    from longshore.narration import Narrator


class Leavings:
    """Ends what a stopped run has not started.

    Args:
        frontier: How far the run has come.
        narrator: Tells of it.
        calls: Makes the calls that clean up.
        interrupts: Whether the run was told to stop twice.
        end: Ends a unit with a state.
    """

    def __init__(
        self,
        frontier: Frontier,
        narrator: Narrator,
        calls: Caller,
        interrupts: Interrupts,
        end: Callable[[Unit, State], None],
    ) -> None:
        self._frontier = frontier
        self._narrator = narrator
        self._calls = calls
        self._interrupts = interrupts
        self._end = end

    def abandon(self, retrying: Iterable[Unit], reason: str, *, clean_up: bool) -> None:
        """Cancel what has not run, but for the clean-up of what was set up, which runs here."""
        for unit in sorted(retrying):
            self._end(unit, self._calls.enter(unit, Cancelled(message=reason)))
        left = Cancelled(message=f"not started: {reason}")
        runs = [run for run in self._frontier.runs if not run.state.finished]
        ends = [run for run in runs if run.node.setup is not None and clean_up]
        self._narrator.left(sum(self._leave(run, left) for run in runs if run not in ends), left)
        for run in reversed(ends):
            unit = run.node.order, WHOLE
            self._end(unit, self._clean_up(unit))

    def _leave(self, run: NodeRun, state: State) -> int:
        """End all that a step has not started with one state; return how much that is.

        Observers are told of the step, not of each of its units.
        """
        unit = run.node.order, WHOLE
        count = self._frontier.leave(run, state)
        whole = state if run.children is None else self._frontier.summary(run)
        self._narrator.observe(unit, run.state, whole, None)
        self._frontier.record(unit, whole)
        return count

    def _clean_up(self, unit: Unit) -> State:
        state = self._frontier.obstacle(unit)
        if state is not None:
            return state
        call = self._calls.call(unit, None)
        state = attempt(call, call.context(), lambda _: None)
        if self._interrupts.twice:
            raise KeyboardInterrupt
        return Failed(state.error, message=state.message) if isinstance(state, Retrying) else state
