"""How the installed plugins stand: what `longshore plugins` and `longshore doctor` show."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import TYPE_CHECKING

from longshore.errors import PluginError
from longshore.isolation import run_each
from longshore.offers import findings, hook_failure
from longshore.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from longshore.entrypoints import Entry, Filter
    from longshore.loader import Loaded, Plugin
    from longshore.offers import Offers


class Status(StrEnum):
    """How a plugin stands."""

    OK = "ok"
    NOT_LOADED = "not loaded"
    MISSING_EXTRA = "missing extra"
    BLOCKED = "blocked"
    CLASH = "clash"
    BROKEN = "broken"


@dataclass(frozen=True, kw_only=True)
class PluginInfo:
    """One installed plugin.

    Attributes:
        name: The short word.
        distribution: What brought it, as `pip` names it.
        version: The distribution's.
        module: Where its hooks are.
        status: How it stands; `not loaded` until something asked for plugins.
        hooks: The hooks that it implements; empty until it is loaded.
        tasks: Its task classes; empty until something asked for tasks.
        missing: Distributions that the extra of its name would install, and that are not there.
        problem: Why it is blocked, broken or clashes.
    """

    name: str
    distribution: str
    version: str
    module: str
    status: Status
    hooks: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Finding:
    """One line of `longshore doctor`: subject, whether it is well, and what was seen or what to do."""

    subject: str
    ok: bool
    text: str


def take(
    entries: Sequence[Entry],
    filter_: Filter,
    loaded: Loaded | None,
    tasks: Offers,
    hook_problems: Mapping[str, PluginError],
) -> list[PluginInfo]:
    """Return how each installed plugin stands.

    Args:
        entries: What is installed.
        filter_: What the environment leaves out.
        loaded: What became of the rest; None before anything was loaded.
        tasks: The tasks that were offered, by class name.
        hook_problems: What went wrong when hooks were asked, by plugin.
    """
    names = Counter(entry.name for entry in entries if not filter_.why_not(entry))
    problems = (loaded.problems if loaded else {}) | dict(hook_problems)
    return [
        _standing(
            entry,
            blocked=filter_.why_not(entry),
            clashes=names[entry.name] > 1,
            problem=problems.get(entry.name),
            plugin=loaded.plugins.get(entry.name) if loaded else None,
            tasks=tuple(name for name, (owner, _) in tasks.items() if owner.entry is entry),
        )
        for entry in entries
    ]


def _standing(
    entry: Entry,
    *,
    blocked: str,
    clashes: bool,
    problem: PluginError | None,
    plugin: Plugin | None,
    tasks: tuple[str, ...],
) -> PluginInfo:
    missing = entry.missing_requirements()
    holds = {
        Status.BLOCKED: bool(blocked),
        Status.CLASH: clashes,
        Status.BROKEN: problem is not None,
        Status.MISSING_EXTRA: bool(missing),
        Status.OK: plugin is not None,
        Status.NOT_LOADED: True,
    }
    return PluginInfo(
        name=entry.name,
        distribution=entry.distribution,
        version=entry.version,
        module=entry.module,
        status=next(status for status, true in holds.items() if true),
        hooks=plugin.implemented() if plugin else (),
        tasks=tasks,
        missing=missing,
        problem=blocked or redact(str(problem or "")),
    )


def examine(infos: Sequence[PluginInfo], plugin: Plugin | None, timeout: float) -> list[Finding]:
    """Return how a plugin stands and what its `longshore_doctor` hook finds.

    Args:
        infos: What is installed under the name; more than one is a clash.
        plugin: The plugin, if it is loaded.
        timeout: Seconds for the hook; what it found until then is kept.
    """
    found: list[Finding] = []
    for info in infos:
        found.append(
            Finding("loads", not info.problem, info.problem or f"{info.distribution} {info.version}")
        )
        found += [Finding(name, False, f"is not installed; run: pip install {name}") for name in info.missing]
    return found if plugin is None else [*found, *_diagnosis(plugin, timeout)]


def _diagnosis(plugin: Plugin, timeout: float) -> list[Finding]:
    found: list[Finding] = []

    def look() -> None:
        answer = plugin.call("longshore_doctor")
        for subject, ok, text in findings(answer if answer is not None else ()):
            found.append(Finding(redact(subject), ok, redact(text)))

    error = run_each({plugin.name: look}, timeout)[plugin.name].error
    if error is None:
        return found
    failure = hook_failure(plugin, "longshore_doctor", error, timeout)
    return [*found, Finding("doctor", False, redact(str(failure)))]


def refuse_unknown(name: str, known: Sequence[str]) -> None:
    """Raise when no plugin of this name is installed.

    Raises:
        PluginError: None is; it names the nearest.
    """
    if name not in known:
        close = get_close_matches(name, known, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise PluginError(f"no plugin {name!r} is installed{hint}")
