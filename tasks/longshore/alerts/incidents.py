"""`Incident`: the failures of one step, or of a flow itself, that one message tells of."""

from __future__ import annotations

import functools
import json
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final

from longshore.alerts.messages import SEVERITIES, Receipt, Severity, as_severity
from longshore.stores.records import AlertRecord, IncidentRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_RUNS: Final = 20
_MOST_SHOWN: Final = 3
_ENDS: Final = frozenset({"recovered", "succeeded", "started"})
"""What nothing comes after: the incident is closed."""
_SETTINGS: Final = ("within", "quiet", "link", "mute")
_PROBLEMS: Final = frozenset({"failed", "retrying", "late", "silent", "cancelled"})


@dataclass(slots=True)
class Told:
    """What a channel has been told of an incident.

    Attributes:
        receipt: Where the message is, without an id when that is not known; None while it was not sent.
        place: The key of the digest that it is part of; empty when it has a message of its own.
        owes: Whether the long texts have still to be told, beneath it.
        inline: Whether the long texts are in the message itself.
        version: Which version of the incident was told.
        status: Its status then.
        time: When.
        calls: How many calls told something.
        doubts: How many calls were made, by what they were for, of which nobody knows what they did.
        late: How late it was told, in seconds, and why.
        again: Whether it may have been told twice.
    """

    receipt: Receipt | None = None
    place: str = ""
    owes: bool = False
    inline: bool = False
    version: int = 0
    status: str = ""
    time: float = 0.0
    calls: int = 0
    doubts: dict[str, int] = field(default_factory=dict[str, int])
    late: tuple[float, str] | None = None
    again: bool = False


@dataclass(slots=True)
class Incident:
    """What has happened to one step, or to a flow, since it first went wrong.

    Attributes:
        id: Its id.
        channel: The channel's address.
        flow: The flow's name; empty for a task called outside a flow.
        step: The step's name; empty for the flow itself.
        opened: When the first alert came, in seconds since 1970.
        updated: When the last one did.
        open: Whether more may come.
        status: How it stands: the last thing that was told, but for a retry beside other failures.
        severity: The highest so far.
        counts: How many alerts of each kind.
        run_ids: The last runs.
        runs: In how many runs there was trouble.
        first: The first alerts, and what is known of them.
        last: The last one that was a problem.
        settings: Of the alert: `within`, `quiet`, `link`; `mute` when its recovery is no news of its own.
        told: What the channel has been told.
        version: Grows with each alert.
    """

    id: str
    channel: str
    flow: str
    step: str
    opened: float
    updated: float = 0.0
    open: bool = True
    status: str = ""
    severity: Severity = "info"
    counts: dict[str, int] = field(default_factory=dict[str, int])
    run_ids: list[str] = field(default_factory=list[str])
    runs: int = 0
    first: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    last: dict[str, Any] = field(default_factory=dict[str, Any])
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    told: Told = field(default_factory=Told)
    version: int = 0

    @property
    def waiting(self) -> bool:
        """Whether the channel has still to be told something."""
        return self.told.version < self.version or self.told.owes

    @property
    def failures(self) -> int:
        """How many attempts, steps or runs failed for good."""
        return self.counts.get("failed", 0)

    def accepts(self, alert: AlertRecord) -> bool:
        """Whether an alert belongs to it: it is open, and of the same run or soon after the last one."""
        if not self.open or alert.kind == "recovered":
            return self.open
        if (alert.kind == "silent") != (self.status == "silent"):
            return False
        if alert.run_id in self.run_ids:
            return True
        return alert.time - self.updated <= float(self.settings.get("within", 3_600.0))

    def take(self, alert: AlertRecord) -> None:
        """Take an alert in."""
        body = _read(alert.body)
        self.version += 1
        self.updated = max(self.updated, alert.time)
        self.counts[alert.kind] = self.counts.get(alert.kind, 0) + 1
        self.settings.update({k: body[k] for k in _SETTINGS if k in body})
        if alert.run_id and alert.run_id not in self.run_ids:
            self.run_ids = [*self.run_ids, alert.run_id][-_MOST_RUNS:]
            self.runs += alert.kind in _PROBLEMS
        self._enter(alert.kind, alert.map_index)
        if alert.kind in _ENDS:
            self.open = False
        given = as_severity(alert.severity)
        if SEVERITIES.index(given) > SEVERITIES.index(self.severity):
            self.severity = given
        shown = {"text": alert.text, "time": alert.time, "run_id": alert.run_id, "kind": alert.kind,
                 "index": alert.map_index, **body}  # fmt: skip
        if len(self.first) < _MOST_SHOWN and (alert.kind in _PROBLEMS or not self.first):
            self.first.append(shown)
        if alert.kind in _PROBLEMS or not self.last:
            self.last = shown

    def _enter(self, kind: str, index: int) -> None:
        """One of a mapped step's that is tried again is no better news than another one's failure."""
        if not (kind in ("retrying", "late") and self.status == "failed" and index >= 0):
            self.status = kind

    def to_record(self) -> IncidentRecord:
        """Return it as a store keeps it."""
        told = asdict(self.told)
        body = {name: getattr(self, name) for name in _BODY} | {"told": told, "receipt": told["receipt"]}
        return IncidentRecord(
            incident=self.id, channel=self.channel, flow=self.flow, step=self.step, open=self.open,
            waiting=self.waiting, opened=self.opened, updated=self.updated, body=json.dumps(body),
        )  # fmt: skip

    @classmethod
    def of_record(cls, record: IncidentRecord) -> Incident:
        """Return the incident that a store has kept."""
        body = json.loads(record.body)
        told = body.pop("told")
        receipt = body.pop("receipt")
        told["receipt"] = Receipt(**receipt) if receipt is not None else None
        return cls(
            id=record.incident, channel=record.channel, flow=record.flow, step=record.step,
            opened=record.opened, updated=record.updated, open=record.open, told=Told(**told), **body,
        )  # fmt: skip


@functools.lru_cache(maxsize=16)
def _read(body: str) -> Mapping[str, Any]:
    """Return what an alert's body says; those of a mapped step's are mostly the same text."""
    return json.loads(body) if body else {}


_BODY: Final = tuple(
    f.name
    for f in fields(Incident)
    if f.name not in ("id", "channel", "flow", "step", "opened", "updated", "open", "told")
)
