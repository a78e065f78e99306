"""What this integration offers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from longshore import Task, hookimpl
from longshore_spark.submit import SparkSubmit

if TYPE_CHECKING:
    from longshore import FlowRun


@hookimpl
def longshore_tasks() -> list[type[Task[Any]]]:
    """Return the tasks."""
    return [SparkSubmit]


@hookimpl
def longshore_run_finished(run: FlowRun) -> None:
    """Stop the sessions that the run has started."""
    sessions = sys.modules.get("longshore_spark.sessions")  # most runs have nothing to do with Spark
    if sessions is not None:
        sessions.stop_sessions(run.run_id)
