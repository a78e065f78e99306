"""What a SQLite store keeps for channels: alerts that wait, incidents, and which process tells a channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from longshore.stores.errors import LeaseLostError
from longshore.stores.interface import RunStore
from longshore.stores.leases import grant, lives
from longshore.stores.records import AlertRecord, IncidentRecord
from longshore.stores.rows import LEASE_COLUMNS, Row, lease_of, storable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from longshore.stores.connections import Database
    from longshore.stores.leases import Clock

_ALERT_COLUMNS: Final = "channel, flow, step, kind, severity, time, run_id, map_index, text, body"
_INCIDENT_COLUMNS: Final = "incident, channel, flow, step, open, waiting, opened, updated, body"
_ADD: Final = f"INSERT INTO alerts ({_ALERT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_WAITING: Final = f"SELECT id, {_ALERT_COLUMNS} FROM alerts WHERE channel = ? ORDER BY id LIMIT ?"
_PUT: Final = f"""
    INSERT INTO incidents ({_INCIDENT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (incident) DO UPDATE SET
        {", ".join(f"{name} = excluded.{name}" for name in _INCIDENT_COLUMNS.split(", ")[1:])}
"""
_HOLDER: Final = f"SELECT {LEASE_COLUMNS} FROM channels AS l WHERE l.channel = ?"
_TAKE: Final = "INSERT OR REPLACE INTO channels VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_GIVE: Final = "DELETE FROM channels WHERE channel = ? AND token = ?"
_STILL_TOLD: Final = "SELECT 1 FROM channels WHERE channel = ? AND token = ?"
_OLD: Final = "DELETE FROM incidents WHERE NOT open AND NOT waiting AND updated < ?"


class AlertTables(RunStore):
    """The part of a SQLite store that is about channels; the rest gives it the file and the clock."""

    _database: Database
    _clock: Clock
    _granted: set[tuple[str, str]]

    def add_alerts(self, alerts: Sequence[AlertRecord]) -> None:
        """Write what channels are to tell of, apart from any run."""
        rows = [_alert_values(storable(alert)) for alert in alerts]
        self._database.write(lambda c: c.executemany(_ADD, rows))

    def alerts(self, channel: str, limit: int) -> list[tuple[int, AlertRecord]]:
        """Return the oldest alerts that no incident of a channel has taken in yet, each with its number."""
        wanted = storable(channel), limit
        rows = self._database.read(lambda c: c.execute(_WAITING, wanted).fetchall())
        return [(row[0], _alert_of(row[1:])) for row in rows]

    def incidents(
        self, channel: str | None = None, *, open_only: bool = False, waiting_only: bool = False
    ) -> list[IncidentRecord]:
        """Return incidents, of one channel or of all, the oldest first."""
        conditions, values = ["1"], list[Any]()
        if channel is not None:
            conditions.append("channel = ?")
            values.append(storable(channel))
        conditions += ["open"] * open_only + ["waiting"] * waiting_only
        query = (
            f"SELECT {_INCIDENT_COLUMNS} FROM incidents WHERE {' AND '.join(conditions)} ORDER BY opened, id"
        )
        return [
            _incident_of(row) for row in self._database.read(lambda c: c.execute(query, values).fetchall())
        ]

    def waiting_channels(self) -> list[str]:
        """Return the addresses of channels that have alerts, or incidents that are `waiting`."""
        query = "SELECT channel FROM alerts UNION SELECT channel FROM incidents WHERE waiting ORDER BY 1"
        return [channel for [channel] in self._database.read(lambda c: c.execute(query).fetchall())]

    def take_channel(self, channel: str, token: str) -> bool:
        """Become the one process that tells a channel, or stay it for another while; see `RunStore`."""
        key = storable(channel)
        known = (key, token) in self._granted
        taken = self._database.write(lambda c: _take(c, self._clock, key, token, known=known))
        if taken:
            self._granted.add((key, token))
        else:
            self._granted.discard((key, token))
        return taken

    def give_channel(self, channel: str, token: str) -> None:
        """Let another process tell a channel; nothing happens when somebody else does."""
        key = storable(channel)
        self._granted.discard((key, token))
        self._database.write(lambda c: c.execute(_GIVE, (key, token)))

    def write_incidents(
        self, channel: str, token: str, incidents: Sequence[IncidentRecord], taken: Sequence[int]
    ) -> None:
        """Write incidents of a channel, and remove the alerts that they have taken in, all or none."""
        key = storable(channel)
        rows = [_incident_values(storable(incident)) for incident in incidents]
        self._database.write(lambda c: _write(c, key, token, rows, taken))


def add_alert(connection: sqlite3.Connection, alert: AlertRecord) -> None:
    """Write one alert, in a transaction that is open."""
    connection.execute(_ADD, _alert_values(alert))


def prune_incidents(connection: sqlite3.Connection, before: float) -> None:
    """Remove incidents that are over, wholly told, and were last updated before a time."""
    connection.execute(_OLD, (before,))


def _take(connection: sqlite3.Connection, clock: Clock, channel: str, token: str, *, known: bool) -> bool:
    row = connection.execute(_HOLDER, (channel,)).fetchone()
    lease = None if row is None else lease_of(row)
    # Who had it, and lost it while it was stopped, is told so once: what it knew may be old.
    if (lease is None or lease.token != token) and (known or (lease is not None and lives(lease, clock))):
        return False
    new = grant(token, clock)
    connection.execute(
        _TAKE,
        (channel, token, new.host, new.boot, new.namespace, new.pid, new.pid_started, new.until,
         new.until_wall, clock.wall()),
    )  # fmt: skip
    return True


def _write(
    connection: sqlite3.Connection, channel: str, token: str, rows: list[Row], taken: Sequence[int]
) -> None:
    if not connection.execute(_STILL_TOLD, (channel, token)).fetchone():
        raise LeaseLostError(
            f"cannot go on telling {channel!r}: this process does not tell it any more, another one took it "
            "over; what waits is told by that one"
        )
    connection.executemany(_PUT, rows)
    connection.executemany(
        "DELETE FROM alerts WHERE id = ? AND channel = ?", [(number, channel) for number in taken]
    )


def _alert_of(row: Row) -> AlertRecord:
    channel, flow, step, kind, severity, time, run_id, map_index, text, body = row
    return AlertRecord(
        channel=channel,
        flow=flow,
        step=step,
        kind=kind,
        severity=severity,
        time=time,
        run_id=run_id,
        map_index=map_index,
        text=text,
        body=body,
    )


def _alert_values(alert: AlertRecord) -> Row:
    """Return an alert's values in the order of `_ALERT_COLUMNS`."""
    return (
        alert.channel, alert.flow, alert.step, alert.kind, alert.severity, alert.time, alert.run_id,
        alert.map_index, alert.text, alert.body,
    )  # fmt: skip


def _incident_of(row: Row) -> IncidentRecord:
    incident, channel, flow, step, is_open, waiting, opened, updated, body = row
    return IncidentRecord(
        incident=incident,
        channel=channel,
        flow=flow,
        step=step,
        open=bool(is_open),
        waiting=bool(waiting),
        opened=opened,
        updated=updated,
        body=body,
    )


def _incident_values(incident: IncidentRecord) -> Row:
    """Return an incident's values in the order of `_INCIDENT_COLUMNS`."""
    return (
        incident.incident, incident.channel, incident.flow, incident.step, incident.open, incident.waiting,
        incident.opened, incident.updated, incident.body,
    )  # fmt: skip
