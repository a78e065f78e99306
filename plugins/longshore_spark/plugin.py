"""What this integration offers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from longshore import Task, hookimpl
from longshore_spark.sql import SparkSQL
from longshore_spark.submit import SparkSubmit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from longshore import FlowRun


@hookimpl
def longshore_tasks() -> list[type[Task[Any]]]:
    """Return the tasks."""
    return [SparkSQL, SparkSubmit]


@hookimpl
def longshore_doctor() -> Iterable[tuple[str, bool, str]]:
    """Look for a Spark, and for a Java that it runs on; no JVM is started for it."""
    from longshore_spark.doctor import findings

    return findings()


@hookimpl
def longshore_run_finished(run: FlowRun) -> None:
    """Stop the sessions that the run has started."""
    sessions = sys.modules.get("longshore_spark.sessions")  # most runs have nothing to do with Spark
    if sessions is not None:
        sessions.stop_sessions(run.run_id)
