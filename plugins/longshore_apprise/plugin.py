"""What this integration offers."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from longshore import Task, hookimpl
from longshore_apprise import AppriseChannel, AppriseNotify

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from longshore import Channel


@hookimpl
def longshore_tasks() -> list[type[Task[Any]]]:
    """Return the task."""
    return [AppriseNotify]


@hookimpl
def longshore_channels() -> Mapping[str, type[Channel]]:
    """Return the channel."""
    return {"apprise": AppriseChannel}


@hookimpl
def longshore_doctor() -> Iterable[tuple[str, bool, str]]:
    """Look for the library; no service is asked."""
    found = find_spec("apprise") is not None
    yield "apprise", found, "installed" if found else "not installed; run: pip install 'longshore[apprise]'"
