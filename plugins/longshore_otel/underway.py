"""The runs, steps and attempts that are under way."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from longshore_otel.tracing import Event

if TYPE_CHECKING:
    from longshore import Subject
    from longshore_otel.pipelines import Pipeline
    from longshore_otel.places import Place

_BRACES: Final = re.compile(r"\\\{.*?\\\}")
_MOST_NAMES: Final = 10_000


@dataclass
class Trial:
    """An attempt under way."""

    subject: Subject
    started: datetime
    submitted: datetime | None = None
    handle: str = ""


@dataclass
class Step:
    """A step under way, or all of a mapped one."""

    started: datetime | None = None
    events: list[Event] = field(default_factory=list[Event])
    trials: dict[tuple[str, int | None], Trial] = field(default_factory=dict[tuple[str, int | None], Trial])


@dataclass
class Run:
    """A flow run under way."""

    pipeline: Pipeline
    flow: str
    run_id: str
    place: Place
    parent: Place | None
    started: datetime
    due: datetime | None
    tags: tuple[str, ...]
    needs: dict[str, tuple[str, ...]]
    mapped: frozenset[str]
    steps: dict[str, Step] = field(default_factory=dict[str, Step])
    ended: dict[str, datetime] = field(default_factory=dict[str, datetime])
    _known: dict[str, str] = field(default_factory=dict[str, str])

    def step_of(self, name: str) -> str:
        """Return the step that a name belongs to, which may be one with values filled in."""
        if name in self.needs:
            return name
        if name not in self._known and len(self._known) < _MOST_NAMES:
            matching = (step for step in self.needs if _is_filled(step, name))
            self._known[name] = next(matching, name)
        return self._known.get(name, name)

    def ready(self, step: str) -> datetime:
        """Return when all was there that a step needs."""
        return max(
            (self.ended.get(need, self.started) for need in self.needs.get(step, ())), default=self.started
        )


def _is_filled(step: str, name: str) -> bool:
    pattern = _BRACES.sub(".*", re.escape(step))
    return "{" in step and re.fullmatch(pattern, name, re.DOTALL) is not None
