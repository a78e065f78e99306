"""What channels were told of a run is shown with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from longshore.alerts.incidents import Incident
from longshore.alerts.messages import Receipt
from longshore.announcements import Announcement, read_announcements
from longshore.histories import read_history
from longshore.reports.pages import Report, write_page
from longshore.stores.records import AlertRecord, IncidentRecord, RunRecord
from longshore.stores.sqlite import SQLiteStore

RUN = "5f2b01c4-0000-4000-8000-000000000001"
DATA, OPS = "slack:#data", "mailto:ops@example.org"


def alert(step: str = "load", kind: str = "failed", *, channel: str = DATA, run: str = RUN) -> AlertRecord:
    return AlertRecord(
        channel=channel, flow="nightly", step=step, kind=kind, severity="error", time=1.7e9, run_id=run,
        text="OSError: no",
    )  # fmt: skip


def told(*alerts: AlertRecord, receipt: Receipt | None, behind: int = 0) -> IncidentRecord:
    """Return an incident as the deliveries keep it, of which the last `behind` alerts were not told yet."""
    incident = Incident(
        f"{alerts[0].channel} {alerts[0].step}", alerts[0].channel, "nightly", alerts[0].step, 1.0
    )
    for one in alerts:
        incident.take(one)
    incident.told.receipt, incident.told.version = receipt, incident.version - behind
    return incident.to_record()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    store = SQLiteStore(tmp_path / "runs.db")
    store.create(RunRecord(run_id=RUN, flow="nightly", state="Failed", message="1 failed: load", ended=1.7e9))
    yield store
    store.close()


def write(store: SQLiteStore, *incidents: IncidentRecord) -> None:
    for incident in incidents:
        assert store.take_channel(incident.channel, "me")
        store.write_incidents(incident.channel, "me", [incident], [])


def test_what_was_told_and_what_waits_is_read_of_one_run(store: SQLiteStore) -> None:
    """Messages that other runs share too, and alerts that no message tells of yet."""
    shown = Receipt(id="1700000000.000100", place="C123", time=1.7e9 + 2)
    write(
        store,
        told(alert(), alert(run="another"), alert(kind="recovered"), receipt=shown, behind=1),
        told(alert("", channel=OPS), receipt=None, behind=1),
        told(alert("clean", run="another"), receipt=shown),
    )
    store.add_alerts([alert("post", channel=OPS)] * 2 + [alert("post", channel=OPS, run="another")])
    first, second, third = read_announcements(store, RUN)
    assert first == Announcement(
        channel=DATA, step="load", status="recovered", count=3, told=1.7e9 + 2,
        message="1700000000.000100 C123", waiting=True,
    )  # fmt: skip
    assert first.when == "an update waits"
    assert (second.channel, second.step, second.told, second.when) == (OPS, "", None, "waits")
    assert third == Announcement(channel=OPS, step="post", status="failed", count=2, waiting=True)


def test_one_message_that_tells_of_many_is_named_as_such(store: SQLiteStore) -> None:
    record = told(alert(), receipt=None)
    body = json.loads(record.body)
    body["told"] |= {"place": "digest 1", "time": 1.7e9 + 9}
    write(store, _with(record, body))
    [found] = read_announcements(store, RUN)
    assert (found.told, found.message, found.when) == (1.7e9 + 9, "one message of many", "")


def _with(record: IncidentRecord, body: object) -> IncidentRecord:
    text = body if isinstance(body, str) else json.dumps(body)
    return IncidentRecord(
        incident=record.incident, channel=record.channel, flow=record.flow, step=record.step, open=True,
        waiting=False, opened=1.0, updated=1.0, body=text,
    )  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        {"run_ids": [RUN]},
        {"run_ids": [RUN], "receipt": None, "counts": None, "told": []},
        {"run_ids": [RUN], "receipt": {"time": "late"}, "counts": {"failed": "x"}},
    ],
)
def test_an_incident_of_another_version_is_shown_as_far_as_it_is_understood(
    store: SQLiteStore, body: object
) -> None:
    write(store, _with(told(alert(), receipt=None), body))
    [found] = read_announcements(store, RUN)
    assert (found.channel, found.status, found.count, found.told) == (DATA, "", 1, None)


@pytest.mark.parametrize("body", ["", "no JSON", f'"{RUN}"', f'["{RUN}"]', f'{{"run_ids": "{RUN}"}}', "{}"])
def test_an_incident_that_names_no_runs_is_of_none(store: SQLiteStore, body: str) -> None:
    write(store, _with(told(alert(), receipt=None), body))
    assert read_announcements(store, RUN) == []


def test_the_command_shows_what_was_told(store: SQLiteStore, tmp_path: Path) -> None:
    pytest.importorskip("click", reason="needs longshore[cli]")
    from recorded_flows import Command

    command = Command(tmp_path)
    plain = command("show", RUN[:8], "--store", str(store.path))
    assert "alerts" not in plain.stdout
    shown = Receipt(id="1700000000.000100", time=1.7e9 + 2)
    write(store, told(alert(), alert(), receipt=shown), told(alert("", channel=OPS), receipt=None, behind=1))
    lines = command("show", RUN[:8], "--store", str(store.path)).stdout.splitlines()
    start = lines.index("alerts")
    rows = [line.split() for line in lines[start + 1 : start + 3]]
    assert rows[0][:5] == ["slack:#data", "load", "failed,", "2", "alerts"]
    assert rows[0][-1] == "1700000000.000100"
    assert rows[1] == ["mailto:ops@example.org", "the", "run", "failed", "waits"]
    alerts: list[dict[str, Any]] = command.told("show", RUN, "--store", str(store.path))["alerts"]
    assert [(one["channel"], one["told"], one["waiting"]) for one in alerts] == [
        (DATA, "2023-11-14T22:13:22+00:00", False),
        (OPS, None, True),
    ]


def test_the_page_shows_what_was_told(store: SQLiteStore) -> None:
    """Nothing of it is markup; a page of a run that nobody was told of has no such section."""
    history = read_history(store, RUN)
    assert "Alerts" not in write_page(Report(history, [], 2e9))
    write(store, told(alert(channel="<b>slack</b>"), receipt=Receipt(id="<i>7</i>", time=1.7e9 + 2)))
    page = write_page(Report(history, [], 2e9, alerts=read_announcements(store, RUN)))
    assert "<h2>Alerts</h2>" in page
    assert "&lt;b&gt;slack&lt;/b&gt;" in page
    assert "&lt;i&gt;7&lt;/i&gt;" in page
