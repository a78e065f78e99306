"""Waiting for a row, expectations, tags, and the tables that a statement names."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from snowflake_rig import WAIT, sql
from snowflake_server import SnowflakeServer

from longshore import (
    AttemptTimedOut,
    ConfigurationError,
    Flow,
    JobFinished,
    JobRunning,
    ProcessExecutor,
    Success,
    TaskCancelled,
    flow,
)
from longshore.testing import raises_saying
from longshore_snowflake import (
    SnowflakeCheck,
    SnowflakeCheckFailed,
    SnowflakeConnection,
    SnowflakeExpectation,
    SnowflakeInputError,
    SnowflakeNotFoundError,
    SnowflakeQuery,
    SnowflakeTimeoutError,
    SnowflakeWait,
)
from longshore_snowflake.lineage import tables_of
from longshore_snowflake.statements import MOST_OF_A_TAG, Statement, key_mark, query_tag


def test_a_wait_ends_with_the_first_row_that_comes(dwh: SnowflakeConnection) -> None:
    sql(dwh, "CREATE TABLE loads (day TEXT, n INTEGER)")
    wait = SnowflakeWait(
        "SELECT n, day FROM loads WHERE day = ?", values=["d2"], interval=0.1, connection=dwh
    )
    found: list[Any] = []
    waiting = threading.Thread(target=lambda: found.append(wait()))
    waiting.start()
    sql(dwh, "INSERT INTO loads VALUES ('d1', 1)")
    time.sleep(0.5)
    assert found == []
    sql(dwh, "INSERT INTO loads VALUES ('d2', 2)")
    waiting.join(60)
    assert found == [{"N": 2, "DAY": "d2"}]


def test_a_wait_that_takes_too_long_fails_and_one_of_a_wrong_query_fails_at_once(
    dwh: SnowflakeConnection,
) -> None:
    wait = SnowflakeWait("SELECT 1 AS n WHERE 1 = 0", interval=0.1, max_wait=0.4, connection=dwh)
    with raises_saying(SnowflakeTimeoutError, "there was none within 0.4 s; give more by max_wait"):
        wait()
    with pytest.raises(SnowflakeNotFoundError):
        SnowflakeWait("SELECT * FROM nosuch", connection=dwh)()


def test_a_wait_is_a_step_whose_result_is_in_the_store(dwh: SnowflakeConnection, tmp_path: Path) -> None:
    @flow
    def waited() -> Any:
        return SnowflakeWait("SELECT 7 AS n", connection=dwh, name="waits")()["N"]

    run = waited.run(store=str(tmp_path / "runs.db"))
    assert isinstance(run.state, Success), run.states
    assert run.result == 7


def test_a_wait_whose_result_is_fetched_in_another_process_asks_there_again(dwh: SnowflakeConnection) -> None:
    with Flow("waits") as waits:
        SnowflakeWait("SELECT 7 AS n", connection=dwh, name="waits")()
    run = waits.run(executor=ProcessExecutor(1))
    assert run.results["waits"] == {"N": 7}, run.states


def test_a_wait_goes_on_when_snowflake_knows_nothing_of_one_look(
    dwh: SnowflakeConnection, snowflake_server: SnowflakeServer
) -> None:
    wait = SnowflakeWait("SELECT SYSTEM$WAIT(0.1) AS n", interval=0.1, connection=dwh)
    handle = wait.submit("a wait of this test")
    assert isinstance(wait.poll(handle), JobRunning)
    [asked] = snowflake_server.ask(f"/_queries?user={dwh.user}")
    snowflake_server.ask("/_lose", {"query_id": asked["id"]})
    end = time.monotonic() + 60
    while isinstance(status := wait.poll(handle), JobRunning):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert status == JobFinished()
    assert wait.result(handle) == {"N": "waited 0.1 seconds"}
    wait.discard(handle)


def test_all_that_is_wrong_is_told_at_once(dwh: SnowflakeConnection) -> None:
    sql(dwh, "CREATE TABLE t (id INTEGER, x DOUBLE)")
    sql(dwh, "INSERT INTO t VALUES (1, 0.5), (1, NULL), (2, 2.5)")
    check = SnowflakeCheck(
        {
            "no id twice": "SELECT id FROM t GROUP BY id HAVING count(*) > 1",
            "x is there": SnowflakeExpectation("SELECT count(*) FROM t WHERE x IS NULL", most=0),
            "enough rows": SnowflakeExpectation("SELECT count(*) FROM t", least=3),
            "nothing of 9": SnowflakeExpectation("SELECT id FROM t WHERE id = ?", values=[9]),
            "one highest": SnowflakeExpectation("SELECT max(id) FROM t", equals=3),
            "several": SnowflakeExpectation("SELECT id FROM t", rows_least=1, rows_most=2),
            "a value": SnowflakeExpectation("SELECT max(x) FROM t WHERE id = 9", least=0),
        },
        connection=dwh,
    )
    with pytest.raises(SnowflakeCheckFailed) as caught:
        check()
    assert caught.value.failures == {
        "no id twice": "1 rows instead of none: 1",
        "x is there": "the value is 1, at most 0 may be",
        "one highest": "the value is 2 and not 3",
        "several": "3 rows, at most 2 may be",
        "a value": "the value is NULL",
    }
    assert str(caught.value).startswith("5 of 7 expectations do not hold: 'no id twice': 1 rows instead of")
    assert set(caught.value.query_ids) == set(check.expectations)
    assert caught.value.retryable is False


def test_expectations_that_hold_return_the_queries(dwh: SnowflakeConnection) -> None:
    found = SnowflakeCheck({"nothing": "SELECT 1 WHERE 1 = 0"}, connection=dwh)()
    assert list(found) == ["nothing"]
    with raises_saying(ConfigurationError, "give at least one expectation"):
        SnowflakeCheck({})


def test_a_check_that_is_told_to_stop_cancels_its_queries(dwh: SnowflakeConnection) -> None:
    check = SnowflakeCheck(
        {"slow": WAIT.format(60), "slower": WAIT.format(90)}, connection=dwh, timeout=1.0, name="checks"
    )
    began = time.monotonic()
    with pytest.raises((AttemptTimedOut, TaskCancelled)):
        check()
    assert time.monotonic() - began < 40
    history = (
        "SELECT count(*) FROM TABLE(information_schema.query_history_by_user()) "
        "WHERE execution_status = 'RUNNING' AND startswith(query_text, 'SELECT SYSTEM$WAIT(')"
    )
    end = time.monotonic() + 30
    while sql(dwh, history) != [(0,)]:
        assert time.monotonic() < end, "its queries run on"
        time.sleep(0.1)


def test_a_query_that_times_out_is_cancelled(dwh: SnowflakeConnection) -> None:
    with pytest.raises(AttemptTimedOut):
        SnowflakeQuery(WAIT.format(60), connection=dwh, timeout=0.5)()


def test_a_tag_is_json_and_never_too_long() -> None:
    assert query_tag() == ""
    tag = json.loads(query_tag({"team": "data", "long": "x" * 3000, "more": 1}, "the-key"))
    assert tag == {"longshore": "the-key", "team": "data", "more": 1}
    assert query_tag({"a": 1}, "the-key").startswith(key_mark("the-key"))
    assert len(query_tag({"x": "y" * 1950}, "the-key")) <= MOST_OF_A_TAG


def test_a_statement_is_shown_short_and_without_its_values() -> None:
    statement = Statement("SELECT\n   ?,  1 -- " + "x" * 500, values=["hidden"])
    assert statement.shown.startswith("SELECT ?, 1 -- xxx")
    assert len(statement.shown) == 200
    for wrong in ("text", {"a": 1}):
        with raises_saying(SnowflakeInputError, "give a list of the values, one for each question mark"):
            Statement("SELECT ?", values=wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "reads", "writes"),
    [
        ("SELECT * FROM a.b JOIN c ON 1 = 1", "A.B C", ""),
        ("-- FROM x\nSELECT 'FROM y', $$FROM z$$ FROM \"odd name\" /* FROM w */", '"odd name"', ""),
        ("WITH t AS (SELECT 1 FROM a) SELECT * FROM t", "A", ""),
        ("INSERT INTO db.s.t (a, b) SELECT a, b FROM src", "SRC", "DB.S.T"),
        ("INSERT OVERWRITE INTO t VALUES (1)", "", "T"),
        ("MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN DELETE", "S", "T"),
        ("UPDATE t SET a = 1 FROM s WHERE t.id = s.id", "S", "T"),
        ("DELETE FROM t USING s WHERE t.id = s.id", "S", "T"),
        ("COPY INTO t FROM @stage/x FILE_FORMAT = (TYPE = CSV)", "", "T"),
        ("COPY INTO @stage/x FROM t", "T", ""),
        ("CREATE OR REPLACE TABLE IF NOT EXISTS t AS SELECT * FROM s", "S", "T"),
        ("TRUNCATE TABLE IF EXISTS t", "", "T"),
        ("SELECT EXTRACT(day FROM d), a IS DISTINCT FROM b FROM t", "T", ""),
        ("SELECT * FROM TABLE(f(1)), LATERAL FLATTEN(x)", "", ""),
        ("SELECT * FROM (SELECT 1 FROM inner_one) x", "INNER_ONE", ""),
        ("SHOW TABLES", "", ""),
        ("SELECT * FROM db . s . t", "DB.S.T", ""),
        ("CALL p(1)", "", ""),
        ("SELECT 'it''s \\' FROM x' FROM y", "Y", ""),
    ],
)
def test_the_tables_that_a_statement_names(text: str, reads: str, writes: str) -> None:
    found = tables_of(text)
    assert " ".join(map(str, found.reads)) == reads
    assert " ".join(map(str, found.writes)) == writes
