"""A recorded run, put together for people: its steps with their attempts and jobs."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from longshore import states
from longshore.fingerprints import Fingerprint
from longshore.stores.errors import StoreError
from longshore.stores.records import StepRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from longshore.fingerprints import StepPrint
    from longshore.stores.interface import RunStore
    from longshore.stores.records import JobRecord, RunRecord, TransitionRecord

STATES: Final = {
    kind.__name__: kind
    for kind in vars(states).values()
    if isinstance(kind, type) and issubclass(kind, states.State) and kind is not states.State
}
"""The states by the names that a store knows them by."""
WHOLE: Final = -1
_UUID: Final = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")


def is_state(name: str, *kinds: type[states.State]) -> bool:
    """Whether a recorded state is one of these, or a kind of one."""
    return name in STATES and issubclass(STATES[name], kinds)


def has_ended(name: str) -> bool:
    """Whether nothing comes after a recorded state."""
    return is_state(name, states.Success, states.Failed, states.Cancelled)


@dataclass(frozen=True, kw_only=True)
class PastAttempt:
    """One attempt of a step, as its transitions tell.

    Attributes:
        number: From 1.
        began: When it began.
        ended: When it ended; None while it goes on, and when nobody saw its end.
        state: What it came to; Running while it goes on, Crashed when its process died.
        message: Why.
    """

    number: int
    began: float
    ended: float | None
    state: str
    message: str


@dataclass(frozen=True)
class Unit:
    """A step, or one of those that a mapped one expanded to."""

    record: StepRecord
    attempts: tuple[PastAttempt, ...] = ()
    jobs: tuple[JobRecord, ...] = ()

    @property
    def seconds(self) -> float | None:
        """How long it took, with its retries; of one that was begun again after a crash, since then.

        None for one that has not ended, or whose end nobody saw.
        """
        record, began = self.record, self.record.began
        if record.ended is None or began is None or (self.attempts and self.attempts[-1].ended is None):
            return None
        crashes = [n for n, attempt in enumerate(self.attempts) if attempt.state == states.Crashed.__name__]
        if crashes and crashes[-1] + 1 < len(self.attempts):
            began = self.attempts[crashes[-1] + 1].began
        return record.ended - began

    @property
    def label(self) -> str:
        """The step as people write it: `count`, `count[3]`."""
        index = self.record.map_index
        return self.record.step if index == WHOLE else f"{self.record.step}[{index}]"


@dataclass(frozen=True)
class StepHistory(Unit):
    """A step, with those that it expanded to when it is mapped.

    Attributes:
        children: Those, in order.
        upstream: The names of the steps before it.
        task: What its task was: a class or a function.
    """

    children: tuple[Unit, ...] = ()
    upstream: tuple[str, ...] = ()
    task: str = ""

    @property
    def units(self) -> tuple[Unit, ...]:
        """The step itself and those that it expanded to."""
        return self, *self.children

    @property
    def seconds(self) -> float | None:
        """How long it took; a mapped one from the first beginning to the last end."""
        began = [child.record.began for child in self.children if child.record.began is not None]
        ended = [child.record.ended for child in self.children if child.record.ended is not None]
        return (
            max(ended) - min(began) if began and ended and has_ended(self.record.state) else super().seconds
        )

    def counts(self) -> Counter[str]:
        """Count the states of those that it expanded to."""
        return Counter(child.record.state for child in self.children)


@dataclass(frozen=True)
class RunHistory:
    """A run as a store knows it.

    Attributes:
        run: The run.
        steps: Its steps, in the order in which the flow was built.
        tries: When each start or resume of it began.
    """

    run: RunRecord
    steps: tuple[StepHistory, ...]
    tries: tuple[float, ...] = field(default=())

    @property
    def is_over(self) -> bool:
        """Whether nobody works on it any more: it has ended, or who drove it has died."""
        return has_ended(self.run.state)

    @property
    def done(self) -> int:
        """How many of its steps are done: ended well, or had nothing to do."""
        return sum(is_state(step.record.state, states.Success) for step in self.steps)

    def unknown(self) -> list[str]:
        """Return the labels of the steps of which nobody can tell whether they happened."""
        units = [unit for step in self.steps for unit in (step.children or (step,))]
        return [unit.label for unit in units if unit.record.state == states.Unknown.__name__]


def read_history(store: RunStore, run_id: str) -> RunHistory:
    """Read a run with all that is known of its steps, but for the logs.

    Args:
        store: Where it is.
        run_id: Its id, or a beginning of it.

    Raises:
        RunNotFoundError: There is none, or there are several.
    """
    run = store.run(run_id)
    return put_together(run, store.steps(run.run_id), store.transitions(run.run_id), store.jobs(run.run_id))


def read_outline(store: RunStore, run: RunRecord) -> RunHistory:
    """Read where the steps of a run stand, without attempts and jobs."""
    return put_together(run, store.steps(run.run_id), (), ())


def put_together(
    run: RunRecord,
    records: Iterable[StepRecord],
    transitions: Iterable[TransitionRecord],
    jobs: Iterable[JobRecord],
) -> RunHistory:
    """Put what a store keeps of a run together."""
    moves: dict[tuple[str, int], list[TransitionRecord]] = {}
    for transition in transitions:
        moves.setdefault((transition.step, transition.map_index), []).append(transition)
    jobs_of: dict[tuple[str, int], list[JobRecord]] = {}
    for job in jobs:
        jobs_of.setdefault((job.step, job.map_index), []).append(job)
    prints = _prints(run)
    starts = [move.time for move in moves.get(("", WHOLE), ()) if move.state == states.Running.__name__]
    by_step: dict[str, dict[int, Unit]] = {name: {} for name in prints}
    for record in records:
        place = (record.step, record.map_index)
        attempts = past_attempts(moves.get(place, ()), starts, is_over=has_ended(run.state))
        unit = Unit(record, attempts, tuple(jobs_of.get(place, ())))
        by_step.setdefault(record.step, {})[record.map_index] = unit
    steps = [_step(name, units, prints.get(name)) for name, units in by_step.items()]
    return RunHistory(run, tuple(steps), tuple(starts))


def _prints(run: RunRecord) -> Mapping[str, StepPrint]:
    """Return what the steps were, by name; nothing where that cannot be read."""
    try:
        return Fingerprint.from_text(run.fingerprint).steps
    except StoreError:
        return {}


def _step(name: str, units: dict[int, Unit], made: StepPrint | None) -> StepHistory:
    whole = units.get(WHOLE) or Unit(StepRecord(step=name))
    children = tuple(units[index] for index in sorted(units) if index != WHOLE)
    return StepHistory(
        whole.record,
        whole.attempts,
        whole.jobs,
        children,
        upstream=tuple(dict.fromkeys([*sum(made.sources.values(), ()), *made.after])) if made else (),
        task=made.task.kind if made else "",
    )


def past_attempts(
    moves: Sequence[TransitionRecord], starts: Sequence[float] = (), *, is_over: bool
) -> tuple[PastAttempt, ...]:
    """Return the attempts that a step's transitions tell of.

    Args:
        moves: The transitions, the oldest first.
        starts: When the run was started and resumed: nobody saw the end of an attempt that began before.
        is_over: Whether the run is, so that nobody works on an attempt that has no end.
    """
    running, crashed = states.Running.__name__, states.Crashed.__name__
    found: list[PastAttempt] = []
    for began, after in pairwise([*moves, None]):
        if began is None or began.state != running:
            continue
        if after is None or after.state == running:
            died = is_over or after is not None
            state, message, ended = crashed if died else running, "", None
        else:
            seen = not any(began.time < start <= after.time for start in starts)
            state, message, ended = after.state, after.message, after.time if seen else None
        found.append(
            PastAttempt(number=began.attempt, began=began.time, ended=ended, state=state, message=message)
        )
    return tuple(found)


def short_id(run_id: str) -> str:
    """Return as much of a run's id as people need to type: 8 characters of a UUID, the whole of any other."""
    return run_id[:8] if _UUID.fullmatch(run_id) else run_id
