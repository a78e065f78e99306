"""`SnowflakeQuery`: its result in each form, its tag, its lineage, and what goes wrong."""

from __future__ import annotations

import datetime
import json
import pickle
import subprocess
import sys
import time
import traceback
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from snowflake_rig import WAIT, connection_to, sql
from snowflake_server import PASSWORD, REFUSED, SnowflakeServer

from longshore import JobFinished, MissingExtraError, Secret, Success, decode, encode, flow
from longshore.testing import raises_saying
from longshore_snowflake import (
    SnowflakeCancelledError,
    SnowflakeConnection,
    SnowflakeDataError,
    SnowflakeInputError,
    SnowflakeLoginError,
    SnowflakeNotFoundError,
    SnowflakeQuery,
    SnowflakeResult,
    SnowflakeSyntaxError,
    SnowflakeTimeoutError,
)
from longshore_snowflake.queries import cancel, submit
from longshore_snowflake.sessions import session
from longshore_snowflake.statements import Statement

pytestmark = pytest.mark.usefixtures("dwh")


@pytest.fixture
def flights(dwh: SnowflakeConnection) -> SnowflakeConnection:
    sql(dwh, "CREATE TABLE flights (carrier TEXT, delay INTEGER, price NUMBER(10, 2), day DATE)")
    sql(dwh, "INSERT INTO flights VALUES ('UA', 5, 12.50, '2013-01-01'), ('EV', -3, NULL, '2013-01-02')")
    return dwh


def test_the_result_is_arrow_and_rows_and_data_frames(flights: SnowflakeConnection) -> None:
    found = SnowflakeQuery("SELECT * FROM flights WHERE delay > ? ORDER BY delay", connection=flights)([-10])
    assert (found.row_count, found.kind, found.columns) == (2, "SELECT", ("CARRIER", "DELAY", "PRICE", "DAY"))
    assert len(found.query_id) == 36
    first = {"CARRIER": "EV", "DELAY": -3, "PRICE": None, "DAY": datetime.date(2013, 1, 2)}
    assert found.rows[0] == found.table.to_pylist()[0] == first
    assert found.rows[1]["PRICE"] == Decimal("12.50")
    assert list(found.pandas["CARRIER"]) == found.polars["CARRIER"].to_list() == ["EV", "UA"]


def test_no_row_keeps_the_columns(flights: SnowflakeConnection) -> None:
    found = SnowflakeQuery("SELECT carrier FROM flights WHERE delay > 1000", connection=flights)()
    assert (found.row_count, found.rows, found.columns) == (0, [], ("CARRIER",))
    assert found.table.column_names == ["CARRIER"]


def test_values_are_bound_and_never_part_of_the_text(flights: SnowflakeConnection) -> None:
    nasty = "x'; DROP TABLE flights; --"
    found = SnowflakeQuery("SELECT ? AS a, ? AS b, ? AS c, ? AS d", connection=flights)
    values = [nasty, 7, None, datetime.date(2013, 1, 1)]
    assert list(found(values).rows[0].values()) == values
    assert sql(flights, "SELECT count(*) FROM flights") == [(2,)]


def test_a_secret_is_bound_when_the_statement_is_sent(
    dwh: SnowflakeConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LONGSHORE_BOUND", "bound-canary")
    found = SnowflakeQuery("SELECT ? AS n", connection=dwh)([Secret("env:LONGSHORE_BOUND")])
    assert found.rows == [{"N": "bound-canary"}]


def test_a_statement_that_changes_rows_says_how_many(flights: SnowflakeConnection) -> None:
    found = SnowflakeQuery("UPDATE flights SET delay = delay + 1", connection=flights)()
    assert (found.row_count, found.kind) == (2, "UPDATE")
    assert SnowflakeQuery("CREATE TABLE t (n INTEGER)", connection=flights)().kind == "CREATE"
    assert SnowflakeQuery("INSERT INTO t SELECT delay FROM flights", connection=flights)().row_count == 2


def test_a_result_survives_a_run_store_and_a_pickle(flights: SnowflakeConnection) -> None:
    found = SnowflakeQuery("SELECT * FROM flights", connection=flights)()
    for again in (decode(encode(found)), pickle.loads(pickle.dumps(found))):
        assert again == found
        assert again.rows == found.rows
        assert (again.url, again.columns, again.reads) == (found.url, found.columns, found.reads)


def test_two_columns_of_one_name_are_no_dictionary(dwh: SnowflakeConnection) -> None:
    found = SnowflakeQuery("SELECT 1 AS a, 2 AS a", connection=dwh)()
    with raises_saying(SnowflakeInputError, "'A' names two columns; name one of them by AS"):
        assert found.rows


def test_a_result_that_takes_too_much_memory_is_refused(dwh: SnowflakeConnection) -> None:
    query = SnowflakeQuery(
        "SELECT seq4() AS n FROM TABLE(GENERATOR(ROWCOUNT => 100000))", max_memory=1000, connection=dwh
    )
    with raises_saying(SnowflakeInputError, "its 100,000 rows take more than max_memory=1,000 bytes"):
        query()


def test_a_step_selects_from_the_result(flights: SnowflakeConnection, tmp_path: Path) -> None:
    @flow
    def counted() -> Any:
        found = SnowflakeQuery("SELECT carrier FROM flights ORDER BY 1", connection=flights, name="found")()
        return found.rows

    run = counted.run(store=str(tmp_path / "runs.db"))
    assert isinstance(run.state, Success), run.states
    assert run.result == [{"CARRIER": "EV"}, {"CARRIER": "UA"}]


def test_importing_it_imports_neither_the_connector_nor_arrow() -> None:
    program = "import longshore_snowflake.plugin, sys; print({'snowflake', 'pyarrow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout == "set()\n", done.stderr


def test_without_the_connector_a_call_says_how_to_install_it() -> None:
    program = """
import sys
sys.modules["snowflake.connector"] = None
from longshore_snowflake import SnowflakeQuery
SnowflakeQuery("SELECT 1")()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    last = done.stderr.strip().splitlines()[-1]
    assert last.endswith("is not installed; run: pip install 'longshore[snowflake]'"), done.stderr


def test_a_data_frame_library_that_is_missing_is_named(
    dwh: SnowflakeConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = SnowflakeQuery("SELECT 1 AS n", connection=dwh)()
    monkeypatch.setitem(sys.modules, "polars", None)
    with raises_saying(MissingExtraError, "'polars' is not installed; run: pip install polars"):
        assert found.polars


@pytest.mark.parametrize(
    ("text", "kind", "code"),
    [
        ("SELEC 1", SnowflakeSyntaxError, 1003),
        ("SELECT * FROM nosuch", SnowflakeNotFoundError, 2003),
        ("SELECT 'x'::INTEGER", SnowflakeDataError, 100038),
    ],
)
def test_a_failed_statement_says_what_and_where(
    dwh: SnowflakeConnection, text: str, kind: type[Exception], code: int
) -> None:
    with pytest.raises(kind) as caught:
        SnowflakeQuery(text, connection=dwh)()
    error: Any = caught.value
    assert (error.code, error.retryable) == (code, False)
    assert f"cannot run {text!r}: Snowflake says {code:06d}" in str(error)
    assert f"query {error.query_id}, see https://app.snowflake.com/" in str(error)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.code, again.query_id, str(again)) == (kind, code, error.query_id, str(error))


def test_a_statement_that_takes_too_long_for_snowflake_says_so(dwh: SnowflakeConnection) -> None:
    query = SnowflakeQuery(WAIT.format(30), parameters={"STATEMENT_TIMEOUT_IN_SECONDS": 1}, connection=dwh)
    with raises_saying(SnowflakeTimeoutError, "raise STATEMENT_TIMEOUT_IN_SECONDS"):
        query()


def test_a_statement_that_somebody_cancels_says_so(dwh: SnowflakeConnection) -> None:
    task, own = SnowflakeQuery(WAIT.format(30), connection=dwh), session(dwh)
    query_id = submit(own, Statement(task.sql), "cancelled by somebody")
    cancel(own, query_id)
    cancel(own, query_id)
    end = time.monotonic() + 30
    while not isinstance(status := task.poll({"query": query_id}), JobFinished):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert isinstance(status.failure, SnowflakeCancelledError)
    assert (status.failure.reason, status.failure.retryable) == ("cancelled", False)


def test_every_query_is_tagged_with_where_it_comes_from(
    dwh: SnowflakeConnection, snowflake_server: SnowflakeServer
) -> None:
    @flow
    def nightly() -> Any:
        return SnowflakeQuery(
            "SELECT ? AS n", connection=dwh, query_tag={"team": "data", "flow": "mine"}, name="counts"
        ).map([[1], [2]])

    run = nightly.run()
    assert isinstance(run.state, Success), run.states
    tags = [json.loads(tag) for tag in tags_of(dwh, run.run_id)]
    assert sorted(tag.pop("longshore") != "" for tag in tags) == [True, True]
    common = {"flow": "nightly", "run": run.run_id, "step": "counts", "attempt": 1, "team": "data"}
    assert sorted(tags, key=lambda tag: tag["map_index"]) == [
        {**common, "map_index": 0},
        {**common, "map_index": 1},
    ]


def tags_of(connection: SnowflakeConnection, run_id: str) -> list[str]:
    history = (
        "SELECT query_tag FROM TABLE(information_schema.query_history_by_user()) WHERE contains(query_tag, ?)"
    )
    return [tag for (tag,) in sql(connection, history, run_id)]


def test_a_wrong_password_is_an_error_that_does_not_show_it(
    snowflake_server: SnowflakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connection_to(snowflake_server, user=REFUSED)
    with pytest.raises(SnowflakeLoginError, match=f"cannot log in to 'acme-tests' as '{REFUSED}'") as caught:
        SnowflakeQuery("SELECT 1", connection=connection)()
    assert caught.value.retryable is False
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


def test_the_fields_are_checked_when_the_task_is_made() -> None:
    with raises_saying(SnowflakeInputError, "it is empty"):
        SnowflakeQuery(" ")
    assert isinstance(SnowflakeQuery("SELECT 1").connection, SnowflakeConnection)
    assert SnowflakeResult.__name__ == "SnowflakeResult"
