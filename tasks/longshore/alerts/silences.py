"""The dead man's switch: flows of which no success was heard for too long."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from longshore.alerts.budgets import record_id
from longshore.alerts.handlers import Alert
from longshore.alerts.incidents import Incident
from longshore.alerts.notices import record
from longshore.handlers import Subject
from longshore.plugins import host
from longshore.quantities import duration, iso
from longshore.states import Pending, State, Success
from longshore.watchers import split

if TYPE_CHECKING:
    from longshore.flows import Flow
    from longshore.stores.interface import RunStore

Verdict: TypeAlias = Literal["heard", "silent", "told", "recovered"]
_LATEST: Final = 20
"""Runs that are looked at for the last success: one that began earlier may have ended later."""
_MOST: Final = 1_000


@dataclass(frozen=True, slots=True)
class Silence:
    """How a flow stands with an alert that waits for its successes.

    Attributes:
        channel: The address of the channel that is told.
        verdict: `heard`; `silent`, which is told now; `told`, silent as it was said before; `recovered`.
        success: When the last success ended, in seconds since 1970; None when none is on record.
        after: Seconds after which the flow is silent.
    """

    channel: str
    verdict: Verdict
    success: float | None
    after: float


def silence_alerts(flow: Flow) -> tuple[Alert, ...]:
    """Return the alerts of a flow, or of every flow, that have `silent_after`; a step's are left out."""
    watched = split((*flow.state_handlers, *host().state_handlers()))[1]
    found = [one.watcher for one in watched if isinstance(one.watcher, Alert)]
    return tuple(alert for alert in found if alert.silent_after is not None)


def judge(success: float | None, since: float, told: float | None, after: float, now: float) -> Verdict:
    """Say how a flow stands; all times are seconds since 1970.

    Args:
        success: When its last success ended; None when there is none.
        since: From when on one could have been heard, when there is none.
        told: When it was last told to be silent; None when that is over, or never was.
        after: Seconds without a success after which it is silent.
        now: The time.
    """
    if told is not None and (success is None or success <= told):
        return "told"
    if now - (since if success is None else success) > after:
        return "silent"
    return "heard" if told is None else "recovered"


def last_success(store: RunStore, flow: str) -> float | None:
    """Return when the last run of a flow succeeded; one that was skipped did not."""
    ends = [run.ended for run in store.runs(flow=flow, states=["Success"], limit=_LATEST)]
    return max((end for end in ends if end is not None), default=None)


def told_silent(store: RunStore, channel: str, flow: str) -> float | None:
    """Return when a channel was last told that a flow is silent, or soon will be; None when that is over."""
    # Alerts first: one that becomes an incident meanwhile is seen twice, and not missed.
    alerts = [a for _, a in store.alerts(channel, _MOST) if (a.flow, a.step) == (flow, "")]
    times = [
        incident.updated
        for incident in store.incidents(channel, open_only=True)
        if (incident.flow, incident.step) == (flow, "")
        and incident.incident != record_id(channel)
        and Incident.of_record(incident).status == "silent"
    ]
    for alert in alerts:
        if alert.kind == "silent":
            times.append(alert.time)
        elif alert.kind == "recovered":
            times = [told for told in times if told > alert.time]
    return max(times, default=None)


def look_for_silence(store: RunStore, flow: Flow, since: float, now: float | None = None) -> list[Silence]:
    """Judge a flow by each of its alerts that has `silent_after`, and write down what is news.

    Args:
        store: Where its runs are recorded.
        flow: The flow.
        since: From when on a success could have been heard, in seconds since 1970.
        now: The time; the clock's when None.
    """
    return [
        _look(store, flow, alert, since, time.time() if now is None else now)
        for alert in silence_alerts(flow)
    ]


def _look(store: RunStore, flow: Flow, alert: Alert, since: float, now: float) -> Silence:
    after = alert.silent_after or 0.0
    success = last_success(store, flow.name)
    subject = Subject(kind="flow", name=flow.name, flow=flow.name, run_id="", tags=flow.tags)
    state = _silence(success, since, now)
    severity = alert.severity_of("silent", subject, state)
    channel = alert.address_of(severity)
    if not channel:  # the alert has no channel for what matters so much
        return Silence("", judge(success, since, None, after, now), success, after)
    verdict = judge(success, since, told_silent(store, channel, flow.name), after, now)
    if verdict == "silent":
        store.add_alerts([record(alert, channel, "silent", severity, subject, state, full=True)])
    elif verdict == "recovered":  # by a run that had begun before the silence was told
        ended = Success(time=datetime.fromtimestamp(success or now, UTC))
        store.add_alerts([record(alert, channel, "recovered", "info", subject, ended, full=True)])
    return Silence(channel, verdict, success, after)


def _silence(success: float | None, since: float, now: float) -> State:
    seen = f"the last one ended {iso(success)}" if success is not None else "none is on record"
    spent = duration(max(0.0, now - (since if success is None else success)))
    return Pending(message=f"no success for {spent}; {seen}", time=datetime.fromtimestamp(now, UTC))
