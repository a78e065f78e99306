"""What plugins have left in other systems, such as unfinished uploads: found, and ended when no run wants it.

A plugin says what is left by the hook `longshore_sweep`. Whether a run will go on with it is for the store to
say: that of the run which left it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Any, Final, Literal

from longshore.deadlines import call_within
from longshore.errors import PluginError, error_text
from longshore.histories import has_ended, is_state
from longshore.isolation import run_each
from longshore.offers import hook_failure
from longshore.plugins import host
from longshore.redaction import redact
from longshore.states import Success
from longshore.stores.errors import RunNotFoundError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from longshore.loader import Plugin
    from longshore.stores.interface import RunStore
    from longshore.stores.records import RunRecord

Standing = Literal["left", "held", "was ended", "in use", "cannot end"]

PATIENCE: Final = 30.0
"""Seconds that the hooks which hang may take together, and that ending one thing may take."""
_HOOK: Final = "longshore_sweep"
_TOGETHER: Final = 8


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """Something that a plugin left in another system, and that no process works on any more.

    Args:
        kind: What it is, in the other system's words: `"multipart upload"`.
        label: Which one it is, without credentials: `"s3://lake/2013.csv"`.
        end: Ends it there and forgets it here; one that is gone is no error. Returns False, and changes
            nothing, when a process works on it again; raises when it could not be ended. Called in a thread
            of its own, and given 30 s.
        text: What else there is to say, in a few words: `"3 of 12 parts, 24 MiB"`.
        since: When it was worked on last, in seconds since 1970; 0 if that is not known.
        run_id: The run that goes on with it when it is resumed (`current.run_id`); empty if none does.
        store: The store that has this run (`current.recorded_in`).

    Example:
        >>> Leftover(kind="multipart upload", label="s3://lake/x.csv", end=lambda: True).run_id
        ''
    """

    kind: str
    label: str
    end: Callable[[], bool]
    text: str = ""
    since: float = 0.0
    run_id: str = ""
    store: str = ""


@dataclass(frozen=True, kw_only=True)
class FoundLeftover:
    """What a plugin left, and how it stands.

    Attributes:
        plugin: The plugin's name.
        leftover: What it is.
        found: `left` when nobody will go on with it; `held` when a run may, which can be resumed or is on
            record in another store; after `end_leftovers` `was ended`, `in use`, or `cannot end`.
        text: What is known of it, or why it cannot be ended.
        run: The run that left it, if this store has it.
    """

    plugin: str
    leftover: Leftover
    found: Standing
    text: str
    run: RunRecord | None = None


def find_leftovers(
    store: RunStore, *, without: Collection[str] = (), patience: float = PATIENCE
) -> tuple[list[FoundLeftover], list[PluginError]]:
    """Ask all plugins what they have left, and the store whether a run will go on with it.

    What belongs to a run that has not ended is left out: it is that run's own.

    Args:
        store: Where the runs are.
        without: Runs that are looked at as if the store did not have them.
        patience: Seconds that the plugins which hang may take together; what they said until then is kept.

    Returns:
        What was found, and what went wrong with which plugin.
    """
    plugins = {str(index): plugin for index, plugin in enumerate(host().implementing(_HOOK))}
    said: dict[str, list[Leftover]] = {key: [] for key in plugins}
    outcomes = run_each({key: partial(_ask, plugins[key], said[key]) for key in plugins}, patience)
    problems = [
        hook_failure(plugins[key], _HOOK, outcome.error, patience)
        for key, outcome in outcomes.items()
        if outcome.error is not None
    ]
    found = [
        _standing(store, without, plugins[key].name, leftover)
        for key in plugins
        for leftover in tuple(said[key])  # one that was given up may go on adding
    ]
    return [one for one in found if one is not None], problems


def _ask(plugin: Plugin, said: list[Leftover]) -> None:
    answer: Any = plugin.call(_HOOK)
    if answer is None:
        return
    if not isinstance(answer, Iterable):
        raise PluginError(f"returned {answer!r}, which is not Leftovers")
    for item in answer:  # pyright: ignore[reportUnknownVariableType]
        if not isinstance(item, Leftover):
            raise PluginError(f"yielded {item!r}, which is no Leftover")
        said.append(item)


def _standing(
    store: RunStore, without: Collection[str], plugin: str, leftover: Leftover
) -> FoundLeftover | None:
    known = partial(FoundLeftover, plugin=plugin, leftover=leftover)
    text = redact(leftover.text)
    if not leftover.run_id:
        return known(found="left", text=text)
    if leftover.store != store.location:
        elsewhere = redact(f"of run {leftover.run_id} in store {leftover.store or 'that is not known'}")
        return known(found="held", text=", ".join(filter(None, (text, elsewhere))))
    run = None if leftover.run_id in without else _run(store, leftover.run_id)
    if run is None or is_state(run.state, Success):
        return known(found="left", text=text, run=run)
    return known(found="held", text=text, run=run) if has_ended(run.state) else None


def _run(store: RunStore, run_id: str) -> RunRecord | None:
    """Return a run by its whole id."""
    try:
        run = store.run(run_id)
    except RunNotFoundError:
        return None
    return run if run.run_id == run_id else None


def end_leftovers(
    found: Sequence[FoundLeftover], *, held: bool = False, patience: float = PATIENCE
) -> list[FoundLeftover]:
    """End what nobody will go on with, several at a time; return how all stand then.

    Args:
        found: What `find_leftovers` returned.
        held: End those too that a run may go on with; when it is resumed, it begins them anew.
        patience: Seconds that ending one may take.
    """
    if not found:
        return []
    with ThreadPoolExecutor(min(_TOGETHER, len(found)), "longshore-sweep") as pool:
        return list(pool.map(_ended, found, repeat(held), repeat(patience)))


def _ended(found: FoundLeftover, held: bool, patience: float) -> FoundLeftover:
    if found.found == "held" and not held:
        return found
    try:
        gone = call_within(found.leftover.end, patience)
    except Exception as error:  # noqa: BLE001 - whatever the other system's client raises; the others go on
        return replace(found, found="cannot end", text=redact(f"{type(error).__name__}: {error_text(error)}"))
    return replace(found, found="was ended" if gone else "in use")
