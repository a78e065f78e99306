"""What one process knows of a channel's incidents while it is the one that tells the channel."""

from __future__ import annotations

import time
import uuid
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from longshore.alerts.budgets import Budget, record_id
from longshore.alerts.incidents import Incident

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from longshore.alerts.spools import Spool
    from longshore.stores.records import AlertRecord, IncidentRecord

_BATCH: Final = 1_000
_RENEWAL: Final = 2.0
"""Seconds after which it is said again that this process tells the channel."""


class Ledger:
    """The incidents of a channel, read from a spool once and written back as they change.

    Args:
        spool: Where they are kept.
        channel: The channel's address.
        clock: Seconds since 1970.
    """

    def __init__(self, spool: Spool, channel: str, clock: Callable[[], float]) -> None:
        self._spool = spool
        self._channel = channel
        self._clock = clock
        self._token = uuid.uuid4().hex
        self._held = False
        self._renewed = 0.0
        self._taken: set[int] = set()
        self._touched: dict[str, Incident] = {}
        self.incidents: dict[str, Incident] = {}
        self.budget = Budget()

    def hold(self) -> bool:
        """Become the one who tells the channel, or stay it; False while another process is."""
        if self._held and time.monotonic() - self._renewed < _RENEWAL:
            return True
        self._renewed = time.monotonic()
        held = self._spool.take_channel(self._channel, self._token)
        if held and not self._held:
            self.incidents, self.budget = {}, Budget()
            self._taken, self._touched = set(), {}
            self._load(self._spool.incidents(self._channel, open_only=True))
            self._load(self._spool.incidents(self._channel, waiting_only=True))
        self._held = held
        return held

    def _load(self, records: Iterable[IncidentRecord]) -> None:
        for record in records:
            if record.incident == record_id(self._channel):
                self.budget = Budget.of_record(record)
            else:
                self.incidents[record.incident] = Incident.of_record(record)

    @property
    def held(self) -> bool:
        """Whether this process is the one who tells the channel."""
        return self._held

    def lost(self) -> None:
        """Take note that another process has become the one who tells the channel."""
        self._held = False

    def let_go(self) -> None:
        """Let another process tell the channel."""
        if self._held:
            self._held = False
            self._spool.give_channel(self._channel, self._token)

    def fold(self) -> None:
        """Take every alert that waits into its incident."""
        while waiting := self._spool.alerts(self._channel, _BATCH):
            places = defaultdict[tuple[str, str], list[Incident]](list)
            for incident in self.incidents.values():
                places[incident.flow, incident.step].append(incident)
            for number, alert in waiting:
                if number not in self._taken:  # else the spool could not be written since
                    self._taken.add(number)
                    self._touched |= {i.id: i for i in self._take(alert, places[alert.flow, alert.step])}
            records = [incident.to_record() for incident in self._touched.values()]
            self._spool.write_incidents(
                self._channel, self._token, records, [number for number, _ in waiting]
            )
            self._taken.clear()
            self._touched.clear()
            if len(waiting) < _BATCH:
                break

    def _take(self, alert: AlertRecord, here: list[Incident]) -> list[Incident]:
        """Take an alert into an incident of the same flow and step, of which this may be the first one."""
        mine = [incident for incident in here if incident.open]
        found = [incident for incident in mine if incident.accepts(alert)]
        if not found and alert.kind == "recovered":
            return []
        if not found:
            for incident in mine:  # another run, long after: it has a message of its own
                incident.open = (incident.status == "silent") != (alert.kind == "silent")
            new = Incident(uuid.uuid4().hex, alert.channel, alert.flow, alert.step, alert.time)
            self.incidents[new.id] = new
            here.append(new)
            found = [new]
        for incident in found:
            incident.take(alert)
        return list({id(i): i for i in (*mine, *found)}.values())

    def keep(self, *incidents: Incident) -> None:
        """Write incidents and the budget back; on return that is on record."""
        now = self._clock()
        records = [self.budget.to_record(self._channel, now), *(i.to_record() for i in incidents)]
        self._spool.write_incidents(self._channel, self._token, records, ())

    def members(self, digest: str) -> list[Incident]:
        """Return the incidents of a digest."""
        return [incident for incident in self.incidents.values() if incident.told.place == digest]

    def forget_ended(self) -> None:
        """Forget incidents to which nothing comes any more, and of which all is told."""
        digest = self.budget.digest.key if self.budget.digest is not None else None
        for incident in list(self.incidents.values()):
            if not incident.open and not incident.waiting and incident.told.place != digest:
                del self.incidents[incident.id]
