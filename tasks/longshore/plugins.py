"""The plugin host: finds, loads, blocks, lists and explains plugins, and asks them for what they offer.

Nothing is looked for at import. The first question to the host loads every plugin, each apart from the
others: one that fails is named in a warning and the rest goes on. The environment decides more:

    LONGSHORE_NO_PLUGINS=1           load none
    LONGSHORE_BLOCK_PLUGINS=a,b      all but these, by plugin or distribution
    LONGSHORE_ALLOW_PLUGINS=a,b      only these
    LONGSHORE_STRICT_PLUGINS=1       a plugin that fails is a PluginError
    LONGSHORE_PLUGIN_TIMEOUT=4       seconds for those that hang while they load or are asked, together
"""

from __future__ import annotations

import logging
import os
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from longshore.errors import PluginError
from longshore.logs import console_when_unconfigured
from longshore.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from longshore.alerts.channels import Channel
    from longshore.entrypoints import Entry, Filter
    from longshore.handlers import StateHandler, Subject
    from longshore.inventory import Finding, PluginInfo
    from longshore.loader import Loaded, Plugin
    from longshore.offers import Offers
    from longshore.states import State
    from longshore.tasks import Task

    Observer = Callable[[Subject, State, State], None]

DOCTOR_TIMEOUT: Final = 30.0
_log: Final = logging.getLogger("longshore.plugins")


class PluginHost:
    """The plugins of one process. Any thread may ask."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._environment = environment
        self._lock = threading.RLock()
        self._entries: Sequence[Entry] | None = None
        self._loaded: Loaded | None = None
        self._registered: dict[str, Plugin] = {}
        self._offers: dict[str, Offers] = {}
        self._hook_problems: dict[str, PluginError] = {}
        self._observers: tuple[Observer, ...] | None = None
        self._handlers: tuple[StateHandler, ...] | None = None
        self._watchers: dict[str, tuple[Plugin, ...]] = {}

    def tasks(self) -> dict[str, type[Task[Any]]]:
        """Return the task classes that plugins list, by `<plugin>.<class>`."""
        return {
            f"{plugin.name}.{name}": task for name, (plugin, task) in self._offered("longshore_tasks").items()
        }

    def executors(self) -> dict[str, Callable[[str], Any]]:
        """Return what makes an executor from the text after the colon, by name."""
        return {name: factory for name, (_, factory) in self._offered("longshore_executors").items()}

    def stores(self) -> dict[str, Callable[[str], Any]]:
        """Return what makes a run store from its URL, by scheme."""
        return {scheme: factory for scheme, (_, factory) in self._offered("longshore_stores").items()}

    def storage(self) -> dict[str, Callable[[], Any]]:
        """Return what makes the connection of an object store without settings, by scheme."""
        return {scheme: factory for scheme, (_, factory) in self._offered("longshore_storage").items()}

    def channels(self) -> dict[str, type[Channel]]:
        """Return the classes of alert channels, by the scheme of their addresses."""
        return {scheme: kind for scheme, (_, kind) in self._offered("longshore_channels").items()}

    def secret_resolvers(self) -> dict[str, Callable[[str], str]]:
        """Return what resolves a secret, by scheme."""
        return {scheme: resolver for scheme, (_, resolver) in self._offered("longshore_secrets").items()}

    def commands(self) -> tuple[Any, ...]:
        """Return the click commands of plugins."""
        return tuple(command for _, command in self._offered("longshore_commands").values())

    def state_handlers(self) -> tuple[StateHandler, ...]:
        """Return the state handlers for every task run and flow run."""
        handlers = self._handlers
        if handlers is None:
            handlers = tuple(handler for _, handler in self._offered("longshore_state_handlers").values())
            self._handlers = handlers
        return handlers

    def observers(self) -> tuple[Observer, ...]:
        """Return what watches every transition; none of them raises, also where plugins are strict."""
        observers = self._observers
        if observers is None:
            with self._lock:
                watching = self.implementing("longshore_state_changed")
                observers = self._observers = tuple(partial(_observe, plugin) for plugin in watching)
        return observers

    def run_started(self, run: Any) -> None:
        """Tell plugins that a flow run begins."""
        for plugin in self.implementing("longshore_run_started"):
            tell(plugin, "longshore_run_started", run=run)

    def run_finished(self, run: Any) -> None:
        """Tell plugins that a flow run has ended."""
        for plugin in self.implementing("longshore_run_finished"):
            tell(plugin, "longshore_run_finished", run=run)

    def register(self, plugin: object, name: str = "") -> str:
        """Take in an object or module with `@hookimpl` functions until `unregister`; return its name.

        Raises:
            PluginError: The name is taken, or a hook of it cannot work.
        """
        from longshore.loader import Plugin, hooks_of

        word = name or f"{getattr(plugin, '__name__', type(plugin).__name__)}-{id(plugin):x}"
        with self._lock:
            if word in self._registered:
                raise PluginError(
                    f"cannot register plugin {word!r}: one of this name is there; give another name"
                )
            self._registered[word] = Plugin(word, hooks_of(plugin), plugin)
            self._forget()
        return word

    def unregister(self, plugin: object) -> None:
        """Let go of what `register` took in, given as the object or its name."""
        with self._lock:
            kept = {n: p for n, p in self._registered.items() if p.origin is not plugin and n != plugin}
            if len(kept) == len(self._registered):
                raise PluginError(f"cannot unregister {plugin!r}: it is not registered")
            self._registered = kept
            self._forget()

    def list(self) -> Sequence[PluginInfo]:
        """Return what is installed, from the metadata of distributions; loads nothing."""
        from longshore.inventory import take

        tasks = self._offers.get("longshore_tasks", {})
        return take(self._installed(), self._filter(), self._loaded, tasks, self._hook_problems)

    def check(self, name: str, timeout: float = DOCTOR_TIMEOUT) -> Sequence[Finding]:
        """Load a plugin and ask its `longshore_doctor` hook how it is.

        Args:
            name: The plugin's.
            timeout: Seconds for the hook; what it found until then is kept.

        Raises:
            PluginError: No such plugin is installed.
        """
        from longshore.inventory import examine, refuse_unknown

        refuse_unknown(name, [entry.name for entry in self._installed()])
        plugin = self._load().plugins.get(name)
        if plugin is not None:
            self._offered("longshore_tasks", strict=False)
        return examine([info for info in self.list() if info.name == name], plugin, timeout)

    def renew_lock(self) -> None:
        """Forget who holds the lock; for a process that was just forked."""
        self._lock = threading.RLock()

    def implementing(self, hook: str) -> tuple[Plugin, ...]:
        """Return the plugins that have a hook."""
        found = self._watchers.get(hook)
        if found is None:
            with self._lock:
                found = tuple(plugin for plugin in self._plugins() if plugin.has(hook))
                self._watchers[hook] = found
        return found

    def _filter(self) -> Filter:
        from longshore.entrypoints import Filter

        return Filter.from_environment(self._environment)

    def _installed(self) -> Sequence[Entry]:
        from longshore.entrypoints import installed

        with self._lock:
            if self._entries is None:
                self._entries = installed()
            return self._entries

    def _load(self) -> Loaded:
        if self._loaded is not None:
            return self._loaded
        from longshore.isolation import inside_a_call
        from longshore.loader import load

        if inside_a_call():
            raise PluginError(
                "cannot ask for plugins while one is imported; do it inside a function, not in the module"
            )
        with self._lock:
            if self._loaded is not None:
                return self._loaded
            filter_ = self._filter()
            loaded = load([e for e in self._installed() if not filter_.why_not(e)], filter_.timeout)
            self._loaded = loaded
        for text in [*map(str, loaded.problems.values()), *loaded.floods]:
            _warn(text)
        return loaded

    def _plugins(self, *, strict: bool = True) -> Iterable[Plugin]:
        loaded = self._load()
        if strict and loaded.problems and self._filter().strict:
            raise next(iter(loaded.problems.values()))
        return [*loaded.plugins.values(), *self._registered.values()]

    def _offered(self, hook: str, *, strict: bool = True) -> Offers:
        plugins, known, problems = self._plugins(strict=strict), self._offers, self._hook_problems
        if hook not in known:
            from longshore.offers import ask

            # Not under the lock: a hook may ask the host in its turn.
            known[hook], failures = ask(plugins, hook, self._filter().timeout)
            for plugin, failure in failures:
                problems.setdefault(plugin.name, failure)
                _warn_once(plugin, hook, str(failure))
        if strict and problems and self._filter().strict:
            raise next(iter(problems.values()))
        return known[hook]

    def _forget(self) -> None:
        self._observers = self._handlers = None
        self._offers, self._watchers, self._hook_problems = {}, {}, {}


def _observe(plugin: Plugin, subject: Subject, old: State, new: State) -> None:
    tell(plugin, "longshore_state_changed", subject=subject, old=old, new=new)


def tell(plugin: Plugin, hook: str, **arguments: Any) -> None:
    """Call the hook of a plugin that watches; what it raises changes nothing, and is said once."""
    from longshore.offers import hook_failure

    try:
        plugin.call(hook, **arguments)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - one that watches may not change a run
        _warn_once(plugin, hook, f"{hook_failure(plugin, hook, error, 0)}; what it raises later is not shown")


def _warn_once(plugin: Plugin, hook: str, text: str) -> None:
    if hook not in plugin.warned:
        plugin.warned.add(hook)
        _warn(text)


def _warn(text: str) -> None:
    with console_when_unconfigured():
        _log.warning("%s", redact(text))


_host: PluginHost | None = None
_host_lock = threading.Lock()


def _after_fork() -> None:
    """Replace locks that another thread may have held while the process was forked."""
    global _host_lock
    _host_lock = threading.Lock()
    if _host is not None:
        _host.renew_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def host() -> PluginHost:
    """Return the process's plugin host."""
    global _host
    with _host_lock:
        if _host is None:
            _host = PluginHost()
        return _host


def storage_schemes() -> dict[str, Callable[[], Any]]:
    """Return what makes an object store's connection without settings, by URL scheme, as plugins offer it."""
    return host().storage()


def reset() -> None:
    """Forget the process's plugin host, so that the next question finds and loads plugins anew."""
    global _host
    with _host_lock:
        _host = None
