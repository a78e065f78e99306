"""`SnowflakeScript`: one session, one transaction if wanted, and every end but a crash."""

from __future__ import annotations

import _thread
import contextlib
import pickle
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from snowflake_rig import sql
from snowflake_script_rig import COUNT, INSERTS, Ran
from snowflake_server import SnowflakeServer

from longshore import (
    AttemptTimedOut,
    ConfigurationError,
    Secret,
    Success,
    ThreadExecutor,
    Unknown,
    decode,
    encode,
    flow,
)
from longshore.testing import TaskContract, raises_saying
from longshore_snowflake import (
    SnowflakeConnection,
    SnowflakeDataError,
    SnowflakeInputError,
    SnowflakeNetworkError,
    SnowflakeScript,
    SnowflakeSyntaxError,
)
from longshore_snowflake.queries import execute
from longshore_snowflake.sessions import dedicated
from longshore_snowflake.statements import Statement


class TestSnowflakeScript(TaskContract):
    inputs: ClassVar[dict[str, Any]] = {"values": [1]}

    @pytest.fixture(autouse=True)
    def _connect(self, script_dwh: SnowflakeConnection) -> None:
        type(self).task = SnowflakeScript("INSERT INTO t VALUES (?); SELECT * FROM t", connection=script_dwh)


def test_each_statement_has_a_result(script_dwh: SnowflakeConnection) -> None:
    script = (
        "-- two rows\nINSERT INTO t VALUES (:n), (2);\n\nUPDATE t SET n = n + 1;SELECT * FROM t ORDER BY n"
    )

    found = SnowflakeScript(script, first_rows=1, connection=script_dwh)({"n": 7})

    shown = [(s.number, s.line, s.kind, s.row_count) for s in found.statements]
    assert shown == [(1, 1, "INSERT", 2), (2, 4, "UPDATE", 2), (3, 4, "SELECT", 2)]
    assert found.last.rows == [{"N": 3}]
    assert found.last.columns == ("N",)
    assert len({len(s.query_id) for s in found.statements} | {36}) == 1
    table = f"snowflake://acme-tests/{script_dwh.database}/PUBLIC/T"
    assert (found.statements[0].writes, found.last.reads) == ((table,), (table,))
    assert decode(encode(found)) == pickle.loads(pickle.dumps(found)) == found


def test_all_statements_run_in_one_session_of_their_own(
    script_dwh: SnowflakeConnection, ran_sql: Ran
) -> None:
    script = "SELECT 'one' AS a; USE SCHEMA PUBLIC; SELECT 'one' AS b"
    for _ in range(2):
        SnowflakeScript(script, connection=script_dwh)()

    sessions = [query["session"] for query in ran_sql("'one'")]
    assert sessions[0] == sessions[1] != sessions[2] == sessions[3]
    assert {query["session"] for query in ran_sql("CREATE")}.isdisjoint(sessions)


def test_the_session_is_closed_at_the_end_also_after_an_error(
    script_dwh: SnowflakeConnection, snowflake_server: SnowflakeServer, snowflake_user: str
) -> None:
    for text in ("SELECT 1", "SELEC 1"):
        before = len(closed(snowflake_server, snowflake_user))
        with contextlib.suppress(SnowflakeSyntaxError):
            SnowflakeScript(text, connection=script_dwh)()
        assert len(closed(snowflake_server, snowflake_user)) == before + 1


def closed(server: SnowflakeServer, user: str) -> list[Any]:
    asked = server.ask(f"/_requests?user={user}")
    return [each for each in asked if (each["method"], each["path"]) == ("POST", "/session")]


def test_a_file_is_read_where_the_step_runs(script_dwh: SnowflakeConnection, tmp_path: Path) -> None:
    file = tmp_path / "load.sql"
    task = SnowflakeScript(file, connection=script_dwh)
    with raises_saying(SnowflakeInputError, "load.sql'", "give a UTF-8 file that is on the machine"):
        task()
    file.write_bytes(b"\xef\xbb\xbfSELECT 'caf\xc3\xa9' AS a;\r\n\r\nSELEC 2")

    with pytest.raises(SnowflakeSyntaxError) as caught:
        task()

    assert str(caught.value).startswith(
        "cannot run statement 2 of 2, line 3, of 'load.sql': 'SELEC 2': Snowflake"
    )
    assert caught.value.line == 3
    file.write_bytes(b"\xef\xbb\xbfSELECT 'caf\xc3\xa9' AS a;\r\n")
    assert task().last.rows == [{"A": "café"}]


def test_a_text_that_names_a_file_is_refused_when_the_task_is_made() -> None:
    with raises_saying(ConfigurationError, "for a file give Path('sql/load.sql')"):
        SnowflakeScript("sql/load.sql")
    with raises_saying(SnowflakeInputError, "there is no statement in it"):
        SnowflakeScript("-- nothing yet\n;")
    with raises_saying(ConfigurationError, "first_rows=-1"):
        SnowflakeScript("SELECT 1", first_rows=-1)


def test_a_statement_that_ends_on_the_name_of_a_file_is_a_statement() -> None:
    assert SnowflakeScript("EXECUTE IMMEDIATE FROM @stage/load.sql").first_rows == 10


def test_columns_of_one_name_are_told_apart(script_dwh: SnowflakeConnection) -> None:
    found = SnowflakeScript("SELECT 1 AS a, 2 AS a, 3 AS b", connection=script_dwh)().last

    assert found.rows == [{"A": 1, "A_2": 2, "B": 3}]
    assert found.columns == ("A", "A", "B")


def test_files_are_put_into_a_stage_whatever_comments_stand_before(
    script_dwh: SnowflakeConnection, tmp_path: Path
) -> None:
    file = tmp_path / "a.csv"
    file.write_text("1\n2\n")

    script = f"CREATE STAGE s;\n-- the file; as it is\nPUT file://{file} @s;\nLIST @s"
    _, put, listed = SnowflakeScript(script, connection=script_dwh)().statements

    assert (put.kind, put.line, put.row_count, put.columns[:2]) == ("PUT", 2, 1, ("source", "target"))
    assert (put.rows[0]["source"], put.rows[0]["status"]) == ("a.csv", "UPLOADED")
    assert [row["name"] for row in listed.rows] == ["s/a.csv.gz"]


def test_an_error_says_statement_line_code_and_query(script_dwh: SnowflakeConnection) -> None:
    script = SnowflakeScript(
        f"{INSERTS}\n\nSELECT n,\n  'x'::INTEGER\nFROM t; SELECT 3", connection=script_dwh
    )

    with pytest.raises(SnowflakeDataError) as caught:
        script()

    error = caught.value
    assert str(error).startswith(
        "cannot run statement 3 of 4, line 4, of the script: \"SELECT n, 'x'::INTEGER FROM"
    )
    assert str(error).endswith("; 2 of its statements ran")
    assert f"query {error.query_id}, see https://app.snowflake.com/" in str(error)
    assert (error.code, error.retryable, len(error.query_id)) == (100038, False, 36)
    assert sql(script_dwh, COUNT) == [(2,)]
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.line) == (type(error), str(error), error.line)


def test_the_line_of_an_error_within_a_statement_is_a_line_of_the_script(
    script_dwh: SnowflakeConnection,
) -> None:
    with pytest.raises(SnowflakeSyntaxError) as caught:
        SnowflakeScript("SELECT 1;\n\nSELECT\n  n,\n  nosuch\nFROM t", connection=script_dwh)()

    if "error line 3" in str(caught.value):  # DuckDB does not always say where
        assert caught.value.line == 5
    assert 3 <= caught.value.line <= 5


def test_a_secret_is_bound_and_seen_nowhere(
    script_dwh: SnowflakeConnection,
    ran_sql: Ran,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("LONGSHORE_BOUND", "bound-canary-77")
    script = SnowflakeScript("DELETE FROM t WHERE n::TEXT = :key; SELECT nosuch", connection=script_dwh)

    with caplog.at_level("INFO"), pytest.raises(SnowflakeSyntaxError) as caught:
        script({"key": Secret("env:LONGSHORE_BOUND")})

    assert "bound-canary-77" not in f"{caught.value} {ran_sql('')} {caplog.text}"


def test_every_statement_is_tagged(script_dwh: SnowflakeConnection, ran_sql: Ran) -> None:
    @flow
    def nightly() -> Any:
        script = SnowflakeScript(
            INSERTS, transaction=True, query_tag={"team": "data"}, connection=script_dwh, name="load"
        )
        return script()

    run = nightly.run()

    assert isinstance(run.state, Success), run.states
    tags = [query["tag"] for query in ran_sql("^(BEGIN|INSERT|COMMIT)")]
    assert len(tags) == 4
    for tag in tags:
        assert f'"flow":"nightly","run":"{run.run_id}","step":"load","attempt":1,"team":"data"' in tag


def test_a_step_selects_from_the_results(script_dwh: SnowflakeConnection, tmp_path: Path) -> None:
    @flow
    def counted() -> Any:
        return SnowflakeScript(f"{INSERTS} {COUNT}", connection=script_dwh, name="count")().last.rows

    run = counted.run(store=str(tmp_path / "runs.db"))

    assert run.result == [{"N": 2}], run.states


def test_a_transaction_is_rolled_back_as_a_whole(script_dwh: SnowflakeConnection) -> None:
    script = SnowflakeScript(f"{INSERTS}\nSELECT 'x'::INTEGER", transaction=True, connection=script_dwh)

    with raises_saying(SnowflakeDataError, "statement 3 of 3, line 3,", "; the transaction was rolled back"):
        script()

    assert sql(script_dwh, COUNT) == [(0,)]
    assert script.replace(sql=INSERTS)().statements[1].row_count == 1
    assert sql(script_dwh, COUNT) == [(2,)]


def test_a_transaction_of_the_scripts_own_is_rolled_back_too(script_dwh: SnowflakeConnection) -> None:
    script = f"INSERT INTO t VALUES (0); BEGIN; {INSERTS} SELECT 'x'::INTEGER; COMMIT"

    with raises_saying(
        SnowflakeDataError, "4 of its statements ran; what its own BEGIN left open was rolled back"
    ):
        SnowflakeScript(script, connection=script_dwh)()

    assert sql(script_dwh, COUNT) == [(1,)]


def test_a_retry_begins_once_in_each_session_and_leaves_the_callers_list_alone(
    script_dwh: SnowflakeConnection, ran_sql: Ran
) -> None:
    sql(script_dwh, "INSERT INTO t VALUES (0)")
    values = [1]
    script = SnowflakeScript(
        "INSERT INTO t VALUES (?);\nUPDATE t SET n = n + 1", transaction=True, connection=script_dwh
    )
    with dedicated(script_dwh) as other:
        execute(other, Statement("BEGIN"))
        execute(other, Statement("UPDATE t SET n = 5"))

        def let_go(attempt: int) -> float:
            execute(other, Statement("ROLLBACK"))
            return 0.0

        script.replace(retries=1, retry_delay=let_go, history_lag=0)(values)

    assert values == [1]
    assert sorted(sql(script_dwh, "SELECT n FROM t")) == [(1,), (2,)]
    begins = [query["session"] for query in ran_sql("^BEGIN TRANSACTION")]
    assert len(begins) == len(set(begins)) == 2


def test_a_commit_whose_answer_is_lost_is_looked_for_and_not_made_twice(
    script_dwh: SnowflakeConnection,
    ran_sql: Ran,
    order_fault: Callable[..., None],
) -> None:
    order_fault(kind="cut_after", sql="^COMMIT")
    order_fault(kind="status", sql="^COMMIT", status=404, times=100)  # which the connector does not ask again

    found = SnowflakeScript(INSERTS, transaction=True, retries=1, connection=script_dwh, history_lag=0)()

    assert [s.row_count for s in found.statements] == [1, 1]
    assert sql(script_dwh, COUNT) == [(2,)]
    assert len(ran_sql("^BEGIN")) == 1


def test_a_commit_that_was_not_carried_out_is_an_error_and_is_retried(
    script_dwh: SnowflakeConnection,
    ran_sql: Ran,
    order_fault: Callable[..., None],
) -> None:
    order_fault(kind="status", sql="^COMMIT", status=404)
    script = SnowflakeScript(INSERTS, transaction=True, connection=script_dwh, history_lag=0)

    with raises_saying(SnowflakeNetworkError, "cannot run the COMMIT of the script:", "was rolled back"):
        script()

    assert sql(script_dwh, COUNT) == [(0,)]
    assert len(ran_sql("^BEGIN")) == 1


def test_a_commit_of_which_nothing_is_known_is_unknown_until_the_run_is_resumed(
    script_dwh: SnowflakeConnection, order_fault: Callable[..., None], tmp_path: Path
) -> None:
    @flow
    def loading() -> Any:
        return SnowflakeScript(
            INSERTS, transaction=True, retries=3, connection=script_dwh, history_lag=0, name="load"
        )()

    store = str(tmp_path / "runs.db")
    order_fault(kind="cut_after", sql="^COMMIT")
    order_fault(kind="status", sql="^COMMIT", status=404)
    order_fault(kind="status", sql="query_history", status=404, skip=2)

    run = loading.run(store=store)

    state = run.states["load"]
    assert isinstance(state, Unknown), state
    assert state.message.startswith("cannot say whether the script was committed: ")
    again = loading.resume(run.run_id, store=store)
    assert isinstance(again.state, Success), again.states
    assert again.results["load"].recalled is True
    assert sql(script_dwh, COUNT) == [(2,)]


def test_a_script_that_times_out_is_cancelled_at_snowflake_and_rolled_back(
    script_dwh: SnowflakeConnection, ran_sql: Ran
) -> None:
    script = SnowflakeScript(
        f"{INSERTS} SELECT SYSTEM$WAIT(60)", transaction=True, timeout=1, connection=script_dwh
    )

    began = time.monotonic()
    with pytest.raises(AttemptTimedOut):
        script()

    assert time.monotonic() - began < 30
    assert [(query["status"], query["code"]) for query in ran_sql("WAIT")] == [("FAILED_WITH_ERROR", 604)]
    assert len(ran_sql("^ROLLBACK")) == 1
    assert sql(script_dwh, COUNT) == [(0,)]


def test_a_cancelled_run_cancels_the_statement_at_snowflake(
    script_dwh: SnowflakeConnection, ran_sql: Ran
) -> None:
    @flow
    def long() -> Any:
        return SnowflakeScript(f"{INSERTS} SELECT SYSTEM$WAIT(60)", connection=script_dwh, name="long")()

    def interrupt() -> None:
        while not any(query["status"] == "RUNNING" for query in ran_sql("WAIT")):
            time.sleep(0.02)
        _thread.interrupt_main()

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        long.run(executor=ThreadExecutor(2))

    assert [(query["status"], query["code"]) for query in ran_sql("WAIT")] == [("FAILED_WITH_ERROR", 604)]


def test_replacing_the_transaction_takes_its_repeatability_along() -> None:
    script = SnowflakeScript(INSERTS, transaction=True)

    assert script.repeatable is True
    assert script.replace(retries=1).repeatable is True
    assert script.replace(transaction=False).repeatable is False
    assert SnowflakeScript(INSERTS, repeatable=True).replace(retries=1).repeatable is True
