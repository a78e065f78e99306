"""The runs of this process, as telemetry sees them: spans are made, and things counted, as they end."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from longshore import Cached, Cancelled, Failed, Retrying, Running, Skipped, TriggerFailed, redact
from longshore_otel.spans import attempt_spans, attributes_of, span_of
from longshore_otel.tracing import MOST_EVENTS, Event
from longshore_otel.underway import Run, Step, Trial

if TYPE_CHECKING:
    import logging

    from longshore import Dataset, FlowRun, State, Subject
    from longshore_otel.pipelines import Pipeline
    from longshore_otel.places import Place

_NEVER_RAN = Cached | Skipped | TriggerFailed | Cancelled


class Ledger:
    """Makes spans and measures of what the hooks of a run tell."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self._lock = threading.Lock()

    def begin(self, run: FlowRun, pipeline: Pipeline, place: Place, parent: Place | None) -> None:
        """Take note of a run that begins."""
        found = Run(
            pipeline, run.flow.name, run.run_id, place, parent, run.started, run.due, tuple(run.flow.tags),
            {node.name: tuple(before.name for before in node.before()) for node in run.flow.steps},
            frozenset(node.name for node in run.flow.steps if node.is_mapped),
        )  # fmt: skip
        with self._lock:
            self._runs[run.run_id] = found

    def place_of_run(self, run_id: str) -> Place | None:
        """Return the place of a run that is under way and traced."""
        run = self._runs.get(run_id)
        return run.place if run is not None and run.pipeline.tracing is not None else None

    def place_of_record(self, record: logging.LogRecord) -> Place | None:
        """Return the span to which a log record belongs."""
        run = self._runs.get(getattr(record, "run_id", ""))
        if run is None:
            return None
        name, number = getattr(record, "step", ""), getattr(record, "attempt", None)
        if not name or number is None or run.step_of(name) not in run.needs:
            return run.place
        return run.place.inner(name, getattr(record, "map_index", None), number)

    @property
    def is_idle(self) -> bool:
        """Whether no run is under way."""
        return not self._runs

    def changed(self, subject: Subject, new: State) -> None:
        """Take note of a transition."""
        run = self._runs.get(subject.run_id)
        if run is None:
            return
        if subject.kind == "flow":
            if new.finished:
                self._end(run, new, new.time)
        elif isinstance(new, Running):
            _running(run, subject, new)
        elif isinstance(new, Retrying):
            _retrying(run, subject, new)
        elif new.finished:
            _finished(run, subject, new)

    def named(self, subject: Subject, dataset: Dataset) -> None:
        """Count what a step read or wrote."""
        run = self._runs.get(subject.run_id)
        metering = run.pipeline.metering if run is not None else None
        if run is None or metering is None:
            return
        labels = {"flow": run.flow, "step": run.step_of(subject.name), "direction": dataset.direction}
        if dataset.bytes:
            metering.count("longshore.dataset.bytes", dataset.bytes, **labels)
        if dataset.rows:
            metering.count("longshore.dataset.rows", dataset.rows, **labels)

    def abort(self) -> None:
        """End the runs whose process ends while they are under way, as after a second Ctrl-C."""
        now = datetime.now(UTC)
        for run in list(self._runs.values()):
            self._end(run, Cancelled(message="the process ended"), now)

    def _end(self, run: Run, new: State, time: datetime) -> None:
        with self._lock:
            if self._runs.pop(run.run_id, None) is None:
                return
        if run.pipeline.tracing is not None:
            attributes = {
                "longshore.flow": run.flow,
                "longshore.run.id": run.run_id,
                "longshore.tags": run.tags,
            }
            run.pipeline.tracing.emit(
                span_of(run.flow, run.place, run.parent, (run.started, time), attributes, new)
            )
        if run.pipeline.metering is not None:
            seconds = (time - run.started).total_seconds()
            took = run.pipeline.metering.took
            took("longshore.run.duration", seconds, flow=run.flow, state=type(new).__name__)
            if run.due is not None:
                late = (run.started - run.due).total_seconds()
                took("longshore.run.queue.duration", late, flow=run.flow)
        if run.pipeline.pushes is not None:
            run.pipeline.pushes.ask()


def _running(run: Run, subject: Subject, new: Running) -> None:
    name = run.step_of(subject.name)
    step = run.steps.setdefault(name, Step())
    if step.started is None:
        step.started = new.time
        if run.pipeline.metering is not None and subject.attempt == 1:
            waited = (new.time - run.ready(name)).total_seconds()
            run.pipeline.metering.took("longshore.step.queue.duration", waited, flow=run.flow, step=name)
    if _is_whole(run, subject, name):
        return
    key = subject.name, subject.map_index
    trial = step.trials.get(key)
    if new.handle is None or trial is None:
        step.trials[key] = trial = Trial(subject, new.time)
    if new.handle is not None:
        trial.submitted, trial.handle = new.time, redact(repr(new.handle))


def _retrying(run: Run, subject: Subject, new: Retrying) -> None:
    name = run.step_of(subject.name)
    step = run.steps.setdefault(name, Step())
    _end_trial(run, step, subject, new)
    if len(step.events) < MOST_EVENTS:
        told = {
            "longshore.attempt": subject.attempt, "longshore.delay": new.delay,
            "exception.message": redact(new.message),
        }  # fmt: skip
        if subject.map_index is not None:
            told["longshore.map_index"] = subject.map_index
        step.events.append(Event(name="longshore.retry", time=new.time, attributes=told))
    if run.pipeline.metering is not None:
        run.pipeline.metering.count("longshore.retries", 1, flow=run.flow, step=name)


def _finished(run: Run, subject: Subject, new: State) -> None:
    name = run.step_of(subject.name)
    step = run.steps.setdefault(name, Step())
    whole = _is_whole(run, subject, name)
    if not whole:
        _end_trial(run, step, subject, new)
        if (
            isinstance(new, Failed)
            and not isinstance(new, TriggerFailed)
            and run.pipeline.metering is not None
        ):
            state = type(new).__name__
            run.pipeline.metering.count("longshore.failures", 1, flow=run.flow, step=name, state=state)
    if subject.map_index is not None:
        return
    for trial in list(step.trials.values()):  # of which nobody heard the end
        _end_trial(run, step, trial.subject, new)
    del run.steps[name]
    run.ended[name] = new.time
    if step.started is not None:
        _end_step(run, name, step, subject, new)


def _end_step(run: Run, name: str, step: Step, subject: Subject, new: State) -> None:
    assert step.started is not None
    if run.pipeline.tracing is not None:
        attributes = attributes_of(subject, name)
        del attributes["longshore.attempt"]
        times = step.started, new.time
        run.pipeline.tracing.emit(
            span_of(name, run.place.inner(name), run.place, times, attributes, new, tuple(step.events))
        )
    if run.pipeline.metering is not None:
        seconds = (new.time - step.started).total_seconds()
        state = type(new).__name__
        run.pipeline.metering.took("longshore.step.duration", seconds, flow=run.flow, step=name, state=state)


def _end_trial(run: Run, step: Step, subject: Subject, new: State) -> None:
    trial = step.trials.pop((subject.name, subject.map_index), None)
    if trial is None:
        if isinstance(new, _NEVER_RAN):
            return
        trial = Trial(subject, new.time)
    step.started = step.started or trial.started
    name = run.step_of(subject.name)
    if run.pipeline.tracing is not None:
        place = run.place.inner(subject.name, subject.map_index, trial.subject.attempt)
        for span in attempt_spans(name, place, run.place.inner(name), trial, subject, new):
            run.pipeline.tracing.emit(span)
    if run.pipeline.metering is not None:
        labels = {"flow": run.flow, "step": name, "state": type(new).__name__}
        seconds = (new.time - trial.started).total_seconds()
        run.pipeline.metering.took("longshore.attempt.duration", seconds, **labels)
        run.pipeline.metering.count("longshore.attempts", 1, **labels)


def _is_whole(run: Run, subject: Subject, name: str) -> bool:
    return subject.map_index is None and name in run.mapped
