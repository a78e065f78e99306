"""What plugins put around attempts: variables for what they start, and contexts for their work."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from longshore.errors import PluginError
from longshore.logs import run_log
from longshore.observers import is_awake
from longshore.offers import hook_failure
from longshore.plugins import host
from longshore.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from longshore.context import Attempt
    from longshore.loader import Plugin

_ENVIRONMENT: Final = "longshore_environment"
_AROUND: Final = "longshore_around_attempt"


def is_anyone_near() -> bool:
    """Whether a plugin puts something around the attempts of what begins now."""
    return any(is_awake(plugin) for hook in (_ENVIRONMENT, _AROUND) for plugin in host().implementing(hook))


def variables_of_run(context: Attempt) -> dict[str, str] | None:
    """Return what a run gives to its attempts, wherever they are made; None when no plugin has to be asked.

    Args:
        context: The run's, without a step.
    """
    return variables_for(context) if is_anyone_near() else None


def variables_for(attempt: Attempt) -> dict[str, str]:
    """Return what plugins want to be in the environment of what an attempt starts."""
    found: dict[str, str] = {}
    for plugin in host().implementing(_ENVIRONMENT):
        found |= _guarded(plugin, _ENVIRONMENT, partial(_variables, plugin, attempt)) or {}
    return found


def _variables(plugin: Plugin, attempt: Attempt) -> dict[str, str]:
    answer = plugin.call(_ENVIRONMENT, attempt=attempt)
    if answer is None:
        return {}
    if not isinstance(answer, Mapping):
        raise PluginError(f"returned {answer!r}, which is no dict of variables")
    found = cast("Mapping[Any, Any]", answer)
    for name, value in found.items():
        if not (isinstance(name, str) and isinstance(value, str)) or not name or "=" in name:
            raise PluginError(f"returned {name!r}: {redact(repr(value))}, which is no variable and its text")
    return dict(found)


@contextmanager
def around(attempt: Attempt) -> Generator[None]:
    """Have an attempt's work done in what plugins put around it; an error of theirs is only said."""
    entered: list[tuple[Plugin, Any]] = []
    for plugin in host().implementing(_AROUND):
        manager = _guarded(plugin, _AROUND, partial(_enter, plugin, attempt))
        if manager is not None:
            entered.append((plugin, manager))
    try:
        yield
    finally:
        for plugin, manager in reversed(entered):
            _guarded(plugin, _AROUND, partial(manager.__exit__, None, None, None))


def _enter(plugin: Plugin, attempt: Attempt) -> Any:
    manager = plugin.call(_AROUND, attempt=attempt)
    if manager is not None:
        manager.__enter__()
    return manager


def _guarded(plugin: Plugin, hook: str, call: Callable[[], Any]) -> Any:
    """Return what a call comes to; None when it raises, which is said once."""
    try:
        return call()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - SystemExit too: a plugin may not end an attempt
        if hook not in plugin.warned:
            plugin.warned.add(hook)
            failure = hook_failure(plugin, hook, error, 0)
            run_log.warning("%s; what it raises later is not shown", redact(str(failure)))
        return None
