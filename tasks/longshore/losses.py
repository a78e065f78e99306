"""What becomes of an attempt whose worker died."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from longshore.errors import WorkerCrashed
from longshore.runner import enter
from longshore.states import Crashed, Retrying, Running, State

if TYPE_CHECKING:
    from longshore.frontier import Unit
    from longshore.runner import Call


class Losses:
    """Counts the workers that the units of a run have lost.

    Args:
        spare: How many of them a repeatable unit may lose without an attempt being counted.
    """

    def __init__(self, spare: int) -> None:
        self._spare = spare
        self._counts: Counter[Unit] = Counter()

    def state(self, unit: Unit, call: Call, error: BaseException) -> State:
        """Return the state of an attempt whose worker died: nobody knows how far it came.

        Args:
            unit: What was attempted.
            call: The attempt.
            error: What is known of the death.
        """
        self._counts[unit] += 1
        crash = error
        if not isinstance(error, WorkerCrashed):
            crash = WorkerCrashed(f"the process that ran {call.name!r} died: {type(error).__name__}: {error}")
        if call.task.repeatable and self._counts[unit] <= self._spare:
            message = f"{crash}; it runs again elsewhere"
            state: State = Retrying(error=crash, attempt=call.attempt - 1, message=message)
        elif call.task.repeatable and call.attempt <= call.task.retries:
            state = Retrying(error=crash, attempt=call.attempt, message=str(crash))
        else:
            state = Crashed(crash, message=str(crash))
        return enter(call, call.context(), Running(), state, time.monotonic())
