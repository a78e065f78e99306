"""State handlers that watch a run from where it is driven, and not beside the attempt.

The driver hears of every transition, in order, also of those in other processes, and what such a handler
makes of one can be put on record together with the transition.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from longshore.handlers import BestEffort, On

if TYPE_CHECKING:
    from collections.abc import Callable

    from longshore.handlers import Handlers, Subject
    from longshore.states import State


class RunWatcher(ABC):
    """A state handler that the driver of a run calls for the transitions that it was given for.

    Called as a handler, outside a flow say, it sees one transition at a time.
    """

    @abstractmethod
    def __call__(self, subject: Subject, old: State, new: State, /) -> None:
        """Take note of one transition."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A watcher, and the conditions under which it was given, from the outside to the inside."""

    watcher: RunWatcher
    conditions: tuple[On, ...] = ()


def split(handlers: Handlers) -> tuple[Handlers, tuple[Watched, ...]]:
    """Part handlers into those that are called beside the attempt, and the watchers among them."""
    beside: list[Callable[[Subject, State, State], Any]] = []
    watched: list[Watched] = []
    for handler in handlers:
        found = _watched(handler)
        if found is None:
            beside.append(handler)
        else:
            watched.append(found)
    return (tuple(beside), tuple(watched)) if watched else (handlers, ())


def _watched(handler: object) -> Watched | None:
    conditions: list[On] = []
    while isinstance(handler, On | BestEffort):
        if isinstance(handler, On):
            conditions.append(handler)
        handler = handler.handler
    return Watched(handler, tuple(conditions)) if isinstance(handler, RunWatcher) else None
