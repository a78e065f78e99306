"""The states of a flow run itself: its handlers, the log, the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longshore.errors import HandlerError
from longshore.handlers import Handlers, Subject, transition
from longshore.states import Failed, State, utc_now
from longshore.watchers import split

if TYPE_CHECKING:
    from longshore.journals import Journal
    from longshore.lookouts import Lookout
    from longshore.narration import Narrator
    from longshore.runs import FlowRun


class FlowStates:
    """Makes the transitions of a run.

    Attributes:
        journal: Where they are recorded, if the run is.
        lookout: Has the alerts of them told, once the run begins.
        watched: The watchers of the run.

    Args:
        run: The run.
        narrator: Tells of them.
        everywhere: State handlers for every run.
    """

    def __init__(self, run: FlowRun, narrator: Narrator, everywhere: Handlers) -> None:
        self.journal: Journal | None = None
        self.lookout: Lookout | None = None
        self._run = run
        self._narrator = narrator
        self._handlers, self.watched = split((*run.flow.state_handlers, *everywhere))

    def enter(self, new: State) -> None:
        """Enter a state: call the handlers, record what they leave, tell of it."""
        run, old = self._run, self._run.state
        subject = Subject(
            kind="flow", name=run.name, run_id=run.run_id, flow=run.flow.name, tags=run.flow.tags,
            duration=run.duration, raw_inputs=run.parameters,
        )  # fmt: skip
        try:
            new = transition(subject, old, new, self._handlers, run.flow.handler_timeout)
        except HandlerError as error:
            new = Failed(error, message=str(error))
        run.state = new
        if new.finished:
            run.ended = utc_now()
        alerts = self.lookout.flow(subject, old, new) if self.lookout is not None else []
        if self.journal is not None:
            self.journal.flow_changed(new, alerts)
        if self.lookout is not None:
            self.lookout.keep(alerts)
            self.lookout.wake()
        self._narrator.flow_changed(subject, old, new)
