"""The runs of this process, as lineage sees them: what began, what was read and written, what ended."""

from __future__ import annotations

import inspect
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from longshore import Cached, Cancelled, Failed, Running, Skipped, Success, TriggerFailed, redact
from longshore_openlineage.facts import Fact, Kind
from longshore_openlineage.identities import Link, flow_link, links_around, step_link
from longshore_openlineage.totals import Total, Totals

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from longshore import Dataset, FlowRun, State, Subject

_NEVER_RAN = Cached | Skipped | TriggerFailed
_LONGEST_ABOUT = 2_000


@dataclass
class _Step:
    """A step under way; what the parts of a mapped one named is added when they end.

    By index, and None for the step itself: the attempt, and what it named. Each attempt begins anew.
    """

    started: Fact | None = None
    whole: Totals = field(default_factory=Totals)
    parts: dict[int | None, tuple[int, Totals]] = field(default_factory=dict[int | None, tuple[int, Totals]])

    def add(self, subject: Subject, dataset: Dataset) -> None:
        attempt, totals = self.parts.get(subject.map_index, (0, Totals()))
        if attempt != subject.attempt:
            totals = Totals()
            self.parts[subject.map_index] = subject.attempt, totals
        totals.add(dataset)

    def begin(self, subject: Subject) -> None:
        if self.parts.get(subject.map_index, (subject.attempt,))[0] != subject.attempt:
            del self.parts[subject.map_index]

    def end(self, index: int | None) -> None:
        if index in self.parts:
            self.whole.merge(self.parts.pop(index)[1])

    def told(self) -> tuple[Total, ...]:
        for index in list(self.parts):  # of which nobody heard the end
            self.end(index)
        return self.whole.told()


@dataclass
class _Run:
    """A flow run under way."""

    send: Callable[[Fact], None]
    link: Link
    parent: Link | None
    root: Link | None
    about: str
    due: datetime | None
    driven: bool = True
    started: Fact | None = None
    steps: dict[str, _Step] = field(default_factory=dict[str, _Step])


class Ledger:
    """Makes facts of the transitions and datasets of runs. Any thread may tell it."""

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}
        self._lock = threading.Lock()

    def begin(self, run: FlowRun, send: Callable[[Fact], None]) -> None:
        """Take note of a run that begins, here or within a step.

        Args:
            run: The run.
            send: Takes what is to be told of it.
        """
        parent, root = links_around()
        about = redact(inspect.cleandoc(run.flow.__doc__ or ""))[:_LONGEST_ABOUT] if _has_doc(run) else ""
        with self._lock:
            self._runs[run.run_id] = _Run(
                send, flow_link(run.flow.name, run.run_id), parent, root, about, run.due
            )

    def finished(self, run_id: str) -> None:
        """Take note that nobody drives a run any more; its last transition may still be on its way."""
        with self._lock:
            run = self._runs.get(run_id)
            if run is not None:
                run.driven = False

    @property
    def awaited(self) -> bool:
        """Whether the end of a run that nobody drives has yet to be heard."""
        with self._lock:
            return any(not run.driven for run in self._runs.values())

    def abort(self, time: datetime) -> bool:
        """Tell of the runs whose process ends while they are under way, as after a second Ctrl-C."""
        with self._lock:
            left = list(self._runs.values())
            self._runs.clear()
        for run in left:
            steps = (step.started for step in run.steps.values())
            for started in (*steps, run.started):
                if started is not None:
                    run.send(replace(started, kind="ABORT", time=time))
        return bool(left)

    def changed(self, subject: Subject, new: State) -> None:
        """Take note of a transition."""
        run = self._runs.get(subject.run_id)
        if run is None:
            return
        if subject.kind == "flow":
            self._flow_changed(run, subject, new)
        elif subject.map_index is not None:
            _part_changed(run, subject, new)
        else:
            _step_changed(run, subject, new)

    def named(self, subject: Subject, dataset: Dataset) -> None:
        """Take note of what an attempt read or wrote."""
        run = self._runs.get(subject.run_id)
        if run is None:
            return
        run.steps.setdefault(subject.name, _Step()).add(subject, dataset)

    def _flow_changed(self, run: _Run, subject: Subject, new: State) -> None:
        if isinstance(new, Running) and run.started is None:
            run.started = Fact(
                kind="START", time=new.time, link=run.link, job_type="FLOW", parent=run.parent, root=run.root,
                tags=subject.tags, about=run.about, due=run.due,
            )  # fmt: skip
            run.send(run.started)
        if new.finished:
            with self._lock:
                self._runs.pop(subject.run_id, None)
            if run.started is not None:
                run.send(_ended(run.started, subject, new, _kind(new)))


def _part_changed(run: _Run, subject: Subject, new: State) -> None:
    step = run.steps.get(subject.name)
    if step is not None and isinstance(new, Running):
        step.begin(subject)
    elif step is not None and new.finished:
        step.end(subject.map_index)


def _step_changed(run: _Run, subject: Subject, new: State) -> None:
    step = run.steps.setdefault(subject.name, _Step())
    if isinstance(new, Running):
        step.begin(subject)
        if step.started is None:
            step.started = _began(run, subject, new)
            run.send(step.started)
    elif new.finished:
        del run.steps[subject.name]
        if step.started is None:
            if isinstance(new, _NEVER_RAN | Cancelled):
                return
            step.started = _began(run, subject, new)  # before the run was resumed, or too short to be seen
            run.send(step.started)
        run.send(replace(_ended(step.started, subject, new, _kind(new)), datasets=step.told()))


def _began(run: _Run, subject: Subject, new: State) -> Fact:
    return Fact(
        kind="START", time=new.time, link=step_link(subject.flow, subject.name, subject.run_id),
        job_type="TASK", parent=run.link, root=run.root or run.link, tags=subject.tags, due=run.due,
    )  # fmt: skip


def _ended(started: Fact, subject: Subject, new: State, kind: Kind) -> Fact:
    if isinstance(new, Success):
        return replace(started, kind=kind, time=new.time)
    return replace(started, kind=kind, time=new.time, message=redact(new.message), trace=subject.traceback)


def _kind(new: State) -> Kind:
    if isinstance(new, Failed):
        return "FAIL"
    return "ABORT" if isinstance(new, Cancelled) else "COMPLETE"


def _has_doc(run: FlowRun) -> bool:
    """Whether a flow has a docstring of its own, and not that of its class."""
    own: dict[str, Any] = vars(run.flow)
    return isinstance(own.get("__doc__"), str)
