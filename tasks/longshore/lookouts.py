"""What watches a run from where it is driven: its alerts, as its transitions come in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longshore.frontier import WHOLE, Unit
from longshore.states import Success

if TYPE_CHECKING:
    from longshore.alerts.watching import RunAlerts
    from longshore.callers import Caller
    from longshore.frontier import Frontier
    from longshore.handlers import Subject
    from longshore.journals import Journal
    from longshore.narration import Narrator
    from longshore.runner import Call
    from longshore.runs import FlowRun
    from longshore.states import State
    from longshore.stores.records import AlertRecord
    from longshore.watchers import Watched


class Lookout:
    """Has the alerts of one run made, written down and told.

    Args:
        run: The run.
        narrator: Knows what a transition happened to.
        calls: Knows the watchers of steps.
        flow_watched: The watchers of the run itself.
    """

    def __init__(
        self, run: FlowRun, narrator: Narrator, calls: Caller, flow_watched: tuple[Watched, ...]
    ) -> None:
        self._run = run
        self._narrator = narrator
        self._calls = calls
        self._flow_watched = flow_watched
        self._alerts: RunAlerts | None = None
        self._journal: Journal | None = None
        self._has_news = False

    def begin(self, frontier: Frontier, journal: Journal | None) -> None:
        """Look who watches, and have what earlier runs left told."""
        steps = (found for run in frontier.runs for found in self._calls.watched(run.node))
        watched = (*self._flow_watched, *steps)
        if not watched:
            return
        from longshore.alerts.deliveries import memory
        from longshore.alerts.watching import RunAlerts

        self._journal = journal
        self._frontier = frontier
        spool = memory() if journal is None else journal.store
        self._alerts = RunAlerts(self._run.flow.name, spool, watched)
        self._alerts.wake()

    def flow(self, subject: Subject, old: State, new: State) -> list[AlertRecord]:
        """Return what is to be told of the run's own transition."""
        if self._alerts is None or not self._flow_watched:
            return []
        return self._alerts.transition(subject, old, new, self._flow_watched)

    def step(self, unit: Unit, old: State, new: State, call: Call | None) -> list[AlertRecord]:
        """Return what is to be told of a step's transition."""
        if self._alerts is None:
            return []
        run = self._frontier.runs[unit[0]]
        watched = self._calls.watched(run.node)
        if not watched or not self._alerts.concerns(new, watched):
            return []
        subject = self._narrator.subject(unit, new, call)
        sums_up = unit[1] == WHOLE and bool(run.children)  # each of them was told of
        if sums_up and not isinstance(new, Success):
            return []
        return self._alerts.transition(subject, old, new, watched, only_recoveries=sums_up)

    def keep(self, alerts: list[AlertRecord]) -> None:
        """Keep what the journal was given with a transition, or has to be kept without one."""
        if not alerts or self._alerts is None:
            return
        if self._journal is None:
            self._alerts.add(alerts)
        elif self._journal.error is not None:  # the run cannot be recorded any more; that is worth an alert
            self._alerts.add_in_memory(alerts)
        else:
            self._has_news = True

    def wake(self) -> None:
        """Have told what has been written down by now."""
        if self._has_news and self._alerts is not None:
            self._has_news = False
            self._alerts.wake()

    def close(self) -> None:
        """Watch no longer."""
        self.wake()
        if self._alerts is not None:
            self._alerts.close()
