"""How far what runs in a session is: the tasks of its jobs, counted."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from longshore import current

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_JOBS: Final = 100
"""Jobs that are looked at in one round; those that have ended are not looked at again."""
_NAMELESS: Final = "$anonfun$"
"""How stages of SQL are called that were begun in a thread of Spark's own."""
_ENDED: Final = frozenset({"SUCCEEDED", "FAILED"})


class TaggedJobs:
    """The jobs of a tag in a context of this process.

    Args:
        spark: The `SparkContext`.
        tag: What its jobs are tagged with.
    """

    def __init__(self, spark: Any, tag: str) -> None:
        self._spark = spark
        self._tag = tag
        self._ended: dict[int, int] = {}

    def tell(self) -> None:
        """Say how far they are, once there are some."""
        tracker = self._spark._jsc.sc().statusTracker()
        done = total = 0
        stage = ""
        fresh = sorted(set(tracker.getJobIdsForTag(self._tag)) - self._ended.keys())
        for job in fresh[:_MOST_JOBS]:
            completed, tasks, stage = self._look(tracker, job, stage)
            done, total = done + completed, total + tasks
        before = sum(self._ended[job] for job in self._ended.keys() - set(fresh))
        if done + total + before:
            current.progress(done=done + before, total=total + before, unit="tasks", message=stage)

    def _look(self, tracker: Any, job: int, stage: str) -> tuple[int, int, str]:
        """Return how many tasks of a job are done, how many it has, and the name of the stage that runs."""
        found = tracker.getJobInfo(job)
        if found.isEmpty():
            return 0, 0, stage
        info = found.get()
        completed = total = 0
        for number in info.stageIds():
            seen = tracker.getStageInfo(number)
            if seen.isDefined():
                one = seen.get()
                completed, total = completed + one.numCompletedTasks(), total + one.numTasks()
                if one.numActiveTasks() and not str(one.name()).startswith(_NAMELESS):
                    stage = str(one.name())
        if str(info.status()) in _ENDED:
            self._ended[job] = total = completed
        return completed, total, stage


class ConnectHandler:
    """Hears from a Spark Connect server how far the statements of the thread that made it are."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self._before = 0

    def __call__(self, stages: Iterable[Any] | None, done: bool, **_: Any) -> None:
        if threading.get_ident() != self._thread:
            return  # the session is shared, and this is another step's
        known = list(stages or ())
        completed = self._before + sum(stage.num_completed_tasks for stage in known)
        total = self._before + sum(stage.num_tasks for stage in known)
        if total:
            current.progress(done=completed, total=total, unit="tasks")
        if done:
            self._before = completed
