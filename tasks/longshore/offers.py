"""What plugins offer: each hook's answer checked for its shape, and each name given one owner.

A name that two plugins offer stays with the first (Longshore's own plugins, then by name). The second one's
is left out and both are named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import is_dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from longshore.errors import PluginError
from longshore.isolation import Late, run_each
from longshore.tasks import Task

if TYPE_CHECKING:
    from longshore.loader import Plugin

_WORD: Final = re.compile(r"[a-z][a-z0-9_+.-]*$")

# Names that Longshore itself gives.
RESERVED: Final[Mapping[str, frozenset[str]]] = {
    "longshore_executors": frozenset({"inline", "threads", "processes"}),
    "longshore_stores": frozenset({"sqlite"}),
    "longshore_secrets": frozenset({"env", "file"}),
    "longshore_commands": frozenset(
        {
            *(
                "run",
                "serve",
                "submit",
                "graph",
                "runs",
                "show",
                "logs",
                "report",
                "resume",
                "cancel",
                "alert",
                "sweep",
                "prune",
            ),
            *("tasks", "describe", "plugins", "doctor", "new-plugin", "completion"),
        }
    ),
}
_KINDS: Final = {
    "longshore_tasks": "task",
    "longshore_executors": "executor",
    "longshore_stores": "store scheme",
    "longshore_storage": "storage scheme",
    "longshore_channels": "channel scheme",
    "longshore_secrets": "secret scheme",
    "longshore_commands": "command",
}

Offers = dict[str, "tuple[Plugin, Any]"]


def ask(
    plugins: Iterable[Plugin], hook: str, timeout: float
) -> tuple[Offers, list[tuple[Plugin, PluginError]]]:
    """Call a hook of each plugin; return what they offer by name, with its owner, and what failed.

    Args:
        plugins: Whom to ask.
        hook: What to ask.
        timeout: Seconds that those which hang may take together.
    """
    asked = {str(index): plugin for index, plugin in enumerate(plugins) if plugin.has(hook)}
    outcomes = run_each({key: partial(_answer, plugin, hook) for key, plugin in asked.items()}, timeout)
    found: Offers = {}
    problems: list[tuple[Plugin, PluginError]] = []
    for key, outcome in outcomes.items():
        plugin = asked[key]
        if outcome.error is not None:
            problems.append((plugin, hook_failure(plugin, hook, outcome.error, timeout)))
        for name, thing in (outcome.value or {}).items():
            own_name = name if hook in _KINDS else f"{key}.{name}"
            if own_name in found:
                problems.append((plugin, _taken(plugin, found[own_name][0], f"{_KINDS[hook]} {name!r}")))
            elif own_name in RESERVED.get(hook, ()):
                problems.append((plugin, _reserved(plugin, f"{_KINDS[hook]} {name!r}")))
            else:
                found[own_name] = (plugin, thing)
    return found, problems


def hook_failure(plugin: Plugin, hook: str, error: BaseException, timeout: float) -> PluginError:
    """Return an error that names the plugin whose hook failed."""
    text = " ".join(str(error).split())
    if isinstance(error, Late):
        seen = f"was not done after {timeout:g} s"
    elif isinstance(error, PluginError):
        seen = text
    else:
        seen = f"raised {type(error).__name__}{': ' if text else ''}{text}"
    failure = PluginError(f"cannot use {hook} of {plugin.label}: it {seen}")
    failure.__cause__ = error
    return failure


def _taken(plugin: Plugin, owner: Plugin, what: str) -> PluginError:
    return PluginError(
        f"cannot take {what} from {plugin.label}: {owner.label} offers one of this name; rename one"
    )


def _reserved(plugin: Plugin, what: str) -> PluginError:
    return PluginError(f"cannot take {what} from {plugin.label}: Longshore has one of this name; rename it")


def _answer(plugin: Plugin, hook: str) -> dict[str, Any]:
    answer = plugin.call(hook)
    return {} if answer is None else _READERS[hook](answer)


def _tasks(answer: Any) -> dict[str, type[Task[Any]]]:
    found: dict[str, type[Task[Any]]] = {}
    for item in _iterable(answer, "a list of Task subclasses"):
        if not _is_task_class(item):
            raise PluginError(f"returned {item!r}, which is no subclass of Task")
        other = found.setdefault(item.__name__, item)
        if other is not item:
            raise PluginError(
                f"returned two classes {item.__name__!r}, of {other.__module__} and {item.__module__}"
            )
    return found


def _is_task_class(item: Any) -> TypeGuard[type[Task[Any]]]:
    return isinstance(item, type) and issubclass(item, Task)


def _is_mapping(answer: Any) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(answer, Mapping)


def _handlers(answer: Any) -> dict[str, Any]:
    items = list(_iterable(answer, "a list of state handlers"))
    for item in items:
        if not callable(item):
            raise PluginError(f"returned {item!r}, which is no state handler: it cannot be called")
    return {str(index): item for index, item in enumerate(items)}


def _commands(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in _iterable(answer, "a list of click commands"):
        name = getattr(item, "name", None)
        if not isinstance(name, str) or not callable(getattr(item, "main", None)):
            raise PluginError(f"returned {item!r}, which is no click command")
        found[name] = item
    return found


def _callables(answer: Any) -> dict[str, Any]:
    if not _is_mapping(answer):
        raise PluginError(f"returned {answer!r}, which is no dict of callables by name")
    for name, value in answer.items():
        if not isinstance(name, str) or not _WORD.match(name):
            raise PluginError(f"named something {name!r}, which is no lower-case word")
        if not callable(value):
            raise PluginError(f"returned {value!r} for {name!r}, which cannot be called")
    return dict(answer)


def _channels(answer: Any) -> dict[str, Any]:
    from longshore.alerts.channels import Channel

    found = _callables(answer)
    for scheme, kind in found.items():
        if not isinstance(kind, type) or not issubclass(kind, Channel) or not is_dataclass(kind):
            raise PluginError(
                f"returned {kind!r} for {scheme!r}, which is no dataclass that inherits Channel"
            )
        if kind.scheme != scheme:
            raise PluginError(f"returned {kind.__name__} for {scheme!r}, whose scheme is {kind.scheme!r}")
    return found


def findings(answer: Any) -> Iterable[tuple[str, bool, str]]:
    """Yield what a `longshore_doctor` hook found, as it comes."""
    for item in _iterable(answer, "(subject, ok, text) tuples"):
        if not isinstance(item, tuple) or len(item) != 3:  # pyright: ignore[reportUnknownArgumentType]
            raise PluginError(f"yielded {item!r}, which is no (subject, ok, text) tuple")
        yield str(item[0]), bool(item[1]), str(item[2])  # pyright: ignore[reportUnknownArgumentType]


def _iterable(answer: Any, wanted: str) -> Iterable[Any]:
    if isinstance(answer, (str, bytes, Mapping)) or not isinstance(answer, Iterable):
        raise PluginError(f"returned {answer!r}, which is not {wanted}")
    return answer  # pyright: ignore[reportUnknownVariableType]


_READERS: Final[Mapping[str, Callable[[Any], dict[str, Any]]]] = {
    "longshore_tasks": _tasks,
    "longshore_executors": _callables,
    "longshore_stores": _callables,
    "longshore_storage": _callables,
    "longshore_state_handlers": _handlers,
    "longshore_channels": _channels,
    "longshore_secrets": _callables,
    "longshore_commands": _commands,
}
