"""What a serving process does for alerts: it hears when a flow is silent, and has told what waits."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from longshore.alerts.silences import look_for_silence, silence_alerts
from longshore.alerts.waiting import tell_waiting
from longshore.errors import LongshoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longshore.flows import Flow
    from longshore.stores.interface import RunStore

_log: Final = logging.getLogger("longshore.serving")
_PERIOD: Final = 30.0
"""Seconds between two looks; less when an alert waits for less than two minutes."""


class Listener:
    """Listens for the successes of flows, and has told what runs have left in the store.

    Args:
        flows: The flows.
        store: Where their runs and alerts are recorded.
    """

    def __init__(self, flows: Sequence[Flow], store: RunStore) -> None:
        self._flows = flows
        self._store = store
        self._since = time.time()
        self._next = 0.0
        waits = [alert.silent_after or 0.0 for flow in flows for alert in silence_alerts(flow)]
        self._period = min([_PERIOD, *(wait / 4 for wait in waits)])
        self._said: dict[str, str] = {}

    def listen(self) -> None:
        """Look whether a flow is silent, and have told what waits, when the time for it has come."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._period
        for flow in self._flows:
            try:
                look_for_silence(self._store, flow, self._since)
            except LongshoreError as error:
                self._say_once(flow.name, str(error))
        self._deliver()

    def _deliver(self) -> None:
        try:
            closed = tell_waiting(self._store, self._flows)
        except LongshoreError as error:
            self._say_once("alerts", str(error))
            return
        for standing in closed:  # one channel's trouble is not that of the others
            self._say_once(standing.channel, standing.why)

    def _say_once(self, what: str, line: str) -> None:
        if self._said.get(what) != line:
            self._said[what] = line
            _log.error("serving | alerts of %s: %s", what, line)
