"""The plugins that watch runs, each with a thread of its own, in which it hears of everything in order."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final

from longshore.handlers import BestEffort
from longshore.plugins import host, tell

if TYPE_CHECKING:
    from longshore.datasets import Dataset
    from longshore.handlers import Subject
    from longshore.loader import Plugin
    from longshore.plugins import Observer
    from longshore.states import State

_MOST: Final = 100_000
"""Datasets, and transitions of flows and whole steps, that may wait for a plugin that is slow.

One takes about a kilobyte. Of the parts of mapped steps fewer may wait: what they came to is seen at the end.
"""


def observers() -> dict[str, Observer]:
    """Return what watches every transition of what begins now, by the plugin's name."""
    pairs = zip(host().implementing("longshore_state_changed"), host().observers(), strict=True)
    return {plugin.name: _named(observer, plugin.label) for plugin, observer in pairs if is_awake(plugin)}


@lru_cache(maxsize=64)
def _named(observer: Observer, label: str) -> Observer:
    """Return an observer that messages call by its plugin."""
    found = partial(observer)
    setattr(found, "__qualname__", f"of {label}")  # noqa: B010 - checkers know no such attribute
    return found


def is_awake(plugin: Plugin) -> bool:
    """Whether a plugin wants to hear of what begins now."""
    if not plugin.has("longshore_watches"):
        return True
    try:
        return plugin.call("longshore_watches") is not False
    except Exception:  # noqa: BLE001 - one that watches may not change a run
        tell(plugin, "longshore_watches")  # says what it raises
        return True


def _hears_datasets_alone(subject: Subject, old: State, new: State) -> None:
    """Stand where a plugin has no hook for transitions."""


class Audience:
    """The plugins that hear of the transitions and datasets of one run."""

    def __init__(self) -> None:
        ears = {name: BestEffort(observer) for name, observer in observers().items()}
        self._ears = tuple(ears.values())
        self._librarians = [
            (plugin, ears.get(plugin.name) or BestEffort(_hears_datasets_alone))
            for plugin in host().implementing("longshore_dataset")
            if plugin.name in ears or is_awake(plugin)
        ]

    def __bool__(self) -> bool:
        """Whether anybody hears of transitions."""
        return bool(self._ears)

    def hear(self, subject: Subject, old: State, new: State) -> None:
        """Tell of a transition."""
        for ear in self._ears:
            if subject.map_index is not None:
                ear(subject, old, new)
            else:
                ear.in_turn(partial(ear.handler, subject, old, new), _MOST)

    def hear_dataset(self, subject: Subject, dataset: Dataset) -> None:
        """Tell what a step read or wrote, after the transitions before it and before those after it."""
        for plugin, ear in self._librarians:
            what: Any = partial(tell, plugin, "longshore_dataset", subject=subject, dataset=dataset)
            ear.in_turn(what, _MOST)
