"""What waits to be told, where it is kept, and who may tell it: a run store, or this process's memory."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final, Protocol

from longshore import forks
from longshore.logs import run_log

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longshore.stores.records import AlertRecord, IncidentRecord

_MOST_ALERTS: Final = 20_000
"""Alerts that wait in memory to be taken into incidents; the thread that does so is never far behind."""


class Spool(Protocol):
    """Keeps alerts and incidents; every `RunStore` does, see there."""

    def add_alerts(self, alerts: Sequence[AlertRecord]) -> None: ...

    def alerts(self, channel: str, limit: int) -> list[tuple[int, AlertRecord]]: ...

    def incidents(
        self, channel: str | None = None, *, open_only: bool = False, waiting_only: bool = False
    ) -> list[IncidentRecord]: ...

    def take_channel(self, channel: str, token: str) -> bool: ...

    def give_channel(self, channel: str, token: str) -> None: ...

    def write_incidents(
        self, channel: str, token: str, incidents: Sequence[IncidentRecord], taken: Sequence[int]
    ) -> None: ...


class MemorySpool:
    """Keeps what runs without a store have to tell; it is gone with the process."""

    def __init__(self) -> None:
        self._lock = forks.Lock()
        self._numbers = itertools.count(1)
        self._alerts: dict[int, AlertRecord] = {}
        self._incidents: dict[str, IncidentRecord] = {}
        self._left_out = 0

    def add_alerts(self, alerts: Sequence[AlertRecord]) -> None:
        with self._lock:
            for alert in alerts:
                if len(self._alerts) < _MOST_ALERTS:
                    self._alerts[next(self._numbers)] = alert
                else:
                    self._left_out += 1
                    if str(self._left_out).strip("0") == "1":  # the first, the tenth, the hundredth
                        run_log.warning("alerts | too many wait: %d were left out", self._left_out)

    def alerts(self, channel: str, limit: int) -> list[tuple[int, AlertRecord]]:
        with self._lock:
            found = (item for item in self._alerts.items() if item[1].channel == channel)
            return list(itertools.islice(found, limit))

    def incidents(
        self, channel: str | None = None, *, open_only: bool = False, waiting_only: bool = False
    ) -> list[IncidentRecord]:
        with self._lock:
            return [
                found
                for found in self._incidents.values()
                if channel in (None, found.channel)
                and (found.open or not open_only)
                and (found.waiting or not waiting_only)
            ]

    def take_channel(self, channel: str, token: str) -> bool:
        return True

    def give_channel(self, channel: str, token: str) -> None: ...

    def write_incidents(
        self, channel: str, token: str, incidents: Sequence[IncidentRecord], taken: Sequence[int]
    ) -> None:
        with self._lock:
            for number in taken:
                self._alerts.pop(number, None)
            for incident in incidents:
                # Nothing comes to it and nothing waits: nobody would ask for it again.
                if incident.open or incident.waiting:
                    self._incidents[incident.incident] = incident
                else:
                    self._incidents.pop(incident.incident, None)
