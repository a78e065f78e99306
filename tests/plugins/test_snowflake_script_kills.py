"""`SnowflakeScript` in a process that is killed: what was committed is found, what was not is done once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import snowflake_dying
from snowflake_rig import sql
from snowflake_script_rig import COUNT, Ran
from snowflake_server import SnowflakeServer

from longshore import Success, Unknown
from longshore_snowflake import SnowflakeConnection

Killed = Callable[[str, str], Any]


@pytest.fixture
def killed(
    script_dwh: SnowflakeConnection,
    snowflake_server: SnowflakeServer,
    snowflake_user: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Killed:
    """Runs a script in a process that is killed at a point, and resumes its run here."""
    store = str(tmp_path / "runs.db")

    def resume(mode: str, point: str) -> Any:
        monkeypatch.setenv("DYING_USER", snowflake_user)
        monkeypatch.setenv("DYING_PORT", str(snowflake_server.port))
        monkeypatch.setenv("DYING_DATABASE", script_dwh.database)
        program = [sys.executable, snowflake_dying.__file__, mode, point, store, "dying-1"]
        done = subprocess.run(program, capture_output=True, text=True, timeout=60)
        assert done.returncode == -9, done.stderr
        return snowflake_dying.flow_of(mode).resume("dying-1", store=store)

    return resume


@pytest.mark.gate("D2")
def test_a_run_killed_in_its_transaction_begins_again_and_waits_for_nobody(
    script_dwh: SnowflakeConnection, killed: Killed, ran_sql: Ran
) -> None:
    run = killed("transaction", "before COMMIT")

    assert isinstance(run.state, Success), run.states
    assert run.results["script"].recalled is False
    assert run.results["script"].last.rows == [{"N": 2}]
    assert sql(script_dwh, COUNT) == [(2,)]
    assert len(ran_sql("ABORT_TRANSACTION")) == 1
    assert len(ran_sql("^BEGIN")) == 2


@pytest.mark.gate("D2")
def test_a_run_killed_behind_its_commit_finds_what_it_committed(
    script_dwh: SnowflakeConnection,
    killed: Killed,
    ran_sql: Ran,
    tmp_path: Path,
) -> None:
    run = killed("transaction", "after COMMIT")

    assert isinstance(run.state, Success), run.states
    found = run.results["script"]
    assert found.recalled is True
    assert [(s.number, s.kind, s.row_count) for s in found.statements] == [
        (1, "INSERT", 1), (2, "INSERT", 1), (3, "SELECT", 1),
    ]  # fmt: skip
    assert found.last.rows == [{"N": 2}]
    assert sql(script_dwh, COUNT) == [(2,)]
    assert len(ran_sql("^BEGIN")) == 1

    changed = snowflake_dying.flow_of("changed").resume(
        "dying-1", store=str(tmp_path / "runs.db"), rerun=["script"], changed="rerun"
    )

    assert changed.results["script"].recalled is False, changed.states
    assert sql(script_dwh, COUNT) == [(5,)]


def test_a_history_that_lags_behind_is_asked_again_before_the_commit(
    script_dwh: SnowflakeConnection,
    killed: Killed,
    ran_sql: Ran,
    order_fault: Callable[..., None],
) -> None:
    column = {
        "type": "text",
        "nullable": True,
        "length": 99,
        "byteLength": 99,
        "precision": None,
        "scale": None,
    }
    nothing = {
        "rowtype": [{"name": name, **column} for name in ("QUERY_ID", "QUERY_TAG", "EXECUTION_STATUS")],
        "rowset": [],
        "total": 0,
        "queryId": "01b1e2c3-0000-0000-0000-000000000001",
        "queryResultFormat": "json",
        "statementTypeId": 4096,
        "parameters": [],
    }
    order_fault(kind="answer", sql="query_history", skip=2, body={"data": nothing, "success": True})

    run = killed("transaction", "after COMMIT")

    assert isinstance(run.state, Success), run.states
    assert run.results["script"].recalled is True
    assert sql(script_dwh, COUNT) == [(2,)]
    assert len(ran_sql("^BEGIN")) == 2
    assert len(ran_sql("^COMMIT")) == len(ran_sql("^ROLLBACK")) == 1


def test_a_run_killed_in_a_script_without_a_transaction_is_unknown_unless_it_is_repeatable(
    script_dwh: SnowflakeConnection, killed: Killed, tmp_path: Path
) -> None:
    run = killed("plain", "at its end")

    assert isinstance(run.states["script"], Unknown)
    assert sql(script_dwh, COUNT) == [(2,)]

    again = snowflake_dying.flow_of("repeatable").resume("dying-1", store=str(tmp_path / "runs.db"))

    assert isinstance(again.state, Success), again.states
    assert sql(script_dwh, COUNT) == [(4,)]
