"""Stores of every released version are read; what a version made is never changed."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from stores_at_work import RUN, check_integrity, success

from longshore import LeaseLostError, SQLiteStore
from longshore.stores.records import AlertRecord, IncidentRecord, JobRecord, LogRecord, StoredResult
from longshore.stores.schema import MIGRATIONS, bring_up_to_date

FROZEN = Path(__file__).parent / "stores"
VERSIONS = list(range(1, len(MIGRATIONS) + 1))
OTHER = "c0ffee00-0000-4000-8000-000000000003"


def build(path: Path, version: int) -> Path:
    """Make a store as a version of Longshore did."""
    connection = sqlite3.connect(path)
    connection.executescript((FROZEN / f"version_{version}.sql").read_text())
    connection.close()
    return path


def schema_of(path: Path) -> set[tuple[str, str]]:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    [version] = connection.execute("PRAGMA user_version").fetchone()
    [application] = connection.execute("PRAGMA application_id").fetchone()
    connection.close()
    return {(name, " ".join(sql.split())) for name, sql in rows} | {(f"{version}", f"{application}")}


def test_there_is_a_frozen_store_of_each_version() -> None:
    assert sorted(path.name for path in FROZEN.iterdir()) == [f"version_{v}.sql" for v in VERSIONS]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_migrations_make_what_a_version_was(tmp_path: Path, version: int) -> None:
    """Those that were released stay as they are."""
    connection = sqlite3.connect(tmp_path / "made.db", isolation_level=None)
    bring_up_to_date(connection, "made.db", MIGRATIONS[:version])
    connection.close()
    assert schema_of(tmp_path / "made.db") == schema_of(build(tmp_path / "frozen.db", version))


@pytest.mark.gate("D9")
@pytest.mark.parametrize("version", VERSIONS)
def test_a_store_of_any_version_becomes_one_of_this_version(tmp_path: Path, version: int) -> None:
    path = build(tmp_path / "old.db", version)
    store = SQLiteStore(path)
    assert len(store.runs()) == 3
    store.close()
    fresh = SQLiteStore(tmp_path / "fresh.db")
    assert fresh.runs() == []
    fresh.close()
    assert schema_of(path) == schema_of(tmp_path / "fresh.db")
    check_integrity(path)


@pytest.mark.gate("D9")
@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_version_recorded_is_read_by_this_one(tmp_path: Path, version: int) -> None:
    store = SQLiteStore(build(tmp_path / "old.db", version))
    run = store.run(RUN)
    assert (run.flow, run.name, run.target) == ("nightly", "the first", "/srv/flows.py:nightly")
    assert (run.parameters, run.fingerprint) == ('{"day": "2013-01-02"}', '{"load": "ab12"}')
    assert (run.tags, run.created, run.started, run.tries) == (("dwh", "daily"), 1000.0, 1001.0, 1)
    assert {run.state for run in store.runs(flow="nightly")} == {"Crashed"}  # nobody drives them any more
    [scheduled] = store.runs(states=["Scheduled"])
    assert (scheduled.due, scheduled.schedule) == (9000.0, "0 * * * *")
    places = [(step.step, step.map_index, step.state) for step in store.steps(RUN)]
    assert places == [
        ("load", -1, "Running"),
        ("clean", 0, "Success"),
        ("clean", 1, "Failed"),
        ("report", -1, "Success"),
    ]
    load, clean, failed, report = store.steps(RUN)
    assert (load.began, clean.ended, clean.attempt) == (1001.5, 1003.0, 2)
    assert clean.result == StoredResult(text="[1, 2]", size=6)
    assert report.result == StoredResult(serializer="pickle", place="a/b.pickle", size=9, digest="cd")
    assert (failed.result, failed.error, failed.traceback) == (None, "OSError: no", "Traceback ...")
    assert [t.state for t in store.transitions(RUN)] == ["Running", "Running", "Success", "Failed", "Success"]
    assert store.jobs(open_only=True) == [
        JobRecord(
            run_id=RUN, step="load", map_index=-1, attempt=1, serial=1, key="key-1", task='{"image": "x"}',
            handle='"c1"', cursor="line 3", state="submitted", time=1002.0,
        )
    ]  # fmt: skip
    assert store.logs(RUN) == [
        LogRecord(step="clean", map_index=0, attempt=2, time=1002.5, level=20, text="it's cleaned")
    ]
    store.close()


@pytest.mark.gate("D9")
@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_version_had_to_tell_is_told_by_this_one(tmp_path: Path, version: int) -> None:
    """Version 1 told nothing; who told a channel died with the machine's boot before."""
    store = SQLiteStore(build(tmp_path / "old.db", version))
    alert = AlertRecord(
        channel="slack:#data", flow="nightly", step="clean", kind="failed", severity="error", time=1004.0,
        run_id=RUN, map_index=1, text="OSError: it's broken", body='{"attempt": 1}',
    )  # fmt: skip
    told = IncidentRecord(
        incident="c1", channel="slack:#data", flow="nightly", step="load", open=True, waiting=False,
        opened=990.0, updated=995.0, body='{"status": "failed"}',
    )  # fmt: skip
    known = version > 1
    assert store.alerts("slack:#data", 10) == [(4, alert)] * known
    assert store.incidents(open_only=True) == [told] * known
    assert store.waiting_channels() == ["mail:ops", "slack:#data"] * known
    assert store.take_channel("slack:#data", "me")
    store.add_alerts([alert])
    store.write_incidents(
        "slack:#data", "me", [told], [number for number, _ in store.alerts(told.channel, 9)]
    )
    assert store.alerts("slack:#data", 10) == []
    store.close()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_run_of_an_older_version_goes_on(tmp_path: Path, version: int) -> None:
    """Its owner died with the machine's boot before; the slot it held is free."""
    store = SQLiteStore(build(tmp_path / "old.db", version))
    assert store.claim(RUN, "me").tries == 2
    store.write(RUN, "me", [success("load")])
    assert [step.state for step in store.steps(RUN)] == ["Success", "Success", "Failed", "Success"]
    assert [store.take_slot("dwh", 1, RUN, holder) for holder in "ab"] == [True, False]
    with pytest.raises(LeaseLostError):
        store.write(OTHER, "a lost token", [success("load")])
    store.close()
