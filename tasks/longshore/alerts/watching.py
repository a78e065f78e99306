"""What a run's alerts see of it: each transition as the driver hears of it."""

from __future__ import annotations

import functools
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeAlias

from longshore.alerts.deliveries import here, memory
from longshore.alerts.handlers import Alert
from longshore.alerts.notices import record
from longshore.logs import run_log
from longshore.secrets import redact
from longshore.states import Running, State, Success
from longshore.stores.errors import StoreError
from longshore.watchers import Watched

if TYPE_CHECKING:
    from collections.abc import Iterable

    from longshore.alerts.channels import Channel
    from longshore.alerts.spools import Spool
    from longshore.handlers import Subject
    from longshore.stores.records import AlertRecord

_FULL: Final = 3
"""Alerts of a step of which the log and the inputs are written down; the message shows those of the first."""

Key: TypeAlias = tuple[str, str]
"""A channel's address and a step's name; the flow itself has none."""


class RunAlerts:
    """Makes the alerts of one run.

    Args:
        flow: The flow's name.
        spool: Where its alerts are kept.
        watched: All alerts that watch the run or a step of it.
    """

    def __init__(self, flow: str, spool: Spool, watched: Iterable[Watched]) -> None:
        self._flow = flow
        self._spool = spool
        self._counts: dict[Key, int] = {}
        self._channels: dict[str, tuple[Channel, Alert]] = {}
        self._timers: dict[tuple[str, int | None], list[threading.Timer]] = {}
        for one in watched:
            if isinstance(one.watcher, Alert):
                self._channels |= {a: (c, one.watcher) for a, c in one.watcher.addresses.items()}
        self._open = self._open_before()
        self._tail: tuple[str, ...] = ()

    def _open_before(self) -> set[Key]:
        """Return what has failed in earlier runs, so that its success is news."""
        found: set[Key] = set()
        for address in self._channels:
            try:
                known = self._spool.incidents(address, open_only=True)
                found |= {(address, incident.step) for incident in known if incident.flow == self._flow}
                waiting = self._spool.alerts(address, 1_000)
                found |= {(address, alert.step) for _, alert in waiting if alert.flow == self._flow}
            except StoreError as error:
                run_log.warning("alerts | what %s was told before cannot be seen: %s", address, error)
        return found

    def concerns(self, new: State, watched: tuple[Watched, ...]) -> bool:
        """Whether a transition may be told of, or ends something that was; making its subject costs more."""
        if self._timers or (self._open and isinstance(new, Success)):
            return True
        return any(
            isinstance(one.watcher, Alert) and one.watcher.may_tell(new, one.conditions) for one in watched
        )

    def transition(
        self,
        subject: Subject,
        old: State,
        new: State,
        watched: tuple[Watched, ...],
        *,
        only_recoveries: bool = False,
    ) -> list[AlertRecord]:
        """Return what is to be told of a transition; it is to be written down with it, then `wake()`.

        With `only_recoveries` it sums up others, which were told of.
        """
        made: dict[tuple[str, str], AlertRecord] = {}  # two alerts may have one channel
        for one in watched:
            alert = one.watcher
            if isinstance(alert, Alert):
                try:
                    for found in self._made(alert, subject, old, new, one, only_recoveries):
                        made.setdefault((found.channel, found.kind), found)
                except Exception as error:  # noqa: BLE001 - an alert may not harm the run
                    run_log.warning(
                        "alerts | %r failed: %s", alert, redact(f"{type(error).__name__}: {error}")
                    )
        if not isinstance(new, Running):
            for timer in self._timers.pop((subject.name, subject.map_index), ()):
                timer.cancel()
        return list(made.values())

    def _made(
        self, alert: Alert, subject: Subject, old: State, new: State, one: Watched, only_recoveries: bool
    ) -> list[AlertRecord]:
        step = "" if subject.kind == "flow" else subject.name
        if isinstance(new, Running) and alert.late_after is not None and "late" in alert.on:
            self._watch_clock(alert, subject, alert.late_after)
        kind = "" if only_recoveries else alert.kind_of(subject, old, new, one.conditions)
        if not kind and not isinstance(new, Success):
            return []
        recovers = isinstance(new, Success) and subject.map_index is None and bool(self._open)
        made = self._recoveries(alert, subject, new, step) if recovers else []
        return [*made, *self._record(alert, kind, subject, new)] if kind else made

    def _recoveries(self, alert: Alert, subject: Subject, new: State, step: str) -> list[AlertRecord]:
        made: list[AlertRecord] = []
        for address in alert.addresses:
            if (address, step) in self._open:
                self._open.discard((address, step))
                made.append(record(alert, address, "recovered", "info", subject, new, full=True))
        return made

    def _record(self, alert: Alert, kind: str, subject: Subject, new: State) -> list[AlertRecord]:
        severity = alert.severity_of(kind, subject, new)
        address = alert.address_of(severity)
        if not address:
            return []
        key = address, "" if subject.kind == "flow" else subject.name
        count = self._counts[key] = self._counts.get(key, 0) + 1
        if kind not in ("succeeded", "started"):
            self._open.add(key)
        if subject.kind == "task" and subject.log_tail:
            self._tail = self._tail or subject.log_tail
        elif subject.kind == "flow":
            subject = replace(subject, log_tail=self._tail or subject.log_tail)
        return [record(alert, address, kind, severity, subject, new, full=count <= _FULL)]

    def _watch_clock(self, alert: Alert, subject: Subject, seconds: float) -> None:
        timer = threading.Timer(seconds, functools.partial(self._is_late, alert, subject, seconds))
        timer.daemon = True
        timer.start()
        self._timers.setdefault((subject.name, subject.map_index), []).append(timer)

    def _is_late(self, alert: Alert, subject: Subject, seconds: float) -> None:
        new = Running(message=f"not done after {seconds:g} s; it goes on")
        self.add(self._record(alert, "late", replace(subject, duration=seconds), new))

    def add(self, alerts: list[AlertRecord]) -> None:
        """Write alerts down, apart from any transition, and have them told."""
        try:
            self._spool.add_alerts(alerts)
            self.wake()
        except StoreError as error:
            run_log.warning("alerts | %d cannot be written down: %s", len(alerts), error)
            self.add_in_memory(alerts)

    def add_in_memory(self, alerts: list[AlertRecord]) -> None:
        """Have alerts told that cannot be written down."""
        memory().add_alerts(alerts)
        for address, (channel, alert) in self._channels.items():
            here().wake(channel, memory(), self._flow, alert.template, address=address)

    def wake(self) -> None:
        """Have what waits told, from a thread that nobody waits for."""
        deliveries = here()
        for address, (channel, alert) in self._channels.items():
            deliveries.wake(channel, self._spool, self._flow, alert.template, address=address)

    def close(self) -> None:
        """Watch no clock any longer."""
        for timers in self._timers.values():
            for timer in timers:
                timer.cancel()
        self._timers.clear()


def note(alert: Alert, subject: Subject, old: State, new: State) -> None:
    """Have a transition told that no run's driver hears of: of a task called outside a flow, or in a step."""
    alerts = _alone(alert, subject.flow)
    made = alerts.transition(subject, old, new, (Watched(alert),))
    if made:
        alerts.add(made)


@functools.lru_cache(maxsize=100)
def _alone(alert: Alert, flow: str) -> RunAlerts:
    return RunAlerts(flow, memory(), (Watched(alert),))
