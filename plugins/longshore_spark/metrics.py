"""What the event log of an application says of its run, in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - whoever describes a task evaluates these


@dataclass(frozen=True, slots=True, kw_only=True)
class SparkMetrics:
    """How an application ran, as its event log has it.

    Counts and bytes are those of all attempts of its tasks, also of those that failed: what it cost.

    Attributes:
        application_id: Spark's id of the application.
        application_name: What Spark's pages call it.
        spark_version: The version that ran it.
        started: When it began.
        ended: When it ended; None while it runs, and when it was killed.
        jobs: The jobs that began.
        jobs_failed: Those that failed.
        stages: The stages that ran, each attempt counted.
        stages_failed: Those that failed.
        tasks: The tasks that ended, each attempt counted.
        tasks_failed: Those that failed.
        tasks_killed: Those that were killed: the spare ones of a speculation, and those of cancelled stages.
        records_read: Records that came from files and tables.
        bytes_read: Their bytes, where the format tells.
        records_written: Records that went to files and tables.
        bytes_written: Their bytes.
        shuffle_bytes_read: Bytes that tasks fetched of other tasks' results.
        shuffle_bytes_written: Bytes that tasks wrote for others.
        memory_spilled_bytes: Bytes in memory of what was spilled to disk for want of it.
        disk_spilled_bytes: Bytes on disk of that.
        executors: Executors that were there at some time; the driver counts where it is the only one.
        executors_lost: Executors that went without having been sent away.
    """

    application_id: str = ""
    application_name: str = ""
    spark_version: str = ""
    started: datetime | None = None
    ended: datetime | None = None
    jobs: int = 0
    jobs_failed: int = 0
    stages: int = 0
    stages_failed: int = 0
    tasks: int = 0
    tasks_failed: int = 0
    tasks_killed: int = 0
    records_read: int = 0
    bytes_read: int = 0
    records_written: int = 0
    bytes_written: int = 0
    shuffle_bytes_read: int = 0
    shuffle_bytes_written: int = 0
    memory_spilled_bytes: int = 0
    disk_spilled_bytes: int = 0
    executors: int = 0
    executors_lost: int = 0
