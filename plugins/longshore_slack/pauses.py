"""Waiting inside an attempt, ended by its timeout or its run's cancellation."""

from __future__ import annotations

import threading

from longshore import current
from longshore_slack.errors import SlackError


def pause(seconds: float, what: str) -> None:
    """Do nothing for a while.

    Raises:
        SlackError: The attempt was told to stop.
    """
    stop = threading.Event()
    with current.on_cancel(stop.set):
        if stop.wait(seconds):
            raise SlackError(f"cannot {what}: the attempt was told to stop while it waited")
