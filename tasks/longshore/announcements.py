"""What channels were told of a recorded run, and what they have still to be told."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from longshore.stores.interface import RunStore
    from longshore.stores.records import AlertRecord, IncidentRecord

_MOST_WAITING: Final = 10_000
"""Alerts of a channel that are looked through: more wait only where nothing has delivered for long."""


@dataclass(frozen=True, kw_only=True)
class Announcement:
    """What one channel was told of a run's step, or of the run itself.

    Attributes:
        channel: The channel's address.
        step: The step's name; empty for the run itself.
        status: How that stands: `failed`, `recovered` and the like; empty when it is not known.
        count: How many alerts there were of it, those of other runs that share its message included.
        told: When the channel showed the message, in seconds since 1970; None when it has not.
        message: What the channel calls the message, and where it is, or that one message tells of many;
            empty where it gives no name.
        waiting: Whether there is more that it has still to be told.
    """

    channel: str
    step: str
    status: str
    count: int
    told: float | None = None
    message: str = ""
    waiting: bool = False

    @property
    def when(self) -> str:
        """Why there is no time, or none of the newest: `waits`, `an update waits`; else nothing."""
        if not self.waiting:
            return ""
        return "waits" if self.told is None else "an update waits"


def read_announcements(store: RunStore, run_id: str) -> list[Announcement]:
    """Read what channels were told of a run, the oldest first, and what waits after that.

    Args:
        store: Where the run is.
        run_id: Its whole id.
    """
    told = [found for record in store.incidents() if (found := _of_incident(record, run_id)) is not None]
    return [*told, *_waiting(store, run_id)]


def _of_incident(record: IncidentRecord, run_id: str) -> Announcement | None:
    """Return what an incident says of a run; None when it is not about it."""
    if json.dumps(run_id) not in record.body:  # most are not, and reading one takes longer
        return None
    body = _mapping(_read(record.body))
    runs: Any = body.get("run_ids")
    if not isinstance(runs, list) or run_id not in runs:
        return None
    receipt, told = _mapping(body.get("receipt")), _mapping(body.get("told"))
    time = receipt.get("time") or told.get("time") or None
    name = " ".join(str(receipt[key]) for key in ("id", "place") if receipt.get(key))
    counts = [count for count in _mapping(body.get("counts")).values() if isinstance(count, int)]
    return Announcement(
        channel=record.channel,
        step=record.step,
        status=str(body.get("status", "")),
        count=sum(counts) or 1,
        told=float(time) if isinstance(time, int | float) else None,
        message=name or ("one message of many" if told.get("place") else ""),
        waiting=record.waiting,
    )


def _waiting(store: RunStore, run_id: str) -> Iterator[Announcement]:
    """Return the alerts of a run that no incident has taken in: whoever was to tell them has died, say."""
    for channel in store.waiting_channels():
        waiting = (alert for _, alert in store.alerts(channel, _MOST_WAITING) if alert.run_id == run_id)
        for (step, status), count in Counter(map(_subject, waiting)).items():
            yield Announcement(channel=channel, step=step, status=status, count=count, waiting=True)


def _subject(alert: AlertRecord) -> tuple[str, str]:
    return alert.step, alert.kind


def _read(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _mapping(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
