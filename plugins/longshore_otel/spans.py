"""What the spans of runs, steps, attempts and jobs say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from longshore import Failed, Retrying, redact
from longshore_otel.tracing import Event, Span

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from longshore import State, Subject
    from longshore_otel.places import Place
    from longshore_otel.underway import Trial

_LONGEST: Final = 2_000
_LONGEST_TRACE: Final = 16_000
_LONGEST_HANDLE: Final = 200


def span_of(
    name: str,
    place: Place,
    parent: Place | None,
    times: tuple[datetime, datetime],
    attributes: dict[str, Any],
    state: State,
    events: tuple[Event, ...] = (),
) -> Span:
    """Return a span that ended in a state; an error is its status."""
    said = {name: _redacted(value) for name, value in attributes.items()}
    return Span(
        name=redact(name), place=place, parent=parent, start=times[0], end=times[1],
        attributes={**said, "longshore.state": type(state).__name__}, events=events,
        error=redact(state.message)[:_LONGEST] if isinstance(state, Failed | Retrying) else None,
    )  # fmt: skip


def attributes_of(subject: Subject, step: str) -> dict[str, Any]:
    """Return what tells an attempt from others."""
    found: dict[str, Any] = {
        "longshore.flow": subject.flow, "longshore.run.id": subject.run_id, "longshore.step": step,
        "longshore.attempt": subject.attempt, "longshore.tags": subject.tags,
    }  # fmt: skip
    if subject.map_index is not None:
        found["longshore.map_index"] = subject.map_index
    return found


def attempt_spans(
    step: str, place: Place, parent: Place, trial: Trial, subject: Subject, state: State
) -> Iterator[Span]:
    """Yield the span of an attempt that is over, and that of its job."""
    attributes = attributes_of(trial.subject, step)
    if trial.submitted is not None:
        handle = {"longshore.job.handle": trial.handle} if len(trial.handle) <= _LONGEST_HANDLE else {}
        times = trial.submitted, state.time
        yield span_of(f"{step} job", place.inner("job"), place, times, {**attributes, **handle}, state)
    events = (_exception(subject, state),) if isinstance(state, Failed | Retrying) else ()
    times = trial.started, state.time
    yield span_of(f"{step} attempt", place, parent, times, attributes, state, events)


def _exception(subject: Subject, state: Failed | Retrying) -> Event:
    error = state.error
    kind = getattr(error, "type_name", "") or (type(error).__qualname__ if error is not None else "")
    told = {
        "exception.type": kind or type(state).__name__,
        "exception.message": redact(state.message)[:_LONGEST],
    }
    if state.traceback:
        told["exception.stacktrace"] = redact(state.traceback)[-_LONGEST_TRACE:]
    return Event(name="exception", time=state.time, attributes=told)


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    return [redact(str(one)) for one in cast("tuple[Any, ...]", value)] if isinstance(value, tuple) else value
