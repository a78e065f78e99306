"""Places for the nodes of a graph: in layers, each as early as the steps before it allow."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SWEEPS: Final = 6
Lines = dict[int, list[int]]


@dataclass(frozen=True)
class Layout:
    """Where nodes stand, in units of their own size and the room between them.

    Attributes:
        places: Layer and position in it, by name.
        edges: For each edge its ends and the (layer, position) that it goes through.
        layers: How many there are.
        width: How far the widest layer reaches.
    """

    places: dict[str, tuple[int, float]]
    edges: list[tuple[str, str, list[tuple[int, float]]]]
    layers: int
    width: float


@dataclass
class _Grid:
    """Points in layers: nodes, and stand-ins where a long edge passes a layer."""

    rows: list[list[int]] = field(default_factory=list[list[int]])
    before: Lines = field(default_factory=Lines)
    after: Lines = field(default_factory=Lines)
    x: dict[int, float] = field(default_factory=dict[int, float])

    def add(self, layer: int) -> int:
        point = len(self.before)
        while len(self.rows) <= layer:
            self.rows.append([])
        self.rows[layer].append(point)
        self.before[point], self.after[point] = [], []
        return point

    def connect(self, one: int, other: int) -> None:
        self.after[one].append(other)
        self.before[other].append(one)


def lay_out(graph: Mapping[str, Sequence[str]]) -> Layout:
    """Lay a graph out.

    Args:
        graph: For each node the names of those before it; names that are no nodes are left out.
    """
    layer_of = _layers(graph)
    grid = _Grid()
    points = {name: grid.add(layer_of[name]) for name in graph}
    paths: list[tuple[str, str, list[int]]] = []
    for name, upstream in graph.items():
        for above in dict.fromkeys(upstream):
            if above in points and layer_of[above] < layer_of[name]:
                passed = [grid.add(layer) for layer in range(layer_of[above] + 1, layer_of[name])]
                path = [points[above], *passed, points[name]]
                for one, other in pairwise(path):
                    grid.connect(one, other)
                paths.append((above, name, path))
    _order(grid)
    _straighten(grid)
    row_of = {point: number for number, row in enumerate(grid.rows) for point in row}
    return Layout(
        places={name: (layer_of[name], grid.x[point]) for name, point in points.items()},
        edges=[(a, b, [(row_of[point], grid.x[point]) for point in path]) for a, b, path in paths],
        layers=len(grid.rows),
        width=max(grid.x.values(), default=0.0) + 1,
    )


def _layers(graph: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return each node's layer: the length of the longest way to it. A cycle, which no flow has, is cut."""
    after: dict[str, list[str]] = {name: [] for name in graph}
    missing: dict[str, int] = {}
    for name, upstream in graph.items():
        above = {each for each in upstream if each in graph}
        missing[name] = len(above)
        for each in above:
            after[each].append(name)
    layer = dict.fromkeys(graph, 0)
    ready = [name for name, count in missing.items() if not count]
    for name in ready:  # grows while it is read
        for below in after[name]:
            layer[below] = max(layer[below], layer[name] + 1)
            missing[below] -= 1
            if not missing[below]:
                ready.append(below)
    return layer


def _order(grid: _Grid) -> None:
    """Order each layer by where its neighbours stand, down and up again, so that few edges cross."""
    for sweep in range(_SWEEPS):
        downwards = sweep % 2 == 0
        neighbours = grid.before if downwards else grid.after
        for row in grid.rows if downwards else reversed(grid.rows):
            place = {point: spot for each in grid.rows for spot, point in enumerate(each)}
            own = {point: spot for spot, point in enumerate(row)}
            row.sort(key=lambda point: _mean([place[n] for n in neighbours[point]], own[point]))


def _straighten(grid: _Grid) -> None:
    """Move points towards their neighbours, and keep a unit between those of one layer."""
    for row in grid.rows:
        grid.x.update({point: spot - len(row) / 2 for spot, point in enumerate(row)})
    for sweep in range(_SWEEPS):
        neighbours = grid.before if sweep % 2 == 0 else grid.after
        for row in grid.rows if sweep % 2 == 0 else reversed(grid.rows):
            wanted = [_mean([grid.x[n] for n in neighbours[point]], grid.x[point]) for point in row]
            grid.x.update(zip(row, _spread(wanted), strict=True))
    left = min(grid.x.values(), default=0.0)
    for point in grid.x:
        grid.x[point] -= left


def _spread(wanted: Sequence[float]) -> list[float]:
    """Return places as near to the wanted ones as a unit between neighbours allows.

    Blocks of points that would overlap are moved as one, to the mean of what its points want.
    """
    blocks: list[tuple[float, int]] = []  # the sum of the wanted starts of a block, and its length
    for spot in wanted:
        total, count = spot, 1
        while blocks and blocks[-1][0] / blocks[-1][1] + blocks[-1][1] > total / count:
            above, length = blocks.pop()
            total, count = above + total - count * length, length + count
        blocks.append((total, count))
    return [total / count + step for total, count in blocks for step in range(count)]


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
