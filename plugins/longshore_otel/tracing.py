"""Spans, by OpenTelemetry's API: made when they are over, with ids that follow from the run."""

from __future__ import annotations

import random
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from longshore_otel.places import Place

if TYPE_CHECKING:
    from collections.abc import Generator
    from datetime import datetime

    from opentelemetry.context import Context
    from opentelemetry.trace import SpanContext

SCOPE: Final = "longshore"
MOST_EVENTS: Final = 100


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened while a span went on."""

    name: str
    time: datetime
    attributes: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Span:
    """A piece of work that is over.

    Args:
        error: What went wrong, in one line; None when nothing did.
    """

    name: str
    place: Place
    parent: Place | None
    start: datetime
    end: datetime
    attributes: dict[str, Any] = field(default_factory=dict[str, Any])
    events: tuple[Event, ...] = ()
    error: str | None = None


class Ids:
    """An id generator of the SDK that gives the ids which it was told."""

    def __init__(self) -> None:
        self._next = threading.local()

    @contextmanager
    def giving(self, place: Place) -> Generator[None]:
        """Give a place's ids in this thread."""
        self._next.place = place
        try:
            yield
        finally:
            self._next.place = None

    def generate_trace_id(self) -> int:
        """Return a trace's id."""
        place: Place | None = getattr(self._next, "place", None)
        return place.trace if place is not None else random.getrandbits(128) or 1

    def generate_span_id(self) -> int:
        """Return a span's id."""
        place: Place | None = getattr(self._next, "place", None)
        return place.span if place is not None else random.getrandbits(64) or 1

    def is_trace_id_random(self) -> bool:
        """Whether trace ids have 56 random bits; they follow from a run's id, which may be any text."""
        return False


class Tracing:
    """Makes spans with a provider: the application's, or one that the environment describes.

    Args:
        provider: A tracer provider of the SDK.
    """

    def __init__(self, provider: Any) -> None:
        self.provider = provider
        self._ids = Ids()
        self._tracer = provider.get_tracer(SCOPE)
        if hasattr(self._tracer, "id_generator"):
            self._tracer.id_generator = self._ids

    def is_sampled(self, name: str, place: Place, parent: Place | None) -> bool:
        """Whether the sampler wants a run's spans."""
        sampler = getattr(self.provider, "sampler", None)
        if sampler is None:
            return True
        answer = sampler.should_sample(_context_in(parent), place.trace, name)
        return bool(answer.decision.is_sampled())

    def emit(self, span: Span) -> None:
        """Hand a span to the provider."""
        from opentelemetry.trace import Status, StatusCode

        with self._ids.giving(span.place):
            made = self._tracer.start_span(
                span.name, _context_in(span.parent), attributes=span.attributes, start_time=_ns(span.start)
            )
        for event in span.events:
            made.add_event(event.name, event.attributes, _ns(event.time))
        if span.error is not None:
            made.set_status(Status(StatusCode.ERROR, span.error))
        made.end(_ns(max(span.start, span.end)))


def context_of(place: Place) -> Context:
    """Return a context in which a span is the current one."""
    from opentelemetry.context import get_current
    from opentelemetry.trace import NonRecordingSpan, set_span_in_context

    return set_span_in_context(NonRecordingSpan(_span_context(place)), get_current())


@contextmanager
def entered(place: Place) -> Generator[None]:
    """Make a span the current one, for what the user's own instrumentation makes."""
    from opentelemetry.context import attach, detach

    token = attach(context_of(place))
    try:
        yield
    finally:
        detach(token)


def current_place() -> Place | None:
    """Return the span that is the current one for OpenTelemetry, if there is one."""
    from opentelemetry.trace import get_current_span

    found = get_current_span().get_span_context()
    if not found.is_valid:
        return None
    state = found.trace_state.to_header() if found.trace_state else ""
    return Place(found.trace_id, found.span_id, found.trace_flags.sampled, state, found.is_remote)


def baggage() -> str:
    """Return the baggage of the current context, as a header has it."""
    from opentelemetry.baggage.propagation import W3CBaggagePropagator

    carrier: dict[str, str] = {}
    W3CBaggagePropagator().inject(carrier)
    return carrier.get("baggage", "")


def _context_in(parent: Place | None) -> Context:
    from opentelemetry.context import Context
    from opentelemetry.trace import NonRecordingSpan, set_span_in_context

    if parent is None:
        return Context()
    return set_span_in_context(NonRecordingSpan(_span_context(parent)), Context())


def _span_context(place: Place) -> SpanContext:
    from opentelemetry.trace import SpanContext, TraceFlags, TraceState

    state = TraceState.from_header([place.state]) if place.state else TraceState()
    return SpanContext(place.trace, place.span, place.remote, TraceFlags(int(place.sampled)), state)


def _ns(time: datetime) -> int:
    return int(time.timestamp() * 1_000_000) * 1000
