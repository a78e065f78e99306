"""Loads plugins: imports each, checks that it fits, and keeps its hooks ready to call."""

from __future__ import annotations

import importlib
import re
from collections import Counter
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pluggy

from longshore import hookspecs
from longshore.entrypoints import own_version, satisfies
from longshore.errors import PluginError
from longshore.isolation import OUTPUT_LIMIT, Late, run_each

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longshore.entrypoints import Entry

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*$")
_MODULE: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*$")


@dataclass
class Plugin:
    """A plugin that is loaded, or an object that was registered in code.

    Each has a pluggy manager of its own, so one that raises in a hook stops no other.
    """

    name: str
    hooks: pluggy.PluginManager
    origin: object
    entry: Entry | None = None
    warned: set[str] = field(default_factory=set[str])

    @property
    def label(self) -> str:
        """How messages name it: `plugin 'acme' of longshore-acme 1.0`."""
        return label(self.name, self.entry)

    def has(self, hook: str) -> bool:
        return bool(getattr(self.hooks.hook, hook).get_hookimpls())

    def implemented(self) -> tuple[str, ...]:
        return tuple(hook for hook in hook_names() if self.has(hook))

    def call(self, hook: str, **arguments: Any) -> Any:
        """Return what the hook returns, or None."""
        answers = getattr(self.hooks.hook, hook)(**arguments)
        return answers[0] if answers else None


@dataclass
class Loaded:
    """What became of the installed plugins."""

    plugins: dict[str, Plugin] = field(default_factory=dict[str, Plugin])
    clashes: dict[str, PluginError] = field(default_factory=dict[str, PluginError])
    broken: dict[str, PluginError] = field(default_factory=dict[str, PluginError])
    floods: list[str] = field(default_factory=list[str])

    @property
    def problems(self) -> dict[str, PluginError]:
        return self.clashes | self.broken


def label(name: str, entry: Entry | None) -> str:
    return f"plugin {name!r}" if entry is None else f"plugin {name!r} of {entry.source}"


def said(error: BaseException) -> str:
    """Return what another's error says, with its type, in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def load(entries: Sequence[Entry], timeout: float) -> Loaded:
    """Load plugins; one that fails is told of, and the rest goes on.

    Args:
        entries: Those that may load.
        timeout: Seconds that those which hang may take together.
    """
    loaded = Loaded()
    names = Counter(entry.name for entry in entries)
    for name in (name for name, count in names.items() if count > 1):
        loaded.clashes[name] = _clash(name, [entry for entry in entries if entry.name == name])
    single = {entry.name: entry for entry in entries if names[entry.name] == 1}
    outcomes = run_each({name: partial(open_plugin, entry) for name, entry in single.items()}, timeout)
    for name, outcome in outcomes.items():
        if outcome.value is not None:
            loaded.plugins[name] = outcome.value
        elif outcome.error is not None:
            loaded.broken[name] = _failure(single[name], outcome.error, timeout)
        if outcome.written > OUTPUT_LIMIT:
            loaded.floods.append(
                f"{label(name, single[name])} wrote {outcome.written:,} characters while it was imported; "
                f"all after the first {OUTPUT_LIMIT:,} were left out"
            )
    return loaded


def _clash(name: str, entries: Sequence[Entry]) -> PluginError:
    sources = " and ".join(entry.source for entry in entries)
    return PluginError(
        f"cannot load plugin {name!r}: {sources} each have one of this name; uninstall one, "
        f"or leave one out with LONGSHORE_BLOCK_PLUGINS={entries[-1].distribution}"
    )


def _failure(entry: Entry, error: BaseException, timeout: float) -> PluginError:
    seen = str(error) if isinstance(error, PluginError) else said(error)
    advice = f"mend it, or leave it out with LONGSHORE_BLOCK_PLUGINS={entry.name}"
    if isinstance(error, Late):
        seen = f"module {entry.module!r} was still being imported after {timeout:g} s"
        advice += f", or give it longer with LONGSHORE_PLUGIN_TIMEOUT={timeout * 10:g}"
    failure = PluginError(f"cannot load {label(entry.name, entry)}: {seen}; {advice}")
    failure.__cause__ = error
    return failure


def open_plugin(entry: Entry) -> Plugin:
    """Import a plugin and return it, ready to call.

    Raises:
        PluginError: It is not a plugin of this Longshore; or whatever its import raises.
    """
    if not _NAME.match(entry.name) or not _MODULE.match(entry.module):
        raise PluginError(
            f"entry point '{entry.name} = {entry.module}' must be a short word and the module with the "
            "hooks, such as 'acme = longshore_acme.plugin'"
        )
    _check_version(entry.longshore_needed(), declared=False)
    module = importlib.import_module(entry.module)
    _check_version(getattr(module, "longshore_requires", ""), declared=True)
    hooks = hooks_of(module)
    if not hooks.get_hookcallers(module):
        raise PluginError(
            f"module {entry.module!r} has no @hookimpl function; its entry point may name the wrong one"
        )
    return Plugin(entry.name, hooks, module, entry)


def _check_version(needed: Any, *, declared: bool) -> None:
    have = own_version()
    if not needed or have is None:
        return
    try:
        if satisfies(have, needed):
            return
    except (ValueError, TypeError, AttributeError) as error:
        if not declared:  # a form of the metadata that we do not read; its installer did
            return
        raise PluginError(f"its longshore_requires is {needed!r}, which should be like '>=0.2'") from error
    raise PluginError(
        f"it needs longshore{needed} and {have} is installed; run: pip install 'longshore{needed}'"
    )


def hooks_of(plugin: object) -> pluggy.PluginManager:
    """Return the hooks of a module or object, checked against the specifications.

    Raises:
        PluginError: A hook that does not exist, takes an argument that it is not given, or is not marked.
    """
    manager = pluggy.PluginManager("longshore")
    manager.add_hookspecs(hookspecs)
    _check_marks(plugin)
    try:
        manager.register(plugin)
    except pluggy.PluginValidationError as error:
        raise PluginError(" ".join(str(error).split())) from error
    for caller in manager.get_hookcallers(plugin) or ():
        if not caller.has_spec() and not all(i.optionalhook for i in caller.get_hookimpls()):
            raise PluginError(_unknown(caller.name))
    return manager


def hook_names() -> list[str]:
    """Return the hooks there are."""
    return [name for name, value in vars(hookspecs).items() if hasattr(value, "longshore_spec")]


def _check_marks(plugin: object) -> None:
    for name in hook_names():
        function = getattr(plugin, name, None)
        if callable(function) and not hasattr(function, "longshore_impl"):
            raise PluginError(
                f"its function {name!r} lacks @hookimpl above it (from longshore import hookimpl)"
            )


def _unknown(name: str) -> str:
    close = get_close_matches(name, hook_names(), n=3, cutoff=0.5)
    hint = (
        f"did you mean {' or '.join(map(repr, close))}?"
        if close
        else f"the hooks are {', '.join(hook_names())}"
    )
    return f"it implements {name!r}, which is no hook of this Longshore ({hint})"
