"""The server that stands for Snowflake in tests answers as Snowflake documents it."""

from __future__ import annotations

import http.client
import time
import urllib.error
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from snowflake_http import PlainSession
from snowflake_server import REFUSED, SnowflakeServer

LONG = "SELECT SYSTEM$WAIT(60)"


@pytest.fixture
def plain(snowflake_server: SnowflakeServer) -> PlainSession:
    """A session of a user whom no other test has."""
    return PlainSession(snowflake_server)


def test_a_login_answers_with_tokens_and_the_session(plain: PlainSession) -> None:
    data = plain.login["data"]
    assert data["token"] != data["masterToken"]
    assert data["validityInSeconds"] == 3600
    assert data["masterValidityInSeconds"] == 14_400
    assert data["sessionInfo"]["databaseName"] == plain.database


@pytest.mark.parametrize(
    ("login", "code"),
    [
        ({"LOGIN_NAME": REFUSED}, "390100"),
        ({"PASSWORD": "wrong"}, "390100"),
        ({"AUTHENTICATOR": "SNOWFLAKE_JWT", "TOKEN": "no.jwt.atall"}, "390144"),
        ({"AUTHENTICATOR": "OAUTH", "TOKEN": "expired"}, "390318"),
        ({"AUTHENTICATOR": "OAUTH", "TOKEN": "wrong"}, "390303"),
        ({"AUTHENTICATOR": "PROGRAMMATIC_ACCESS_TOKEN", "TOKEN": "wrong"}, "394400"),
    ],
)
def test_a_wrong_login_is_refused_with_its_code(
    snowflake_server: SnowflakeServer, login: dict[str, str], code: str
) -> None:
    answer = PlainSession(snowflake_server, **login).login
    assert (answer["success"], answer["code"]) == (False, code)


def test_a_token_that_has_expired_is_renewed_by_its_master_token(plain: PlainSession) -> None:
    plain.server.ask("/_expire", {"what": "session", "user": plain.user})
    assert plain.run("SELECT 1")["code"] == "390112"
    renewed = plain.send("/session/token-request", {"requestType": "RENEW"}, plain.master)["data"]
    plain.token = renewed["sessionToken"]
    assert plain.value("SELECT 5") == 5
    plain.server.ask("/_expire", {"what": "master", "user": plain.user})
    assert plain.send("/session/token-request", {}, renewed["masterToken"])["code"] == "390114"


def test_a_session_that_is_gone_is_not_known(plain: PlainSession) -> None:
    plain.server.ask("/_expire", {"what": "gone", "user": plain.user})
    assert plain.run("SELECT 1")["code"] == "390111"


def test_a_repeated_request_is_executed_once_and_answers_with_the_first_result(plain: PlainSession) -> None:
    plain.rows("CREATE TABLE t (a INT)")
    request_id = str(uuid.uuid4())
    answers = [plain.run("INSERT INTO t VALUES (1)", request_id=request_id) for _ in range(3)]
    assert len({answer["data"]["queryId"] for answer in answers}) == 1
    assert plain.value("SELECT COUNT(*) FROM t") == 1
    assert [each["executions"] for each in plain.queries() if each["text"].startswith("INSERT")] == [1]


def test_an_asynchronous_query_takes_its_time_and_tells_how_it_stands(plain: PlainSession) -> None:
    answer = plain.run("SELECT SYSTEM$WAIT(0.3), 7 AS x", asynchronous=True)
    query_id = answer["data"]["queryId"]
    assert answer["code"] == "333334"
    assert plain.status(query_id) == "RUNNING"
    result = plain.get(answer["data"]["getResultUrl"])
    assert (result["success"], result["data"]["total"]) == (True, 1)
    assert plain.status(query_id) == "SUCCESS"


def test_who_waits_for_a_result_for_long_is_told_to_ask_again(plain: PlainSession) -> None:
    plain.server.ask("/_settings", {"user": plain.user, "patience": 0.05})
    answer = plain.run("SELECT SYSTEM$WAIT(0.3)")
    assert answer["code"] == "333333"
    while answer["code"] == "333333":
        answer = plain.get(answer["data"]["getResultUrl"])
    assert answer["data"]["total"] == 1


@pytest.mark.parametrize("way", ["query id", "request id", "function", "logout"])
def test_a_query_that_is_cancelled_ends_with_its_code(plain: PlainSession, way: str) -> None:
    request_id, other = str(uuid.uuid4()), PlainSession(plain.server, plain.user)
    query_id = plain.run(LONG, asynchronous=True, request_id=request_id)["data"]["queryId"]
    if way == "query id":
        assert plain.send(f"/queries/{query_id}/abort-request", {}, plain.token)["success"]
    elif way == "request id":
        plain.send("/queries/v1/abort-request", {"requestId": request_id}, plain.token)
    elif way == "function":
        assert "terminated" in other.value(f"SELECT SYSTEM$CANCEL_QUERY('{query_id}')")
    else:
        plain.send("/session?delete=true", {}, plain.token)
    assert other.get(f"/queries/{query_id}/result")["code"] == "000604"
    assert other.send(f"/queries/{query_id}/abort-request", {}, other.token)["code"] == "000605"


def test_what_the_database_computes_is_cancelled_as_well(plain: PlainSession) -> None:
    many = "(SELECT SEQ4() AS n FROM TABLE(GENERATOR(ROWCOUNT => 1000000)))"
    query_id = plain.run(f"SELECT SUM(a.n * b.n) FROM {many} a, {many} b", asynchronous=True)["data"][
        "queryId"
    ]
    plain.send(f"/queries/{query_id}/abort-request", {}, plain.token)
    assert plain.get(f"/queries/{query_id}/result")["code"] == "000604"
    assert plain.value("SELECT 1") == 1


def test_a_statement_ends_at_its_time_limit(plain: PlainSession) -> None:
    answer = plain.run(LONG, STATEMENT_TIMEOUT_IN_SECONDS=1)
    assert (answer["code"], answer["data"]["sqlState"]) == ("000630", "57014")


def test_a_query_is_found_by_its_tag_in_the_history(plain: PlainSession) -> None:
    plain.run("SELECT nope", QUERY_TAG='{"longshore":"k"}')
    plain.run("ALTER SESSION SET QUERY_TAG = 'other'")
    history = "SELECT {} FROM TABLE(INFORMATION_SCHEMA.QUERY_HISTORY_BY_USER(RESULT_LIMIT => 50)) {}"
    only = 'WHERE QUERY_TAG LIKE \'{"longshore":"k"%\''
    found = [each for each in plain.queries() if each["tag"].startswith('{"longshore"')]
    assert plain.value(history.format("QUERY_ID", only)) == found[0]["id"]
    assert plain.value(history.format("ERROR_CODE", only)) == "000904"
    assert plain.value(history.format("EXECUTION_STATUS", only)) == "FAILED_WITH_ERROR"
    assert plain.value(history.format("COUNT(*)", "WHERE QUERY_TAG = 'other'")) == 4


def test_a_result_is_read_again_by_its_id_until_it_is_lost(plain: PlainSession) -> None:
    query_id = plain.run("SELECT 40 AS a UNION ALL SELECT 2")["data"]["queryId"]
    assert plain.value(f"SELECT SUM(a) FROM TABLE(RESULT_SCAN('{query_id}'))") == 42
    assert plain.server.ask("/_lose", {"query_id": query_id}) is True
    assert plain.status(query_id) == ""
    assert plain.get(f"/queries/{query_id}/result")["code"] == "000612"
    assert plain.run(f"SELECT * FROM TABLE(RESULT_SCAN('{query_id}'))")["code"] == "000709"


def test_several_statements_have_results_of_their_own(plain: PlainSession) -> None:
    text = "CREATE TABLE t (a VARCHAR); INSERT INTO t VALUES ('x;y'); -- the end; not\nSELECT * FROM t"
    data = plain.run(text, MULTI_STATEMENT_COUNT=3)["data"]
    ids = data["resultIds"].split(",")
    assert data["resultTypes"].split(",")[2] == "4096"
    assert plain.get(f"/queries/{ids[1]}/result")["data"]["rowset"] == [["1"]]
    assert plain.run("SELECT 1; SELECT 2")["code"] == "000008"


def test_a_large_result_comes_in_chunks(plain: PlainSession) -> None:
    data = plain.run("SELECT SEQ4() AS a FROM TABLE(GENERATOR(ROWCOUNT => 300000))")["data"]
    assert data["total"] == 300_000
    assert data["returned"] + sum(chunk["rowCount"] for chunk in data["chunks"]) == 300_000
    assert len(data["chunks"]) > 2


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("SELEC 1", "001003"),
        ("SELECT * FROM nowhere", "002003"),
        ("SELECT 1 / 0", "100051"),
        ("SELECT 'x'::INT", "100038"),
        ("LIST @nowhere", "002003"),
        ("CREATE FUNCTION f() RETURNS INT LANGUAGE JAVA AS 'x'", "001003"),
    ],
)
def test_what_is_refused_has_its_code(plain: PlainSession, statement: str, code: str) -> None:
    answer = plain.run(statement)
    assert (answer["success"], answer["code"]) == (False, code), answer


def test_a_temporary_table_is_the_sessions_own(plain: PlainSession) -> None:
    other = PlainSession(plain.server, plain.user)
    name = f'"{plain.database}"."PUBLIC"."scratch"'
    plain.rows(f"CREATE TEMPORARY TABLE {name} (a INT)")
    plain.rows(f"INSERT INTO {name} VALUES (1), (2)")
    assert plain.value(f"SELECT COUNT(*) FROM {name}") == 2
    assert other.run(f"SELECT COUNT(*) FROM {name}")["code"] == "002003"


def test_sums_of_integers_are_integers_and_a_session_says_who_it_is(plain: PlainSession) -> None:
    total = plain.value("SELECT SUM(a) FROM (SELECT 40 AS a UNION ALL SELECT 2)")
    assert (total, type(total)) == (42, int)
    plain.rows("USE WAREHOUSE big_wh")
    assert plain.value("SELECT CURRENT_WAREHOUSE()") == "BIG_WH"
    assert plain.value("SELECT CURRENT_USER()") == plain.user


def test_a_second_begin_is_ignored_and_ddl_commits(plain: PlainSession) -> None:
    plain.rows("CREATE TABLE t (a INT)")
    for text in ("BEGIN", "INSERT INTO t VALUES (1)", "BEGIN", "CREATE TABLE other (a INT)", "ROLLBACK"):
        plain.rows(text)
    assert plain.value("SELECT COUNT(*) FROM t") == 1


def test_a_merge_is_rolled_back_with_its_transaction(plain: PlainSession) -> None:
    plain.rows("CREATE TABLE t AS SELECT 1 AS k, 0 AS v")
    plain.rows("BEGIN")
    merge = (
        "MERGE INTO t USING (SELECT 1 AS k UNION ALL SELECT 2) s ON t.k = s.k "
        "WHEN MATCHED THEN UPDATE SET v = 9 WHEN NOT MATCHED THEN INSERT (k, v) VALUES (s.k, 9)"
    )
    assert plain.rows(merge) == [["1", "1"]]
    plain.rows("ROLLBACK")
    assert plain.value("SELECT SUM(v) + COUNT(*) FROM t") == 1


def test_writers_of_one_table_come_one_after_the_other(plain: PlainSession) -> None:
    plain.rows("CREATE TABLE t AS SELECT SEQ4() AS k, 0 AS v FROM TABLE(GENERATOR(ROWCOUNT => 100))")
    others = [PlainSession(plain.server, plain.user) for _ in range(3)]
    update = f'UPDATE "{plain.database}"."PUBLIC"."T" SET v = v + 1'
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda each: each.run(update), others * 4))
    assert [answer["success"] for answer in answers] == [True] * 12
    assert plain.value("SELECT MIN(v) * 1000 + MAX(v) FROM t") == 12_012


def test_a_fault_concerns_one_user_and_as_many_requests_as_were_ordered(plain: PlainSession) -> None:
    other = PlainSession(plain.server)
    plain.fault("status", status=503, path="query-request", times=2, skip=1)
    assert plain.value("SELECT 1") == 1
    for _ in range(2):
        with pytest.raises(urllib.error.HTTPError, match="503"):
            plain.run("SELECT 1")
    assert (plain.value("SELECT 1"), other.value("SELECT 1")) == (1, 1)
    asked = plain.server.ask(f"/_requests?user={plain.user}")
    assert [each.get("fault") for each in asked if each["sql"]] == [None, "status", "status", None]


@pytest.mark.parametrize(("kind", "executed"), [("cut", 0), ("cut_after", 1), ("truncated", 1)])
def test_a_connection_is_cut_before_or_after_the_statement(
    plain: PlainSession, kind: str, executed: int
) -> None:
    plain.rows("CREATE TABLE t (a INT)")
    plain.fault(kind, path="query-request")
    with pytest.raises((http.client.HTTPException, OSError)):
        plain.run("INSERT INTO t VALUES (1)")
    assert plain.value("SELECT COUNT(*) FROM t") == executed


def test_other_faults_are_a_page_an_answer_and_time(plain: PlainSession) -> None:
    plain.fault("html", sql="SELECT 1")
    with pytest.raises(ValueError, match="Expecting value"):
        plain.run("SELECT 1")
    plain.fault("answer", sql="SELECT 1", body={"success": False, "code": "000606"})
    assert plain.run("SELECT 1")["code"] == "000606"
    plain.fault("slow", sql="SELECT 1", seconds=0.2)
    start = time.monotonic()
    assert plain.value("SELECT 1") == 1
    assert time.monotonic() - start >= 0.2


def test_nothing_secret_is_remembered_of_requests(plain: PlainSession) -> None:
    plain.value("SELECT 1")
    assert "correct-horse" not in str(plain.server.ask("/_requests"))
    assert plain.token not in str(plain.server.ask("/_requests"))
