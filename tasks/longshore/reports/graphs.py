"""A run's graph as one SVG: a box for each step in the colour of its state, to the right or downwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from longshore.quantities import duration
from longshore.reports.layouts import lay_out
from longshore.reports.markup import Markup, element, join
from longshore.reports.tones import gist, sign, tone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longshore.histories import StepHistory
    from longshore.reports.layouts import Layout

MOST: Final = 200
"""Steps that are drawn; of more, a list says more than a picture."""
_WIDTH: Final = 178
_HEIGHT: Final = 46
_MARGIN: Final = 8
_LETTERS: Final = 20
_FEW: Final = 5


@dataclass(frozen=True)
class _Frame:
    """Turns a layout's units into points of the picture."""

    across: bool
    layout: Layout

    def corner(self, layer: int, spot: float) -> tuple[float, float]:
        if self.across:
            return _MARGIN + layer * (_WIDTH + 52), _MARGIN + spot * (_HEIGHT + 16)
        return _MARGIN + spot * (_WIDTH + 22), _MARGIN + layer * (_HEIGHT + 38)

    def ends(self, layer: int, spot: float) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return where edges come into a box, and where they leave it."""
        x, y = self.corner(layer, spot)
        if self.across:
            return (x, y + _HEIGHT / 2), (x + _WIDTH, y + _HEIGHT / 2)
        return (x + _WIDTH / 2, y), (x + _WIDTH / 2, y + _HEIGHT)

    @property
    def size(self) -> tuple[float, float]:
        x, y = self.corner(self.layout.layers - 1, self.layout.width - 1)
        if not self.across:
            x = _MARGIN + (self.layout.width - 1) * (_WIDTH + 22)
        return x + _WIDTH + _MARGIN, y + _HEIGHT + _MARGIN


def draw(steps: Sequence[StepHistory], anchors: dict[str, str]) -> Markup | None:
    """Draw the steps of a run; None when there are too many, or nothing is known of their order.

    Args:
        steps: The steps.
        anchors: Where on the page each one is told of, by name.
    """
    if not 0 < len(steps) <= MOST or not any(step.upstream for step in steps):
        return None
    layout = lay_out({step.record.step: step.upstream for step in steps})
    frame = _Frame(layout.layers <= _FEW or layout.width > _FEW, layout)
    width, height = frame.size
    boxes = [_box(step, frame, anchors[step.record.step]) for step in steps]
    edges = [_edge(frame, path) for _, _, path in layout.edges]
    return element(
        "svg", *edges, *boxes,
        viewBox=f"0 0 {width:g} {height:g}", width=width, height=height, role="img", aria_label="the steps",
    )  # fmt: skip


def _box(step: StepHistory, frame: _Frame, anchor: str) -> Markup:
    record = step.record
    x, y = frame.corner(*frame.layout.places[record.step])
    behind = [_shape(x + 4, y + 4, "behind")] if step.children else []
    name = element("text", _cut(f"{sign(record.state)} {record.step}"), x=x + 10, y=y + 20, class_="name")
    told = element("text", _told(step), x=x + 10, y=y + 36, class_="told")
    full = f"{record.step}: {record.state}{f': {record.message}' if record.message else ''}"
    title = element("title", full if len(full) <= 300 else f"{full[:297]}...")
    inside = join(title, *behind, _shape(x, y, "box"), name, told)
    return element("a", inside, href=f"#{anchor}", class_=f"node {tone(record.state)}")


def _shape(x: float, y: float, kind: str) -> Markup:
    return element("rect", x=x, y=y, width=_WIDTH, height=_HEIGHT, rx=8, class_=kind)


def _told(step: StepHistory) -> str:
    record = step.record
    if step.children:
        return _cut(gist(step), _LETTERS + 8)
    if step.seconds is None:
        return record.state
    attempts = f", attempt {record.attempt}" if record.attempt > 1 else ""
    return f"{duration(step.seconds)}{attempts}"


def _cut(text: str, most: int = _LETTERS) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _edge(frame: _Frame, path: Sequence[tuple[int, float]]) -> Markup:
    """Draw an edge as one curve through the layers that it passes."""
    ends = [frame.ends(*point) for point in path]
    points = [ends[0][1], *(point for into, out in ends[1:-1] for point in (into, out)), ends[-1][0]]
    parts = [f"M{points[0][0]:g},{points[0][1]:g}"]
    for number in range(1, len(points)):
        (x, y), (to_x, to_y) = points[number - 1], points[number]
        if number % 2 == 0:  # straight through a layer
            parts.append(f"L{to_x:g},{to_y:g}")
        elif frame.across:
            middle = (x + to_x) / 2
            parts.append(f"C{middle:g},{y:g} {middle:g},{to_y:g} {to_x:g},{to_y:g}")
        else:
            middle = (y + to_y) / 2
            parts.append(f"C{x:g},{middle:g} {to_x:g},{middle:g} {to_x:g},{to_y:g}")
    return element("path", d=" ".join(parts), class_="edge")
