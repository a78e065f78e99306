"""What an incident's message says, and that of a digest of many."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from longshore.alerts.messages import SEVERITIES, Detail, Message, Severity
from longshore.histories import short_id
from longshore.quantities import duration, many

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longshore.alerts.incidents import Incident

LATE: Final = 300.0
"""Seconds after which a message says that it comes late."""
_LONGEST_LINE: Final = 1_000
_MOST_LINES: Final = 20
_VERBS: Final = {
    "failed": "failed",
    "retrying": "is being tried again",
    "late": "is late",
    "silent": "is silent",
    "cancelled": "was cancelled",
    "recovered": "recovered",
    "succeeded": "succeeded",
    "started": "started",
}


def word(incident: Incident, *, details: bool = True, notes: Sequence[str] = ()) -> Message:
    """Return the message of an incident.

    Args:
        incident: The incident.
        details: Whether the long texts are in it.
        notes: What is to be known of the message itself.
    """
    return Message(
        key=incident.id,
        title=title(incident),
        text=_text(incident),
        status=incident.status,
        severity=_severity(incident),
        fields=tuple(_fields(incident)),
        details=tuple(long_texts(incident)) if details else (),
        link=str(incident.settings.get("link", "")),
        time=incident.opened,
        notes=tuple(notes),
    )


def title(incident: Incident) -> str:
    """Return what happened to what, on one line: `nightly failed: load, 3 times`."""
    step = incident.step if incident.flow else ""
    name = incident.flow or incident.step
    verb = _VERBS.get(incident.status, incident.status)
    count = incident.counts.get(incident.status, 0)
    times = f", {count:,} times" if count > 1 and incident.status in ("failed", "late") else ""
    return f"{name} {verb}" + (f": {_label(step, incident)}{times}" if step else times)


def _label(step: str, incident: Incident) -> str:
    index = int(incident.last.get("index", -1))
    return f"{step}[{index}]" if index >= 0 and sum(incident.counts.values()) == 1 else step


def _text(incident: Incident) -> str:
    first = _problem(incident)
    if incident.status == "recovered":
        return f"It had failed: {_line(first)}" if incident.failures else f"It was in trouble: {_line(first)}"
    shown = incident.last if incident.status in ("late", "silent", "retrying") else first
    return _line(shown)


def _problem(incident: Incident) -> dict[str, Any]:
    """Return the first failure, or the first alert when none is known."""
    return next((one for one in incident.first if one["kind"] == "failed"), (incident.first or [{}])[0])


def _line(alert: dict[str, Any]) -> str:
    text = " ".join(str(alert.get("text", "")).split())
    return text if len(text) <= _LONGEST_LINE else f"{text[: _LONGEST_LINE - 1]}…"


def _severity(incident: Incident) -> Severity:
    return "info" if incident.status in ("recovered", "succeeded", "started") else incident.severity


def _fields(incident: Incident) -> list[tuple[str, str]]:
    last = incident.last
    found = [("Flow", incident.flow), ("Step", incident.step), ("Run", ", ".join(_runs(incident)))]
    if int(last.get("attempts", 1)) > 1:
        found.append(("Attempt", f"{last.get('attempt', 1)} of {last['attempts']}" + _delay(incident)))
    spans = _clock(incident.updated) != _clock(incident.opened)
    found.append(("First" if spans else "When", _clock(incident.opened)))
    if incident.status == "recovered":
        found.append(("Recovered", f"{_clock(incident.updated)}, after {_span(incident)}"))
    elif spans:
        found.append(("Last", _clock(incident.updated)))
    if last.get("duration"):
        found.append(("Took", duration(float(last["duration"]))))
    if incident.failures > 1:
        found.append(("Failures", _count(incident)))
    return [(name, value) for name, value in found if value] + _ends(incident)


def _runs(incident: Incident) -> list[str]:
    shown = [short_id(run_id) for run_id in incident.run_ids[-3:]]
    more = len(incident.run_ids) - len(shown)
    return [f"{more:,} more", *shown] if more > 0 else shown


def _count(incident: Incident) -> str:
    in_runs = f" in {many(incident.runs, 'run')}" if incident.runs > 1 else ""
    return f"{incident.failures:,}{in_runs}"


def _delay(incident: Incident) -> str:
    delay = incident.last.get("delay")
    return f", the next in {duration(float(delay))}" if incident.status == "retrying" and delay else ""


def _ends(incident: Incident) -> list[tuple[str, str]]:
    """Return the first and the last failure, when there were several with places or texts of their own."""
    first, last = _problem(incident), incident.last
    if incident.failures < 2 or (first.get("text"), first.get("index")) == (
        last.get("text"),
        last.get("index"),
    ):
        return []
    return [("First failure", _named(incident, first)), ("Last failure", _named(incident, last))]


def _named(incident: Incident, alert: dict[str, Any]) -> str:
    index = int(alert.get("index", -1))
    return f"{incident.step}[{index}]: {_line(alert)}" if index >= 0 else _line(alert)


def _clock(time: float) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _span(incident: Incident) -> str:
    return duration(max(0.0, incident.updated - incident.opened))


def long_texts(incident: Incident) -> list[Detail]:
    """Return the texts that take many lines: those of the first failure."""
    first = _problem(incident)
    found = [
        Detail("Log, last lines", "\n".join(first.get("tail", ()))),
        Detail("Inputs", "\n".join(f"{name} = {value}" for name, value in first.get("inputs", {}).items())),
        Detail("Changed since the last success", "\n".join(first.get("changes", ()))),
        Detail("To look closer", "\n".join(first.get("commands", ()))),
    ]
    return [detail for detail in found if detail.text]


def word_details(incident: Incident) -> Message:
    """Return the message with the long texts, which stands beneath the other one."""
    return Message(
        key=f"{incident.id}/details", title=f"More of {title(incident)}", status=incident.status,
        severity="info", details=tuple(long_texts(incident)), time=incident.opened,
    )  # fmt: skip


def word_digest(key: str, incidents: Sequence[Incident], opened: float) -> Message:
    """Return one message of many incidents.

    Args:
        key: Its key.
        incidents: Those that it tells of.
        opened: When the first of them began, in seconds since 1970.
    """
    order = sorted(incidents, key=lambda i: (-SEVERITIES.index(_severity(i)), i.opened))
    shown = [*order[: _MOST_LINES - 1], *order[-1:]] if len(order) > _MOST_LINES else order
    lines = [f"{title(incident)}: {_text(incident)}"[:300] for incident in shown]
    if len(order) > len(shown):
        lines.insert(-1, f"and {len(order) - len(shown):,} more")
    counts = Counter[str]()
    for incident in order:
        counts.update(incident.counts)
    return Message(
        key=key, title=f"{many(len(order), 'more incident')} in a short time",
        text=", ".join(f"{count:,} {kind}" for kind, count in counts.items()),
        status=order[0].status, severity=_severity(order[0]),
        details=(Detail("Incidents", "\n".join(lines)),), time=opened,
    )  # fmt: skip


def late_note(seconds: float, why: str) -> str:
    """Return what a message says that comes late."""
    return f"Told {duration(seconds)} late" + (f": {why}" if why else "")


AGAIN: Final = "This may have been told before: an earlier try was not answered."
