"""The units of a run that may start, in the order in which they do."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from longshore.nodes import Node

    Unit = tuple[int, int]


class Ready:
    """Hands units out as the flow names its steps, mapped ones by their index."""

    def __init__(self) -> None:
        self._heap: list[Any] = []
        self._depths: list[int] | None = None

    def prefer_depth(self, nodes: Iterable[Node]) -> None:
        """Hand out first what comes of an item that others of the same mapped chain have yet to begin with.

        So a chain of mapped steps has few results that wait for the next one of it.
        """
        units = [self.pop() for _ in range(len(self._heap))]
        self._depths = depths(nodes)
        for unit in units:
            self.push(unit)

    def push(self, unit: Unit) -> None:
        """Add a unit."""
        heapq.heappush(self._heap, unit if self._depths is None else (-self._depths[unit[0]], unit))

    def pop(self) -> Unit:
        """Take the next unit."""
        taken: Any = heapq.heappop(self._heap)
        unit: Unit = taken if self._depths is None else taken[1]
        return unit

    def __bool__(self) -> bool:
        return bool(self._heap)


def depths(nodes: Iterable[Node]) -> list[int]:
    """Return how many mapped steps each step of a flow follows item by item."""
    found: list[int] = []
    for node in nodes:  # each after those before it
        found.append(max((found[source.order] + 1 for source in node.aligned.values()), default=0))
    return found
