"""Which span is which: ids that are the same whoever computes them, in W3C's form."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from longshore import Attempt


PARENT: Final = "TRACEPARENT"
STATE: Final = "TRACESTATE"
_FORM: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


@dataclass(frozen=True, slots=True)
class Place:
    """One span of one trace, as others name it.

    Args:
        trace: The trace's id.
        span: The span's id; 0 where there is only a trace.
        sampled: Whether the trace is exported.
        state: What vendors say of the trace, in W3C's form.
        remote: Whether the span is another process's.
    """

    trace: int
    span: int
    sampled: bool = True
    state: str = ""
    remote: bool = False

    def __str__(self) -> str:
        """Return it as a `traceparent`."""
        return f"00-{self.trace:032x}-{self.span:016x}-{int(self.sampled):02x}"

    def inner(self, *parts: object) -> Place:
        """Return the place of a span of the same trace, which follows from this one and some parts."""
        return replace(self, span=_span(self.span, *parts), remote=False)

    def unsampled(self) -> Place:
        """Return it as one that is not exported."""
        return replace(self, sampled=False)


def parsed(variables: Mapping[str, str]) -> Place | None:
    """Return the span that variables name, `TRACEPARENT` and `TRACESTATE`, if they do."""
    found = _FORM.fullmatch(variables.get(PARENT, "").strip().lower())
    if found is None or found[1] == "ff" or (found[1] == "00" and found[5]):
        return None
    trace, span = int(found[2], 16), int(found[3], 16)
    if not trace or not span:
        return None
    state = variables.get(STATE, "").strip()
    return Place(trace, span, bool(int(found[4], 16) & 1), state, remote=True)


def trace_id(run_id: str) -> str:
    """Return the trace of a run that began outside of any other trace, as 32 hexadecimal digits.

    A run id that is a UUID, as Longshore's are, is the trace's id too.

    Args:
        run_id: The flow run's id.

    Example:
        >>> trace_id("4bf92f3577b34da6a3ce929d0e0e4736")
        '4bf92f3577b34da6a3ce929d0e0e4736'
    """
    return f"{_trace(run_id):032x}"


def place_of_run(run_id: str, ends: int, parent: Place | None) -> Place:
    """Return the place of a run.

    Args:
        run_id: The run's id.
        ends: How often it had ended before it was resumed: the span of a run that ended is exported, and the
            next one is another; that of one that was killed is not, and the next one takes its place.
        parent: What the run is a part of; None for a trace of its own.
    """
    if parent is None:
        return Place(_trace(run_id), _span(run_id, ends))
    return replace(parent, span=_span(run_id, ends), remote=False)


def place_of_attempt(attempt: Attempt, run: Place) -> Place:
    """Return the place of an attempt's span in its run."""
    return run.inner(attempt.name, attempt.map_index, attempt.attempt)


def variables_of(place: Place) -> dict[str, str]:
    """Return the variables by which other programs find a span."""
    return {PARENT: str(place), **({STATE: place.state} if place.state else {})}


def _trace(text: str) -> int:
    try:
        found = uuid.UUID(text).int
    except ValueError:
        found = 0
    return found or int.from_bytes(blake2b(text.encode(), digest_size=16).digest()) or 1


def _span(*parts: object) -> int:
    return int.from_bytes(blake2b(repr(parts).encode(), digest_size=8).digest()) or 1
