"""What a run says as it goes: a log line a transition, what observers hear, and the verdict at its end."""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import TYPE_CHECKING

from longshore.context import Attempt, acting_as
from longshore.datasets import Dataset, News
from longshore.errors import LongshoreError, TaskError
from longshore.frontier import WHOLE, Frontier, Unit
from longshore.handlers import Subject
from longshore.lanes import Lane
from longshore.logs import run_log
from longshore.states import (
    Cancelled,
    Failed,
    Mapped,
    Pending,
    Retrying,
    Running,
    State,
    Success,
    TriggerFailed,
    short,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longshore.nodes import Node
    from longshore.progress import Progress
    from longshore.runner import Call
    from longshore.runs import FlowRun

_SHOWN_FAILURES = 5
_LINE_EVERY = 5.0
"""Seconds between two lines in the log about what a step counts."""
_MOST_NEWS = 1_000


class Narrator:
    """Tells the log and the observers of a run's transitions."""

    def __init__(self, run: FlowRun, frontier: Frontier) -> None:
        from longshore.observers import Audience
        from longshore.plugins import host, tell

        self._watchers = [(plugin, Lane(_MOST_NEWS)) for plugin in host().implementing("longshore_progress")]
        self._told: dict[str, float] = {}
        self._tell = tell
        self._run = run
        self._frontier = frontier
        self._log = run_log.isEnabledFor(logging.INFO)
        self._audience = Audience()
        self._quiet = not self._log and not self._audience

    def changed(self, unit: Unit, old: State, new: State, call: Call | None) -> None:
        """Tell of a step's transition."""
        if self._quiet and not isinstance(new, Failed | Retrying):
            return
        context = self._context(unit) if call is None else call.context()
        with acting_as(context):
            self.observe(unit, old, new, call)
            self._say(context.label, new, self._seconds(unit, new), call)

    def _context(self, unit: Unit) -> Attempt:
        node, index = self._frontier.runs[unit[0]].node, None if unit[1] == WHOLE else unit[1]
        return Attempt(
            node.name, self._run.run_id, self._run.flow.name, index, tags=node.tags,
            recorded_in=self._run.recorded_in,
        )  # fmt: skip

    def submitted(self, unit: Unit, call: Call, state: Running) -> None:
        """Tell of a job that goes on in another system."""
        if self._quiet:
            return
        with acting_as(call.context()):
            self.observe(unit, self._frontier.state(unit), state, call)
            run_log.info("%s | job submitted: %s", call.context().label, short(state.handle))

    def resumed(self, done: int) -> None:
        """Tell how much of a resumed run is done."""
        run_log.info("flow %s | resumed: %d of %d steps are done", self._run.name, done,
                     len(self._frontier.runs))  # fmt: skip

    def left(self, count: int, state: State) -> None:
        """Tell how much of the run was not started; a line for each could be a million."""
        if count:
            run_log.info("%s steps | %s: %s", f"{count:,}", type(state).__name__, state.message)

    def _seconds(self, unit: Unit, new: State) -> float | None:
        began = self._run.began.get(unit)
        return None if began is None or not new.finished else (new.time - began).total_seconds()

    def observe(self, unit: Unit, old: State, new: State, call: Call | None) -> None:
        """Tell the observers alone of a step's transition."""
        if self._audience:
            self._audience.hear(self.subject(unit, new, call), old, new)

    def subject(self, unit: Unit, new: State, call: Call | None) -> Subject:
        """Return what a step's transition happened to, as the driver knows it."""
        node = self._frontier.runs[unit[0]].node
        return Subject(
            kind="task", name=node.name if call is None else call.name, run_id=self._run.run_id,
            flow=self._run.flow.name, map_index=None if unit[1] == WHOLE else unit[1],
            attempt=call.attempt if call else 1, attempts=call.task.retries + 1 if call else 1,
            tags=node.tags, log_tail=call.log_tail if call else (),
            duration=self._seconds(unit, new) or 0.0, raw_inputs=call.arguments if call else {}, state=new,
        )  # fmt: skip

    def _say(self, label: str, new: State, seconds: float | None, call: Call | None) -> None:
        took = f" in {seconds:.2f} s" if seconds is not None else ""
        why = f": {new.message}" if new.message else ""
        if isinstance(new, Retrying):
            attempts = ""
            if call is not None and new.attempt:  # none is counted when its worker died
                attempts = f" (attempt {new.attempt} of {call.task.retries + 1})"
            run_log.warning("%s | Retrying in %.2g s%s%s", label, new.delay, attempts, why)
        elif isinstance(new, Failed):
            trace = f"\n{new.traceback.rstrip()}" if new.traceback and _surprising(new.error) else ""
            run_log.error("%s | %s%s%s%s", label, type(new).__name__, took, why, trace)
        elif isinstance(new, Running) and call is not None and call.attempt > 1:
            run_log.info("%s | Running (attempt %d of %d)", label, call.attempt, call.task.retries + 1)
        elif isinstance(new, Mapped):
            run_log.info("%s | Mapped: %s steps succeeded%s", label, f"{len(new.result):,}", took)
        else:
            run_log.info("%s | %s%s%s", label, type(new).__name__, took, why)

    def news(self, context: Attempt, news: News) -> None:
        """Tell what an attempt says while it goes on."""
        if isinstance(news, Dataset):
            self._audience.hear_dataset(_of(context), news.redacted())
        else:
            self._progress(context, news)

    def _progress(self, context: Attempt, progress: Progress) -> None:
        """Tell how far an attempt is: plugins at once, the log now and then when it is told often."""
        for plugin, lane in self._watchers:  # what they cannot follow is left out; the next news is newer
            lane.put(
                partial(self._tell, plugin, "longshore_progress", subject=_of(context), progress=progress)
            )
        if not self._log or not self._is_due(context.label, progress):
            return
        with acting_as(context):
            if progress.fraction is None:
                run_log.info("%s | %s", context.label, progress)
            else:
                run_log.info("%s | %3.0f %% %s", context.label, progress.fraction * 100, progress)

    def _is_due(self, label: str, progress: Progress) -> bool:
        """Whether a line is due: counts come many times a second, and people read the lines."""
        if progress.done is None:
            return True
        now = time.monotonic()
        if now - self._told.get(label, -_LINE_EVERY) < _LINE_EVERY:
            return False
        self._told[label] = now
        return True

    def flow_changed(self, subject: Subject, old: State, new: State) -> None:
        """Tell of the flow's own transition."""
        object.__setattr__(subject, "state", new)
        self._audience.hear(subject, old, new)
        if isinstance(new, Pending | Running):
            run_log.info("flow %s | %s (run %s)", subject.name, type(new).__name__, subject.run_id)
            return
        say = run_log.info if isinstance(new, Success) else run_log.error
        say("flow %s | %s in %.2f s%s", subject.name, type(new).__name__, self._run.duration,
            f": {new.message}" if new.message else "")  # fmt: skip

    def verdict(self, nodes: Sequence[Node]) -> State:
        """Return the state that the given steps' states make for the flow."""
        every = [(label, s) for label, s in self._frontier.states_of(nodes) if isinstance(s, Failed)]
        if every:
            # A step that did not start because of another's failure is no news beside that one.
            failed = [(label, s) for label, s in every if not isinstance(s, TriggerFailed)] or every
            shown = "; ".join(f"{label}: {state.message}" for label, state in failed[:_SHOWN_FAILURES])
            more, behind = len(failed) - _SHOWN_FAILURES, len(every) - len(failed)
            message = f"{len(failed):,} failed: {shown}" + (f"; and {more:,} more" if more > 0 else "")
            message += f"; {behind:,} behind did not start" if behind else ""
            first = next((state.error for _, state in failed if state.error is not None), None)
            return Failed(first or TaskError(message), message=message)
        if any(isinstance(state, Cancelled) for _, state in self._frontier.states_of(nodes)):
            return Cancelled(message="a step was cancelled")
        return Success()


def _surprising(error: BaseException | None) -> bool:
    """Whether a traceback says more than the error's own message."""
    return error is not None and not isinstance(error, LongshoreError)


def _of(context: Attempt) -> Subject:
    return Subject(
        kind="task", name=context.name, run_id=context.run_id, flow=context.flow, map_index=context.map_index,
        attempt=context.attempt, attempts=context.attempts, tags=context.tags, link=context.link,
    )  # fmt: skip
