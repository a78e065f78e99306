"""What this integration offers."""

from __future__ import annotations

from typing import Any

from longshore import Task, hookimpl


@hookimpl
def longshore_tasks() -> list[type[Task[Any]]]:
    """Return the tasks."""
    return []
