"""What a resumed run knows from before: which steps are done, which were under way, which jobs go on."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from longshore.errors import FlowError
from longshore.jobs.phases import JobCall
from longshore.jobs.tasks import Job
from longshore.logs import run_log
from longshore.signatures import did_you_mean
from longshore.states import Cached, Failed, Retrying, Skipped, State, Success, Unknown, from_timestamp
from longshore.stores.errors import ResultError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from longshore.flows import Flow
    from longshore.nodes import Node
    from longshore.stores.interface import RunStore
    from longshore.stores.records import JobRecord, StepRecord

_DONE: Final = frozenset({"Success", "Cached", "Skipped", "Mapped"})
_OPEN: Final = frozenset({"intended", "submitted"})
_WHOLE: Final = -1

Place = tuple[str, int]
"""A step's name and its place among mapped ones, or -1."""


class Recall:
    """The recorded steps of a run, as the engine asks for them when their turn comes.

    Args:
        flow: The flow.
        store: The store.
        run_id: The run.
        again: Names of steps to run again whatever is recorded.
        rerun: Steps to run again: `name` or `name[3]`; of a mapped one, by its name, those that are not done.
        accept: Results for steps that are to count as done, by `name` or `name[3]`.
    """

    def __init__(
        self,
        flow: Flow,
        store: RunStore,
        run_id: str,
        *,
        again: Collection[str] = (),
        rerun: Collection[str] = (),
        accept: Mapping[str, Any] | None = None,
    ) -> None:
        self._store = store
        self._run_id = run_id
        self._steps: dict[Place, StepRecord] = {(s.step, s.map_index): s for s in store.steps(run_id)}
        self._jobs: dict[Place, list[JobRecord]] = defaultdict(list)
        for job in store.jobs(run_id):
            self._jobs[job.step, job.map_index].append(job)
        self._nodes = {node.name: node for node in flow.steps}
        self._accepted = {p: value for label, value in (accept or {}).items() for p in self._places(label)}
        asked = {place for label in rerun for place in self._places(label)}
        self._again: set[Place] = asked | {(name, _WHOLE) for name in again}
        for name in again:
            self._forget_all(name)
        self._forget_behind([*again, *(name for name, _ in asked)])
        self._forget_set_ups()

    def _place(self, label: str) -> Place:
        name, bracket, index = label.partition("[")
        if name not in self._nodes:
            hint = did_you_mean(name, self._nodes, ", ".join(list(self._nodes)[:20]))
            raise FlowError(f"there is no step {name!r} ({hint})")
        return name, int(index.rstrip("]")) if bracket else _WHOLE

    def _places(self, label: str) -> list[Place]:
        """Return what a label means: of a mapped step those that are not done, or all when all are."""
        name, index = self._place(label)
        if index != _WHOLE or not self._nodes[name].is_mapped:
            return [(name, index)]
        every = [place for place in self._steps if place[0] == name and place[1] != _WHOLE]
        return [place for place in every if self._steps[place].state not in _DONE] or every

    def _forget_all(self, name: str) -> None:
        self._again.update(place for place in self._steps if place[0] == name)

    def _forget_behind(self, names: list[str]) -> None:
        """Run again all that took the results of steps that run again."""
        behind: dict[str, list[str]] = defaultdict(list)
        for node in self._nodes.values():
            for before in node.before():
                behind[before.name].append(node.name)
        waiting = [follower for name in names for follower in behind[name]]
        seen: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                self._forget_all(name)
                waiting += behind[name]

    def _forget_set_ups(self) -> None:
        """Set up again what was cleaned up, where a step that has still to run needs it."""
        for node in self._nodes.values():
            set_up = node.setup
            if set_up is None or not self._began(node):
                continue
            self._forget_all(node.name)
            if not all(self._done(f) for f in self._followers(set_up) if f is not node):
                self._forget_all(set_up.name)

    def _followers(self, node: Node) -> list[Node]:
        return [other for other in self._nodes.values() if node in other.before()]

    def _began(self, node: Node) -> bool:
        record = self._steps.get((node.name, _WHOLE))
        return record is not None and record.began is not None

    def _done(self, node: Node) -> bool:
        record = self._steps.get((node.name, _WHOLE))
        return record is not None and record.state in _DONE and (node.name, _WHOLE) not in self._again

    @property
    def done(self) -> int:
        """How many steps are done and stay so; a mapped one counts as one."""
        return sum(1 for node in self._nodes.values() if self._done(node))

    def state(self, node: Node, index: int) -> tuple[State | None, bool]:
        """Return the state in which a step goes on, and whether that is news; None to start it.

        Retrying says that an attempt failed before, and when the next one is due.
        """
        place = node.name, index
        if place in self._accepted:
            return Success(self._accepted[place], message="accepted"), True
        record = self._steps.get(place)
        if record is None or place in self._again or (node.is_mapped and index == _WHOLE):
            return None, False
        if record.state in _DONE:
            return self._done_before(node, record), False
        if record.state == "Retrying":
            return Retrying(attempt=record.attempt, delay=self._left(record), message=record.message), False
        if not _may_have_happened(record) or node.task.repeatable or isinstance(node.task, Job):
            return None, False
        return self._unknown(record)

    def _left(self, record: StepRecord) -> float:
        """Return the seconds until the next attempt: at most what it was to wait, however clocks were set."""
        due = record.due or 0.0
        entered = [
            t.time
            for t in self._store.transitions(self._run_id)
            if t.state == "Retrying" and (t.step, t.map_index) == (record.step, record.map_index)
        ]
        return max(0.0, min(due - time.time(), due - max(entered, default=due)))

    def _unknown(self, record: StepRecord) -> tuple[State, bool]:
        label = record.step if record.map_index == _WHOLE else f"{record.step}[{record.map_index}]"
        message = (
            f"{label!r} was under way when the run ended, and it is not known whether it happened; "
            f"if it may run again: longshore resume {self._run_id} --rerun {label!r}; "
            f"if it happened: longshore resume {self._run_id} --accept {label!r}"
        )
        return Unknown(None, message=message), record.state != "Unknown"

    def _done_before(self, node: Node, record: StepRecord) -> State | None:
        when = from_timestamp(record.ended)
        if record.state == "Skipped":
            return Skipped(message=record.message, time=when)
        kind = Cached if record.state == "Cached" else Success
        stored = record.result
        if stored is None:
            return kind(None, message=record.message, time=when)
        if stored.serializer:
            try:
                return kind(self._store.results.get(stored), message=record.message, time=when)
            except ResultError as error:
                why = str(error)
        else:
            why = stored.place
        if all(self._done(follower) for follower in self._followers(node)):
            return kind(None, message=f"its result is not there: {why}", time=when)
        return self._lost(node, record, why)

    def _lost(self, node: Node, record: StepRecord, why: str) -> State | None:
        """A step behind needs a result that is not there."""
        goes_on = any(job.state in _OPEN for job in self._jobs.get((record.step, record.map_index), ()))
        if goes_on if isinstance(node.task, Job) else node.task.repeatable:
            run_log.warning("%s | is asked for again: its result is not there: %s", record.step, why)
            return None
        message = (
            f"{record.step!r} succeeded, but its result is not there: {why}; to run it again: "
            f"longshore resume {self._run_id} --rerun {record.step!r}"
        )
        return Failed(ResultError(message), message=message)

    def attempt(self, name: str, index: int) -> int:
        """Return the number of the attempt that a step goes on with: the one that was under way, or 1."""
        record = self._steps.get((name, index))
        return record.attempt if record is not None and record.state == "Running" else 1

    def job(self, name: str, index: int) -> JobCall | None:
        """Return the last job of a step: one that goes on, or what the next one is counted from."""
        jobs = self._jobs.get((name, index))
        if not jobs:
            return None
        last = max(jobs, key=lambda job: job.serial)
        call = JobCall(last.key, last.serial, may_exist=True, recorded=True, cursor=last.cursor or None)
        call.ended = last.state not in _OPEN
        call.handle = None if call.ended else _handle(last)
        return call


def _may_have_happened(record: StepRecord) -> bool:
    return record.state in ("Running", "Unknown", "Crashed")


def _handle(job: JobRecord) -> Any:
    from longshore.stores.serializers import decode  # few runs have jobs

    return decode(job.handle) if job.handle else None
