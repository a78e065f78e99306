"""A run's timeline: a row for each step, a bar for each attempt, long breaks cut out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from longshore.quantities import duration
from longshore.reports.markup import Markup, element
from longshore.reports.tones import gist, sign, title, tone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longshore.histories import PastAttempt, RunHistory, StepHistory, Unit

MOST: Final = 300
"""Rows, and bars of single attempts in one row."""
_BREAK: Final = 3.0  # percent of the width that stand for a break
_LONG: Final = 10.0  # seconds; a break longer than this, and than the work itself, is cut out
_FINE: Final = 0.25  # percent of the width; where bars are many, those of a state this near are one
_LEAST: Final = 0.35  # percent of the width of a bar
_TICKS: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600,
                 7200, 10800, 21600, 43200, 86400, 172800, 604800)  # fmt: skip
_FEW_TICKS: Final = 5


@dataclass(frozen=True)
class Axis:
    """Turns times into percent of the width.

    Attributes:
        pieces: The stretches in which something ran: from when to when, and where they begin, in percent.
        scale: Percent a second.
    """

    pieces: tuple[tuple[float, float, float], ...]
    scale: float

    @classmethod
    def over(cls, spans: Sequence[tuple[float, float]]) -> Axis:
        """Return the axis that holds these spans, with long breaks between them cut out."""
        joined = _joined(sorted(spans))
        busy = sum(end - start for start, end in joined)
        merged: list[tuple[float, float]] = []
        for start, end in joined:
            if merged and start - merged[-1][1] <= max(busy, _LONG):
                merged[-1] = (merged[-1][0], end)
            else:
                merged.append((start, end))
        room = 100.0 - _BREAK * (len(merged) - 1)
        length = sum(end - start for start, end in merged) or 1.0
        scale, left, pieces = max(room, 10.0) / length, 0.0, list[tuple[float, float, float]]()
        for start, end in merged:
            pieces.append((start, end, left))
            left += (end - start) * scale + _BREAK
        return cls(tuple(pieces), scale)

    def at(self, time: float) -> float:
        """Return where a time is; one inside a break is where the break ends."""
        for start, end, left in self.pieces:
            if time <= end:
                return left + max(0.0, time - start) * self.scale
        start, end, left = self.pieces[-1]
        return left + (end - start) * self.scale


def _joined(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for start, end in spans:
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def timeline(history: RunHistory, anchors: dict[str, str], now: float) -> Markup | None:
    """Draw the timeline of a run; None when nothing ran.

    Args:
        history: The run.
        anchors: Where on the page each step is told of, by name.
        now: When an attempt that goes on is to end in the picture.
    """
    spans = [
        (a.began, _end(a, unit, now)) for step in history.steps for unit in step.units for a in unit.attempts
    ]
    if not spans:
        return None
    axis = Axis.over(spans)
    ran = [step for step in history.steps if any(unit.attempts for unit in step.units)]
    rows = [_row(step, axis, anchors[step.record.step], history, now) for step in ran[:MOST]]
    more = element("p", f"and {len(ran) - MOST:,} steps more", class_="faint") if len(ran) > MOST else None
    return element("div", _head(axis), *rows, more, class_="timeline")


def _end(attempt: PastAttempt, unit: Unit, now: float) -> float:
    if attempt.ended is not None:
        return max(attempt.began, attempt.ended)  # somebody may have put the clock back
    if attempt.state == "Running":
        return max(attempt.began, now)
    known = [other.began for other in unit.attempts if other.began > attempt.began]
    return max(attempt.began, min([attempt.began + 1.0, *known]))  # nobody saw its end: a stub


def _head(axis: Axis) -> Markup:
    marks = [
        element("text", words, x=f"{place:.2f}%", y="12", text_anchor="start" if place < 95 else "end")
        for place, words in _marks(axis)
    ]
    return element("div", element("span"), element("svg", *marks, class_="axis", height="16"), class_="row")


def _marks(axis: Axis) -> list[tuple[float, str]]:
    (start, end, _), *others = axis.pieces
    if others:
        return [(left, f"{datetime.fromtimestamp(start):%d %b %H:%M:%S}") for start, _, left in axis.pieces]
    step = next((tick for tick in _TICKS if (end - start) / tick <= _FEW_TICKS), _TICKS[-1])
    count = min(int((end - start) / step), _FEW_TICKS)
    return [(axis.at(start + number * step), _elapsed(number * step)) for number in range(count + 1)]


def _elapsed(seconds: float) -> str:
    return f"{seconds:g} s" if seconds < 60 else duration(seconds)


def _row(step: StepHistory, axis: Axis, anchor: str, history: RunHistory, now: float) -> Markup:
    # A mapped step's own bar would hide those of its steps.
    attempts = [(unit, attempt) for unit in (step.children or (step,)) for attempt in unit.attempts]
    if len(attempts) > MOST:
        bars = _merged(attempts, axis, now)
    else:
        bars = [_bar(attempt, unit, axis, now) for unit, attempt in attempts]
    breaks = [_line(left - _BREAK / 2, "break") for _, _, left in axis.pieces[1:]]
    again = [_line(axis.at(time), "again") for time in history.tries[1:]]
    return element(
        "div",
        element("a", f"{sign(step.record.state)} {title(step)}", href=f"#{anchor}", title=_hint(step)),
        element("svg", *breaks, *again, *bars, class_=f"track{' many' if step.children else ''}",
                height="20"),
        class_="row",
    )  # fmt: skip


def _hint(step: StepHistory) -> str:
    return f"{step.record.step}: {gist(step) or step.record.state}"


def _bar(attempt: PastAttempt, unit: Unit, axis: Axis, now: float) -> Markup:
    end = _end(attempt, unit, now)
    left = axis.at(attempt.began)
    width = max(_LEAST, axis.at(end) - left)
    took = duration(end - attempt.began) if attempt.ended is not None or attempt.state == "Running" else "?"
    told = f"{unit.label}, attempt {attempt.number}: {attempt.state}, {took}"
    return _rect(left, width, tone(attempt.state), element("title", told))


def _merged(attempts: Sequence[tuple[Unit, PastAttempt]], axis: Axis, now: float) -> list[Markup]:
    """Return few bars for many attempts: one wherever any attempt of a state is under way."""
    places: dict[str, list[tuple[float, float]]] = {}
    for unit, attempt in attempts:
        left = axis.at(attempt.began)
        right = max(left + _LEAST, axis.at(_end(attempt, unit, now))) + _FINE
        places.setdefault(tone(attempt.state), []).append((left, right))
    # The commonest state lies undermost, so that a single failure shows.
    return [
        _rect(left, right - left - _FINE, name)
        for name, spans in sorted(places.items(), key=lambda item: -len(item[1]))
        for left, right in _joined(sorted(spans))
    ]


def _rect(left: float, width: float, kind: str, told: Markup | None = None) -> Markup:
    return element(
        "rect", told, x=f"{min(left, 100 - _LEAST):.3f}%", y="3", width=f"{width:.3f}%", height="14", rx="2",
        class_=f"bar {kind}",
    )  # fmt: skip


def _line(place: float, kind: str) -> Markup:
    return element("line", x1=f"{place:.3f}%", x2=f"{place:.3f}%", y1="0", y2="20", class_=kind)
