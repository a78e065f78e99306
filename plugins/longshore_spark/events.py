"""What the events of an application add up to: its metrics, and how far its stages are."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from longshore import JobRunning
from longshore_spark.metrics import SparkMetrics

if TYPE_CHECKING:
    from collections.abc import Mapping

_SENT_AWAY: Final = ("killed by driver", "idle", "decommission", "shutdown")
"""What Spark says of executors that it gives back by itself."""
_BYTES: Final = {
    "records_read": ("Input Metrics", "Records Read"),
    "bytes_read": ("Input Metrics", "Bytes Read"),
    "records_written": ("Output Metrics", "Records Written"),
    "bytes_written": ("Output Metrics", "Bytes Written"),
    "shuffle_bytes_written": ("Shuffle Write Metrics", "Shuffle Bytes Written"),
    "memory_spilled_bytes": ("Memory Bytes Spilled",),
    "disk_spilled_bytes": ("Disk Bytes Spilled",),
}
"""Where the event of a task's end has what is counted."""


class Told:
    """What was told of an application so far."""

    def __init__(self) -> None:
        self.properties: dict[str, str] = {}
        """Its Spark properties, secrets masked by Spark."""
        self._said: dict[str, Any] = {}
        self._counts: Counter[str] = Counter()
        self._jobs: dict[int, list[int]] = {}
        self._totals: dict[int, int] = {}
        self._done: Counter[int] = Counter()
        self._active: dict[int, str] = {}

    @property
    def application_id(self) -> str:
        """Its id; empty until it has one."""
        return str(self._said.get("application_id", ""))

    def metrics(self) -> SparkMetrics:
        """Return what is told so far in numbers."""
        counts: dict[str, Any] = dict(self._counts)
        return SparkMetrics(**self._said, **counts)

    def running(self) -> JobRunning:
        """Return how far its stages are, of those that are known: Spark learns of its jobs one by one."""
        total = sum(self._totals.values())
        if not total:
            return JobRunning()
        message = next(reversed(self._active.values()), "")
        done = sum(min(self._done[stage], tasks) for stage, tasks in self._totals.items())
        return JobRunning(done=done, total=total, unit="tasks", message=message)

    def take(self, name: str, event: Mapping[str, Any]) -> None:
        """Add an event; one that nothing is counted of is none of `TAKEN`."""
        getattr(self, TAKEN[name])(event)

    def _log_start(self, event: Mapping[str, Any]) -> None:
        self._said["spark_version"] = event["Spark Version"]

    def _application_start(self, event: Mapping[str, Any]) -> None:
        self._said["application_id"] = event["App ID"]
        self._said["application_name"] = event["App Name"]
        self._said["started"] = _time(event)

    def _application_end(self, event: Mapping[str, Any]) -> None:
        self._said["ended"] = _time(event)

    def _environment(self, event: Mapping[str, Any]) -> None:
        self.properties = dict(event["Spark Properties"])

    def _job_start(self, event: Mapping[str, Any]) -> None:
        stages = {stage["Stage ID"]: stage["Number of Tasks"] for stage in event["Stage Infos"]}
        self._counts["jobs"] += 1
        self._jobs[event["Job ID"]] = list(stages)
        self._totals = {**stages, **self._totals}

    def _job_end(self, event: Mapping[str, Any]) -> None:
        if event["Job Result"]["Result"] != "JobSucceeded":
            self._counts["jobs_failed"] += 1
        for stage in self._jobs.pop(event["Job ID"], ()):  # those that were skipped have nothing to do
            self._totals[stage] = self._done[stage]

    def _stage_submitted(self, event: Mapping[str, Any]) -> None:
        stage = event["Stage Info"]
        self._totals[stage["Stage ID"]] = self._done[stage["Stage ID"]] + stage["Number of Tasks"]
        self._active[stage["Stage ID"]] = stage["Stage Name"]

    def _stage_completed(self, event: Mapping[str, Any]) -> None:
        stage = event["Stage Info"]
        self._counts["stages"] += 1
        if stage.get("Failure Reason"):
            self._counts["stages_failed"] += 1
        self._active.pop(stage["Stage ID"], None)

    def _task_end(self, event: Mapping[str, Any]) -> None:
        info: Mapping[str, Any] = event["Task Info"]
        measured: Mapping[str, Any] = event.get("Task Metrics") or {}
        self._counts["tasks"] += 1
        if info["Killed"]:
            self._counts["tasks_killed"] += 1
        elif info["Failed"]:
            self._counts["tasks_failed"] += 1
        else:
            self._done[event["Stage ID"]] += 1
        for name, path in _BYTES.items():
            self._counts[name] += _at(measured, *path)
        read: Mapping[str, Any] = measured.get("Shuffle Read Metrics", {})
        self._counts["shuffle_bytes_read"] += _at(read, "Remote Bytes Read") + _at(read, "Local Bytes Read")

    def _executor_added(self, event: Mapping[str, Any]) -> None:
        self._counts["executors"] += 1

    def _executor_removed(self, event: Mapping[str, Any]) -> None:
        if not any(text in event["Removed Reason"] for text in _SENT_AWAY) and "ended" not in self._said:
            self._counts["executors_lost"] += 1


TAKEN: Final = {
    f"SparkListener{name}": method
    for name, method in {
        "LogStart": "_log_start",
        "ApplicationStart": "_application_start",
        "ApplicationEnd": "_application_end",
        "EnvironmentUpdate": "_environment",
        "JobStart": "_job_start",
        "JobEnd": "_job_end",
        "StageSubmitted": "_stage_submitted",
        "StageCompleted": "_stage_completed",
        "TaskEnd": "_task_end",
        "ExecutorAdded": "_executor_added",
        "ExecutorRemoved": "_executor_removed",
    }.items()
}
"""What is done with an event, by its name; those that are not here are not even read."""


def _time(event: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(event["Timestamp"] / 1000, UTC)


def _at(measured: Mapping[str, Any], *path: str) -> int:
    value: Any = measured
    for name in path:
        value = value.get(name) or {}
    return int(value or 0)
