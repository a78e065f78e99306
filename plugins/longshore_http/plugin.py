"""What this integration offers."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

from longshore import Task, hookimpl
from longshore_http import HttpJson, HttpRequest, HttpText


@hookimpl
def longshore_tasks() -> list[type[Task[Any]]]:
    """Return the tasks."""
    return [HttpRequest, HttpJson, HttpText]


@hookimpl
def longshore_doctor() -> Iterable[tuple[str, bool, str]]:
    """Look for the library; no server is asked."""
    found = find_spec("requests") is not None
    yield "requests", found, "installed" if found else "not installed; run: pip install 'longshore[http]'"
