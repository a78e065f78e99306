"""What a channel is to be told next, of all that waits; nothing here calls it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from longshore.alerts.messages import SEVERITIES
from longshore.alerts.quiethours import quiet_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longshore.alerts.budgets import Budget, Digest
    from longshore.alerts.channels import Channel
    from longshore.alerts.incidents import Incident

What: TypeAlias = Literal["send", "edit", "update", "details", "digest", "skip", "wait"]

GATHER: Final = 1.0
"""Seconds that an incident waits for more of its kind before it is first told."""
_LONGEST_EDIT_GAP: Final = 15.0
_NEWS_GAP: Final = 60.0
"""Seconds between two messages of one incident with the same status, in a channel that cannot edit."""
SPARE: Final = 3
"""Messages that must be left for the long texts to have one of their own."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do next.

    Attributes:
        what: `send` a first message; `edit` it; `update` by another one; `details` beneath it; a `digest` of
            several, or more of it; `skip` what is no news for this channel; or `wait`.
        incidents: Of which.
        wait: Seconds until there may be something to do.
    """

    what: What
    incidents: tuple[Incident, ...] = ()
    wait: float = 0.0


def make_plan(
    channel: Channel, waiting: Sequence[Incident], budget: Budget, now: float, *, hurry: bool
) -> Plan:
    """Return what to tell a channel next.

    Args:
        channel: The channel.
        waiting: The incidents of which it has still to be told something; at least one.
        budget: What may be sent.
        now: Seconds since 1970.
        hurry: The process ends: nothing is gathered any more.
    """
    left = budget.left(now)
    if budget.digest is not None and budget.digest.receipt is None:
        return _again(waiting, budget.digest, left, budget.free_at() - now)
    options = [_option(channel, incident, budget, now, left, hurry=hurry) for incident in waiting]
    ready = [option for option in options if option.what != "wait"]
    new = sorted((o.incidents[0] for o in ready if o.what == "send"), key=_urgency)
    unsent = sum(1 for incident in waiting if _is_new(incident, budget))
    if new and (left > 1 or (left == 1 and unsent == 1)):
        return Plan("send", (new[0],))
    of_digest = tuple(new) + tuple(o.incidents[0] for o in ready if o.what == "digest")
    if of_digest and (left == 1 if budget.digest is None else channel.edits):
        return Plan("digest", of_digest)
    for what in ("skip", "edit", "update", "details"):
        if what not in ("update", "details") or left > 0:
            for option in ready:
                if option.what == what:
                    return option
    waits = [option.wait for option in options if option.what == "wait"]
    if left <= 0:
        waits.append(budget.free_at() - now)
    return Plan("wait", wait=max(0.05, min(waits, default=1.0)))


def _again(waiting: Sequence[Incident], digest: Digest, left: int, wait: float) -> Plan:
    """Return what to do about a digest of which nobody knows whether it arrived: nothing else before."""
    if left <= 0:
        return Plan("wait", wait=max(0.05, wait))
    return Plan("digest", tuple(i for i in waiting if i.told.place == digest.key) or tuple(waiting))


def _urgency(incident: Incident) -> tuple[int, float]:
    return -SEVERITIES.index(incident.severity), incident.opened


def _is_new(incident: Incident, budget: Budget) -> bool:
    told = incident.told
    return told.receipt is None and (
        not told.place or budget.digest is None or told.place != budget.digest.key
    )


def _option(
    channel: Channel, incident: Incident, budget: Budget, now: float, left: int, *, hurry: bool
) -> Plan:
    """Return what is to be done about one incident, or how long that has to wait."""
    quiet = quiet_hours_end(incident, now)
    if quiet is not None:
        return Plan("wait", wait=quiet - now)
    told, one = incident.told, (incident,)
    since = now - told.time
    if _is_new(incident, budget):
        rest = GATHER - (now - incident.opened)
        return Plan("wait", wait=rest) if rest > 0 and not hurry else Plan("send", one)
    is_news = told.status != incident.status
    if told.version == incident.version:
        enough = left >= SPARE or (hurry and left > 0)
        return Plan("details", one) if enough else Plan("wait", wait=max(0.05, budget.free_at() - now))
    if channel.edits and (told.receipt is None or told.receipt.id):
        rest = 0.0 if hurry or is_news else min(_LONGEST_EDIT_GAP, 1.0 + told.calls) - since
        what: What = "edit" if told.receipt is not None else "digest"
        return Plan("wait", wait=rest) if rest > 0 else Plan(what, one)
    if incident.status == "recovered" and incident.settings.get("mute"):
        return Plan("skip", one)
    rest = 0.0 if hurry or is_news else _NEWS_GAP - since
    return Plan("wait", wait=rest) if rest > 0 else Plan("update", one)


def quiet_hours_end(incident: Incident, now: float) -> float | None:
    """Return when an incident may be told of, if its quiet hours forbid it now."""
    if incident.severity == "critical":
        return None
    return quiet_until(str(incident.settings.get("quiet", "")), now)
