"""From a transition to an `AlertRecord`: what is written down of it, without secrets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from longshore.secrets import redact
from longshore.states import Retrying, short
from longshore.stores.records import AlertRecord

if TYPE_CHECKING:
    from longshore.alerts.handlers import Alert
    from longshore.alerts.messages import Severity
    from longshore.handlers import Subject
    from longshore.states import State

_LONGEST_TEXT: Final = 4_000
_MOST_LINES: Final = 30
_LONGEST_LINE: Final = 500
_MOST_INPUTS: Final = 20


def record(
    alert: Alert, address: str, kind: str, severity: Severity, subject: Subject, new: State, *, full: bool
) -> AlertRecord:
    """Return what a channel is to tell of a transition.

    Args:
        alert: Whose settings count.
        address: Where it is to be told.
        kind: As what.
        severity: How much it matters.
        subject: What the transition happened to.
        new: The state that was entered.
        full: Whether the tail of the log and the inputs are written down; else only what is short.
    """
    step = "" if subject.kind == "flow" else subject.name
    body: dict[str, Any] = {"attempt": subject.attempt, "attempts": subject.attempts}
    if isinstance(new, Retrying):
        body |= {"attempt": new.attempt + 1, "delay": round(new.delay, 1)}
    if full:
        body |= _settings(alert, subject, step) | _texts(subject)
    # Masked first, then cut: a cut secret would not be found any more.
    text = redact(new.message or type(new).__name__)[:_LONGEST_TEXT]
    return AlertRecord(
        channel=address, flow=subject.flow or (subject.name if subject.kind == "flow" else ""),
        step=step, kind=kind, severity=severity, time=new.time.timestamp(), run_id=subject.run_id,
        map_index=-1 if subject.map_index is None else subject.map_index, text=text, body=json.dumps(body),
    )  # fmt: skip


def _settings(alert: Alert, subject: Subject, step: str) -> dict[str, Any]:
    link = alert.link_of(subject.flow, step, subject.run_id) or subject.link
    found: dict[str, Any] = {"within": alert.group_within}
    if alert.quiet_hours:
        found["quiet"] = alert.quiet_hours
    if link:
        found["link"] = redact(link)
    if "recovered" not in alert.on:
        found["mute"] = True
    return found


def _texts(subject: Subject) -> dict[str, Any]:
    inputs = list(subject.inputs.items())[:_MOST_INPUTS]
    lines = [redact(line)[:_LONGEST_LINE] for line in subject.log_tail[-_MOST_LINES:]]
    found: dict[str, Any] = {"duration": round(subject.duration, 3)}
    if lines:
        found["tail"] = lines
    if inputs:
        found["inputs"] = {name: short(value) for name, value in inputs}
    return found
