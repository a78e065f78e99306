"""A flow's next runs, which stand in the store as Scheduled, and those that were missed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any, Final, cast

from longshore.errors import ConfigurationError
from longshore.flowruns import record_of
from longshore.frontier import Frontier
from longshore.parameters import bind_parameters
from longshore.runs import FlowRun
from longshore.schedules.interface import INSTANT, Schedule, times_of
from longshore.serving.marks import end_run
from longshore.stores.serializers import encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from longshore.flows import Flow
    from longshore.stores.interface import RunStore
    from longshore.stores.records import RunRecord

AHEAD: Final = 10
"""Runs of a flow that are Scheduled in the store."""
LATE: Final = timedelta(seconds=60)
"""A run that nobody has taken so long after its time was missed; until then it is late."""
_LOOKED_AT: Final = 200
"""Recorded runs among which the last ones of a schedule are looked for."""
_SPACE: Final = uuid.UUID("6f0c2a5e-8f0b-5d5e-9d53-0d3b3f5f3c11")


class Agenda:
    """Keeps the next runs of one flow in a store.

    The id of a run is made of the flow, the time and the parameters as they were written, so that any number
    of processes make each run once, and a run that still fits stays when a schedule is changed.

    Args:
        flow: The flow.
        store: Where its runs are.
        late: After how long a run counts as missed.
    """

    def __init__(self, flow: Flow, store: RunStore, late: timedelta = LATE) -> None:
        self._flow = flow
        self._store = store
        self._late = late
        self._upcoming: list[tuple[datetime, Schedule]] = []
        self._looked: datetime | None = None

    def keep(self, now: datetime) -> list[str]:
        """See to it that the next runs are in the store, and to what was missed; return what there is to say.

        Raises:
            ConfigurationError: The parameters of a run cannot be made.
            ParameterError: They are not the flow's.
        """
        said: list[str] = []
        if self._looked is None:
            self._remove_what_no_longer_fits()
        if self._looked is None or now - self._looked > self._late:
            said = list(self._catch_up(now))
        if self._looked is None or (self._upcoming and self._upcoming[0][0] <= now):
            self._upcoming = list(islice(self._runs_after(now), AHEAD))
            for due, schedule in self._upcoming:
                self._add(due, schedule)
        self._looked = now
        return said

    @property
    def next(self) -> tuple[datetime, Schedule] | None:
        """The next time, with its schedule."""
        return self._upcoming[0] if self._upcoming else None

    def _runs_after(self, now: datetime) -> Iterator[tuple[datetime, Schedule]]:
        """Yield the times of the next runs; schedules that mean the same run at one time make one."""
        seen = set[str]()
        for due, schedule in times_of(self._flow.schedules, now):
            run_id = self._run_id(due, schedule)
            if run_id not in seen:
                seen.add(run_id)
                yield due, schedule

    def _add(self, due: datetime, schedule: Schedule) -> None:
        flow, values = self._flow, bind_parameters(self._flow, schedule.parameters_at(due))
        run = FlowRun(
            flow, self._run_id(due, schedule), flow.name_run(values), values, Frontier(flow, values)
        )
        self._store.create(record_of(run, due=due.timestamp(), schedule=str(schedule)))

    def _run_id(self, due: datetime, schedule: Schedule) -> str:
        words = (self._flow.name, due.astimezone(UTC).isoformat(), _identity(schedule.parameters))
        return uuid.uuid5(_SPACE, "\n".join(words)).hex

    def _schedule_of(self, record: RunRecord) -> Schedule | None:
        """Return the schedule that makes a recorded run; None when none does any more."""
        due = datetime.fromtimestamp(record.due or 0.0, UTC)
        for schedule in self._flow.schedules:
            if record.run_id == self._run_id(due, schedule) and schedule.next_after(due - INSTANT) == due:
                return schedule
        return None

    def _remove_what_no_longer_fits(self) -> None:
        waiting = self._store.runs(flow=self._flow.name, states=("Scheduled",))
        keep = [record.run_id for record in waiting if record.schedule and self._schedule_of(record)]
        self._store.remove_scheduled(self._flow.name, keep)

    def _catch_up(self, now: datetime) -> Iterator[str]:
        """Deal with the times that came while nothing served the flow.

        Whatever served it last left the runs that were next then: so those of the last ones that are past
        and still Scheduled were missed, and so was each later time that is not recorded. What is older waits
        for its turn.
        """
        late = (now - self._late).timestamp()
        recorded = self._store.runs(flow=self._flow.name, limit=_LOOKED_AT)
        made = [(r, s) for r in recorded if r.schedule and (s := self._schedule_of(r)) is not None]
        made.sort(key=lambda pair: pair[0].due or 0.0)
        for schedule in self._flow.schedules:
            known = [r for r, s in made if s is schedule]
            left = [
                r
                for r, s in made[-AHEAD:]
                if s is schedule and r.state == "Scheduled" and (r.due or 0.0) <= late
            ]
            if known:
                yield from self._make_up(schedule, left, self._unrecorded(schedule, known[-1], late))

    def _unrecorded(self, schedule: Schedule, last: RunRecord, late: float) -> list[datetime]:
        """Return the missed times after the last recorded one, or only the last of them when that will do."""
        end = datetime.fromtimestamp(late, UTC)
        after = datetime.fromtimestamp(last.due or 0.0, UTC)
        if self._flow.missed == "all":
            return list(takewhile(lambda due: due <= end, schedule.times(after)))
        span = timedelta(minutes=1)
        while True:  # from the end, as there may be millions
            found = list(takewhile(lambda due: due <= end, schedule.times(max(after, end - span))))
            if found or end - span <= after:
                return found[-1:]
            span *= 2

    def _make_up(
        self, schedule: Schedule, left: list[RunRecord], unrecorded: list[datetime]
    ) -> Iterator[str]:
        rule = self._flow.missed
        if not left and not unrecorded:
            return
        kept: list[RunRecord] = left if rule == "all" else []
        if rule == "last" and not unrecorded:
            kept = left[-1:]
        for record in left:
            if record not in kept:
                end_run(self._store, record.run_id, "Skipped", f"missed: nothing served it (missed={rule!r})")
        if rule != "none":
            for due in unrecorded:
                self._add(due, schedule)
        made_up = len(kept) + (0 if rule == "none" else len(unrecorded))
        yield f"times of {schedule} were missed while nothing served it; runs to make up for them: {made_up}"


def _identity(parameters: object) -> str:
    """Return what tells the parameters of one schedule from those of another, in any process."""
    if isinstance(parameters, Mapping):
        return encode(dict(cast("Mapping[str, Any]", parameters)), "parameters")
    name = getattr(parameters, "__qualname__", None)
    if name is None:
        raise ConfigurationError(f"cannot serve parameters={parameters!r}: give a dict or a function")
    return f"{getattr(parameters, '__module__', '')}:{name}"
