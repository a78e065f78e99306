"""What this integration offers."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from longshore import Task, hookimpl
from longshore_http import HttpDownload, HttpJson, HttpPages, HttpRequest, HttpText, HttpWait

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def longshore_tasks() -> list[type[Task[Any]]]:
    """Return the tasks."""
    return [HttpRequest, HttpJson, HttpText, HttpDownload, HttpWait, HttpPages]


@hookimpl
def longshore_doctor() -> Iterable[tuple[str, bool, str]]:
    """Look for the library; no server is asked."""
    found = find_spec("requests") is not None
    yield "requests", found, "installed" if found else "not installed; run: pip install 'longshore[http]'"
