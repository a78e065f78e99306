"""How a scheduler tells a worker that a key was begun, or made, before.

Dask answers the loss of a worker by computing its keys again, wherever. Whether a step may be repeated is for
the run to say, so what was begun is marked, and then begins only when the driver sends it again.
"""

from __future__ import annotations

from typing import Any, Final

AGAIN: Final = "longshore-again"
"""The annotation of a key that was on a worker, which has gone, before it was done."""
REMADE: Final = "longshore-remade"
"""The annotation of a key whose result was lost."""
PREFIX: Final = "longshore-"
"""What the names of keys of ours end in, before their number."""
NAME: Final = "longshore-marks-1"


def make_marks() -> Any:
    """Return the plugin of the scheduler that marks keys.

    It is a class of this function, so that it travels whole: a scheduler needs no Longshore.
    """
    from distributed import SchedulerPlugin

    marks = {"processing": AGAIN, "memory": REMADE}

    class Marks(SchedulerPlugin):
        name = NAME
        idempotent = True

        async def start(self, scheduler: Any) -> None:
            self.scheduler = scheduler

        def transition(self, key: Any, start: str, finish: str, *args: Any, **kwargs: Any) -> None:
            if finish == "released" and start in marks and type(key) is str and "-longshore-" in key:
                task = self.scheduler.tasks.get(key)
                if task is not None:
                    task.annotations = {**(task.annotations or {}), marks[start]: True}

        def log_event(self, topic: Any, msg: Any) -> None:
            if type(topic) is str and topic.startswith("longshore-"):  # what was passed on need not be kept
                self.scheduler._broker.truncate(topic)

    return Marks()
