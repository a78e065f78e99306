"""Where code runs: the span around it, for children, jobs, runs inside a step and users' own spans."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from longshore_otel.places import Place, parsed, place_of_attempt, variables_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from longshore import Attempt

_BAGGAGE: Final = "BAGGAGE"
_here: ContextVar[tuple[str, Place] | None] = ContextVar("longshore_otel_here", default=None)
"""The run, and the place of the attempt, that this code is a part of."""


def is_inside(run_id: str) -> bool:
    """Whether this code is a part of an attempt of a run: what it calls is no step of it."""
    here = _here.get()
    return here is not None and here[0] == run_id


def place_here(attempt: Attempt) -> Place | None:
    """Return the span that an attempt, or a call inside one, belongs to; None where nothing is traced."""
    here = _here.get()
    if here is not None and here[0] == attempt.run_id:
        return here[1]
    run = parsed(attempt.variables or {})
    return None if run is None else place_of_attempt(attempt, run)


@contextmanager
def within(attempt: Attempt, place: Place) -> Generator[None]:
    """Make an attempt's span the current one."""
    from longshore_otel.tracing import entered

    token = _here.set((attempt.run_id, place))
    try:
        with entered(place):
            yield
    finally:
        _here.reset(token)


def variables_here(place: Place) -> dict[str, str]:
    """Return what hands a span on to other programs."""
    found = variables_of(place)
    if "opentelemetry.baggage" in sys.modules:
        from longshore_otel.tracing import baggage

        if carried := baggage():
            found[_BAGGAGE] = carried
    return found


def place_around() -> Place | None:
    """Return what a run that begins here is a part of: an attempt, the application's span, or TRACEPARENT."""
    here = _here.get()
    if here is not None:
        return here[1]
    if "opentelemetry.trace" in sys.modules:
        from longshore_otel.tracing import current_place

        if (found := current_place()) is not None:
            return found
    return parsed(os.environ)
